"""Shifts that views two by two leave open, found from three views or more.

Of coplanar views, each two agree wherever a third stands: a shift along their plane changes no
plane's contrast. But vessels are where all views show contrast, and they are fewest where one is
off: what is largest at the right shifts is the sum over points of the squared least line integral.

Turns and shifts along rays are left to pairs and header, since they change how large vessels are,
and the sum with it: where two views cross it goes as one over the sine of the angle between them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from scipy.linalg import null_space
from scipy.optimize import minimize

from ...geometry.grid import Grid
from ...geometry.views import Views
from ..measurement import Angiograms
from .consistency import TINY, contrast_of
from .refinement import Prior

FEWEST = 3  # views; where two see contrast depends on no pose between them
# ASSUME: what pairs determine to less than a fifth of the prior's deviation is left to them.
OPEN = 25.0  # of the Hessian, in the prior's standard deviations
# ASSUME: smoothing of line integrals in the isocentre and distance of points, mm, coarse to fine;
# and the weight of the sum's logarithm, by which 0.2 mm is one standard deviation.
STAGES = ((2.5, 2.5), (1.2, 2.0))
WEIGHT = 300.0
REACH = 5.0  # mm by which views may be off where points are looked at
LEAST = 0.02  # of the greatest line integral, below which a point adds nothing
STEP = 0.3  # standard deviations of the prior, of the first steps and of second derivatives


def concurred(
    angiograms: Angiograms, poses: np.ndarray, hessian: np.ndarray, prior: Prior, grid: Grid
) -> tuple[np.ndarray, np.ndarray]:
    """Shift views along what pairs leave open, to where most contrast of all views concurs.

    poses : (views, 6) radians and mm that pairs have led to. hessian : (6 views, 6 views) of
    theirs, in the prior's standard deviations.

    Returns poses, and the Hessian with what was found; both as they were for two views.
    """
    directions, stiffness = _open_shifts(angiograms.views, hessian, prior)
    if len(angiograms) < FEWEST or not directions.size:
        return poses, hessian
    scale = np.tile(prior.sizes, len(angiograms))

    def at(along: np.ndarray) -> np.ndarray:
        return poses + (scale * (directions @ along)).reshape(poses.shape)

    along = np.zeros(len(stiffness))
    for smoothing, spacing in STAGES:
        concurring = _concurring(angiograms, at(along), grid, smoothing, spacing)

        def energy(along: np.ndarray, concurring: Callable = concurring) -> float:
            kept = ((at(along) / prior.sizes) ** 2).sum() + (stiffness * along**2).sum()
            return float(kept / 2 - WEIGHT * np.log(concurring(at(along)) + TINY))

        first = {"direc": STEP * np.eye(len(along)), "xtol": 0.02, "ftol": 1e-4}
        found = minimize(energy, along, method="Powell", options=first)
        along = found.x if found.fun < energy(along) else along
    curvature = np.maximum(_second(energy, along) - 1 - stiffness, 0)
    return at(along), hessian + (directions * curvature) @ directions.T


def _open_shifts(views: Views, hessian: np.ndarray, prior: Prior) -> tuple[np.ndarray, np.ndarray]:
    """Shifts along detectors that pairs leave open, and the pairs' second derivative along each.

    Those that a shift of all views together makes are left out. Returns directions (6 views, n) in
    the prior's standard deviations, orthonormal, and (n,).
    """
    count = len(views)
    across = np.zeros((count, 6, count, 2))
    for view, axes in enumerate(zip(views.u, views.v, strict=True)):
        across[view, 3:, view] = (axes / np.linalg.norm(axes, axis=1, keepdims=True)).T
    across = across.reshape(6 * count, 2 * count)
    together = np.tile(np.eye(6)[:, 3:], (count, 1))
    shifts = across @ null_space((across.T @ together).T)
    values, vectors = np.linalg.eigh(shifts.T @ hessian @ shifts)
    return shifts @ vectors[:, values < OPEN], values[values < OPEN]


def _concurring(
    angiograms: Angiograms, start: np.ndarray, grid: Grid, smoothing: float, spacing: float
) -> Callable[[np.ndarray], float]:
    """The sum over points of the squared least line integral, of poses (views, 6) near a start.

    smoothing : of line integrals; spacing : of points, mm.
    """
    views = angiograms.views
    pixels = [arm.pixel_size[0] / arm.magnification for arm in angiograms.arms]
    images = [_contrast(angiograms, n, smoothing / pixel) for n, pixel in enumerate(pixels)]
    reach = [
        ndimage.maximum_filter(image, 2 * round(REACH / pixel) + 1)
        for image, pixel in zip(images, pixels, strict=True)
    ]
    points = _points(grid, spacing)
    most = _least(reach, views.moved(start), points)
    points = points[most > LEAST * most.max()]

    def total(poses: np.ndarray) -> float:
        return float((_least(images, views.moved(poses), points) ** 2).sum(dtype=np.float64))

    return total


def _contrast(angiograms: Angiograms, number: int, sigma: float) -> np.ndarray:
    """Contrast of a view (i, j) float32 above its background, smoothed; sigma in pixels.

    Its mean over what shows contrast is 1, so that no view's filling matters.
    """
    values, seen = contrast_of(angiograms, number)
    values = np.where(seen, values, 0).clip(0)
    mean = values.sum() / max(np.count_nonzero(seen), 1)
    return ndimage.gaussian_filter(values / max(mean, TINY), sigma).astype(np.float32)


def _points(grid: Grid, spacing: float) -> np.ndarray:
    """Points (n, 3) in mm over a field."""
    half = np.multiply(grid.shape, grid.voxel_size) / 2
    axes = [np.arange(-edge + spacing / 2, edge, spacing) for edge in half]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3) + grid.centre


def _least(images: list[np.ndarray], views: Views, points: np.ndarray) -> np.ndarray:
    """The least over the views (n,) of the pixels nearest to points; 0 beside a detector."""
    pixels = np.rint(views.project(points)).astype(np.int64)
    least = np.full(len(points), np.inf, np.float32)
    for image, (i, j) in zip(images, pixels.transpose(0, 2, 1), strict=True):
        inside = (i >= 0) & (j >= 0) & (i < image.shape[0]) & (j < image.shape[1])
        seen = np.where(
            inside, image[i.clip(0, image.shape[0] - 1), j.clip(0, image.shape[1] - 1)], 0
        )
        np.minimum(least, seen, out=least)
    return least


def _second(function: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    """Second derivatives along each axis, by differences."""
    steps = STEP * np.eye(len(at))
    return np.array(
        [(function(at + s) + function(at - s) - 2 * function(at)) / STEP**2 for s in steps]
    )
