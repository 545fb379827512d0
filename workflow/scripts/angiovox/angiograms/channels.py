"""What a network sees of angiograms in each voxel, whatever the number of views and their angles.

Line integrals are scaled by each view's brightest vessels, since runs differ in dilution and some
in unit. Channels are, of line integrals as measured and as smoothed: least and mean value over the
views that see a voxel; how the mean is spread over directions (the second moment of the views'
directions, weighted by their values, without its trace); least and mean value of what arrives in
each phase of the filling, 0 where that is not known; a reconstruction by SIRT, which shares a ray's
contrast among all voxels on it; and of the views on whose detector the voxel lies, the share that
measured it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ..geometry.grid import Grid
from ..geometry.views import Views
from ..projectors.sirt import sirt
from ..projectors.voxel_backprojection import back_project
from .measurement import Angiograms
from .phases import PHASES

SMOOTHING = (0.0, 0.6)  # mm in the isocentre, standard deviations
# ASSUME: as much of a view, in the isocentre, is as bright as its largest artery.
BRIGHTEST = 60.0  # mm^2
LARGEST = 3.0  # of a scaled line integral
# ASSUME: what a view's brightest pixels pass of vessel, for a rough share of contrast.
BRIGHTEST_MM = 5.0
COARSE = 2  # voxels along an edge that are one of SIRT
ITERATIONS = 12
# ASSUME: a pixel shows contrast from so many standard deviations of noise on, and so do its
# neighbours up to a distance that poses are off by after a calibration.
NOISE_LEVEL, REACH = 3.5, 2  # pixels
MOMENTS = ((0, 0), (1, 1), (0, 1), (0, 2), (1, 2))  # of the directions; the trace is 1
FIRST_MOMENT = 2 * len(SMOOTHING)
FIRST_PHASE = FIRST_MOMENT + len(MOMENTS)
COUNT = FIRST_PHASE + 2 * PHASES + 2


@dataclass(frozen=True, eq=False)
class Prepared:
    """What channels of any part of a grid are computed from.

    images : of each smoothing, (views, i, j) float32 scaled line integrals. phases : the same of
    each phase of the filling, smoothed; none where it is not known. seen : (views, i, j) float32,
    1 where measured. coarse : SIRT's share of contrast on the coarser grid of `grid`.
    """

    images: tuple[np.ndarray, ...]
    phases: tuple[np.ndarray, ...]
    seen: np.ndarray
    views: Views
    coarse: np.ndarray
    grid: Grid


def prepare(angiograms: Angiograms, grid: Grid, threads: int = 1) -> Prepared:
    """Scale and smooth line integrals, and reconstruct them by SIRT on a coarse grid."""
    images, seen = scaled(angiograms), angiograms.measured.astype(np.float32)
    coarse = _by_sirt(images[-1], angiograms, coarser(grid), threads)
    return Prepared(images, scaled_phases(angiograms), seen, angiograms.views, coarse, grid)


def _by_sirt(images: np.ndarray, angiograms: Angiograms, grid: Grid, threads: int) -> np.ndarray:
    """Share of contrast (x, y, z) that SIRT finds where every view shows some."""
    fewer, views = binned(np.clip(images, 0, None), angiograms.views)
    shown = np.array(
        [shows_contrast(*one) for one in zip(images, angiograms.measured, strict=True)]
    )
    shown, _ = binned(shown.astype(np.float32), angiograms.views)
    support = back_project(shown, grid, views, "minimum", threads) > 0
    measured = fewer / np.float32(BRIGHTEST_MM)
    return sirt(measured, grid, views, ITERATIONS, (0.0, 1.0), support, threads=threads)


def shows_contrast(
    image: np.ndarray, measured: np.ndarray, least: int = 0, reach: int = REACH
) -> np.ndarray:
    """Pixels (i, j) bool where contrast may be: brighter than noise, or near such a one.

    least : pixels that touch and are bright together; fewer are taken for noise. reach : pixels by
    which what is bright is widened. What was not measured may be anything.
    """
    if not measured.any():
        return np.ones(image.shape, bool)
    values = image[measured]
    level = NOISE_LEVEL * 1.4826 * np.median(np.abs(values - np.median(values)))
    bright = image > level
    if least > 1:
        labels, _ = ndimage.label(bright, np.ones((3, 3)))
        bright &= np.bincount(labels.ravel())[labels] >= least
    if reach:
        bright = ndimage.maximum_filter(bright, 2 * reach + 1)
    return ~measured | bright


def binned(images: np.ndarray, views: Views) -> tuple[np.ndarray, Views]:
    """Means of 2 x 2 pixels of images (views, i, j), and their views, without an odd last row."""
    count, width, height = images.shape
    pairs = images[:, : width // 2 * 2, : height // 2 * 2]
    pairs = pairs.reshape(count, width // 2, 2, height // 2, 2).mean(axis=(2, 4))
    origin, detector = views.origin + (views.u + views.v) / 2, (width // 2, height // 2)
    return pairs, replace(views, origin=origin, u=2 * views.u, v=2 * views.v, detector=detector)


def scaled(angiograms: Angiograms) -> tuple[np.ndarray, ...]:
    """Line integrals of each smoothing, (views, i, j) float32, in parts of each view's vessels."""
    scales = _scales(angiograms)
    return tuple(_smooth(angiograms.line_integrals, angiograms, mm, scales) for mm in SMOOTHING)


def scaled_phases(angiograms: Angiograms) -> tuple[np.ndarray, ...]:
    """Smoothed line integrals of each phase, (views, i, j) float32, in the same parts; none where
    they are not known."""
    if angiograms.phases is None:
        return ()
    phases, scales = np.swapaxes(angiograms.phases, 0, 1), _scales(angiograms)
    return tuple(_smooth(one, angiograms, SMOOTHING[-1], scales) for one in phases)


def _scales(angiograms: Angiograms) -> list[float]:
    views = zip(angiograms.line_integrals, angiograms.measured, angiograms.arms, strict=True)
    return [scale(*one, arm.magnification / arm.pixel_size[0]) for *one, arm in views]


def _smooth(
    images: np.ndarray, angiograms: Angiograms, smoothing: float, scales: list[float]
) -> np.ndarray:
    """Images (views, i, j) smoothed by so many mm, in parts of each view's scale."""
    results = []
    for image, measured, arm, own in zip(
        images, angiograms.measured, angiograms.arms, scales, strict=True
    ):
        pixels = np.multiply(smoothing * arm.magnification, np.reciprocal(arm.pixel_size))
        results.append(ndimage.gaussian_filter(np.where(measured, image, 0), pixels) / own)
    return np.clip(np.array(results, dtype=np.float32), -LARGEST, LARGEST)


def scale(image: np.ndarray, measured: np.ndarray, pixels_per_mm: float) -> float:
    """Line integral of the brightest vessels of a view, without its noise; at least 1e-6."""
    smooth = ndimage.gaussian_filter(np.where(measured, image, 0), SMOOTHING[-1] * pixels_per_mm)
    values = smooth[measured]
    count = min(int(BRIGHTEST * pixels_per_mm**2), len(values))
    brightest = np.partition(values, -count)[-count] if count else 1.0
    return max(float(brightest), 1e-6)


def coarser(grid: Grid) -> Grid:
    """The grid of SIRT, which covers the same field."""
    shape = tuple(-(-edge // COARSE) for edge in grid.shape)
    return Grid(shape, tuple(COARSE * edge for edge in grid.voxel_size), grid.centre)


def channels(prepared: Prepared, grid: Grid, threads: int = 1) -> np.ndarray:
    """Channels (COUNT, x, y, z) float32 of a grid, or of a part of one."""
    views, result = prepared.views, np.empty((COUNT, *grid.shape), np.float32)
    seen = back_project(prepared.seen, grid, views, "mean", threads)
    for number, images in enumerate(prepared.images):
        result[2 * number] = _root(back_project(images, grid, views, "minimum", threads))
        mean = back_project(images, grid, views, "mean", threads)
        result[2 * number + 1] = _root(mean)
    towards = directions(views)
    for number, (a, b) in enumerate(MOMENTS):
        weights = towards[:, a] * towards[:, b] - (1 / 3 if a == b else 0)
        weighted = weights.astype(np.float32)[:, None, None] * prepared.images[-1]
        moment = back_project(weighted, grid, views, "mean", threads)
        # A mean of 0.1 in one direction alone is as telling as one of 1.
        result[FIRST_MOMENT + number] = moment / np.sqrt(np.maximum(mean, 0.01))
    result[FIRST_PHASE : FIRST_PHASE + 2 * PHASES] = 0
    for number, images in enumerate(prepared.phases):
        for side, combine in enumerate(("minimum", "mean")):
            found = _root(back_project(images, grid, views, combine, threads))
            result[FIRST_PHASE + 2 * number + side] = found
    result[-2] = _root(_sampled(prepared.coarse, coarser(prepared.grid), grid))
    result[-1] = seen
    return result


def directions(views: Views) -> np.ndarray:
    """Unit vectors (views, 3) from each source towards its detector's centre."""
    middle = (np.array(views.detector) - 1) / 2
    centres = views.origin + middle[0] * views.u + middle[1] * views.v
    rays = centres - views.source[:, :3]
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def part(grid: Grid, start: np.ndarray, shape: tuple[int, int, int]) -> Grid:
    """The grid of voxels start to start + shape of another."""
    middle = np.asarray(start) + (np.asarray(shape) - 1) / 2
    return Grid(shape, grid.voxel_size, tuple(grid.to_mm(middle).tolist()))


def _root(values: np.ndarray) -> np.ndarray:
    """Square roots with their sign: thin vessels are not lost beside thick ones."""
    return np.copysign(np.sqrt(np.abs(values)), values)


def _sampled(volume: np.ndarray, grid: Grid, at: Grid) -> np.ndarray:
    """A coarse volume's values, interpolated, at the voxels of a finer grid."""
    first = grid.to_index(at.first)
    steps = np.divide(at.voxel_size, grid.voxel_size)
    return ndimage.affine_transform(
        volume, steps, first, at.shape, order=1, mode="nearest", output=np.float32
    )
