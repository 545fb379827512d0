"""The grid that a reconstruction fills: what all views see in common."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..errors import InputError
from ..geometry.grid import Grid
from ..projectors.voxel_backprojection import back_project
from .channels import directions, scaled
from .measurement import Angiograms

LARGEST_MM = 260.0  # edge of the cube that is searched: a head
SEARCH_MM = 4.0  # voxels of the search
MARGIN_MM = 5.0  # around what may be vessel
# ASSUME: places this faint beside the brightest artery, and this share of the squared brightness
# at either end of an axis, are no reason for a larger grid.
FAINTEST, LEFT_OUT = 0.05, 5e-4
# ASSUME: smaller spots in an image are noise, and no reason for a larger grid.
LEAST_AREA, LEAST_PIXELS = 4.0, 6  # mm^2 in the isocentre, and pixels
# ASSUME: noise is about the same within such a window: it grows with what the beam passes.
NOISE_WINDOW_MM = 8.0  # standard deviation, in the isocentre
# ASSUME: brighter than so many standard deviations of the noise about it, a spot is vessel; down to
# so few, what touches it is its course.
CLEAR_LEVEL, FAINT_LEVEL = 3.0, 2.0
# ASSUME: so near the edge of what was measured, what a motion of the head leaves looks like a
# vessel: the mask's slope is not known there. A field reaches beyond it by its margin.
EDGE_MM = 2.5
# Bytes of a voxel that a reconstruction takes at most, and those that there are without asking.
BYTES_PER_VOXEL = 190


def common_field(
    angiograms: Angiograms, voxel_mm: float = 0.5, memory: float | None = None
) -> Grid:
    """The smallest grid that holds all places which every view sees and none shows empty.

    voxel_mm : edge of a voxel. memory : bytes that may be taken; None for no limit.

    Raises
    ------
    InputError : views that have no field, or no vessel, in common; a grid that needs more memory,
        with the voxel size that would do.
    """
    count = int(LARGEST_MM / SEARCH_MM)
    middle = tuple(_crossing(angiograms).tolist())
    search = Grid((count,) * 3, (SEARCH_MM,) * 3, middle)
    views = angiograms.views
    inside = back_project(np.ones(views.shape, np.float32), search, views, "sum") > len(views) - 0.5
    if not inside.any():
        raise InputError(
            "the runs do not look at the same place: no point of the patient is in all images; "
            "was the table moved between them?"
        )
    hull = back_project(_reached(angiograms), search, views, "minimum") * inside
    filled = hull > FAINTEST
    if not filled.any():
        raise InputError(
            "no place is seen filled in all runs: what one shows, another has not; are they "
            "injections of different vessels, or was the table moved between them?"
        )
    box = _box(search.to_mm(np.argwhere(filled)), hull[filled] ** 2)
    grid = _around(*box, voxel_mm)
    if memory is not None:
        _check_memory(grid, voxel_mm, memory)
    return grid


def _crossing(angiograms: Angiograms) -> np.ndarray:
    """The point (3,) that is nearest to all central rays, mm."""
    rays, starts = directions(angiograms.views), angiograms.views.source[:, :3]
    across = np.eye(3) - rays[:, :, None] * rays[:, None, :]
    return np.linalg.lstsq(across.sum(axis=0), (across @ starts[:, :, None]).sum(axis=0)[:, 0])[0]


def _reached(angiograms: Angiograms) -> np.ndarray:
    """Brightness (views, i, j) of vessels near each pixel: a search voxel's shadow is many wide."""
    images = scaled(angiograms)[-1]
    shown = []
    for image, measured, arm in zip(images, angiograms.measured, angiograms.arms, strict=True):
        per_mm = arm.magnification / arm.pixel_size[0]
        bright = vessel_pixels(image, measured, per_mm)
        around = 2 * int(np.ceil(SEARCH_MM / 2 * per_mm)) + 1
        shown.append(ndimage.maximum_filter(np.where(bright, image, 0), around))
    return np.array(shown, dtype=np.float32)


def vessel_pixels(image: np.ndarray, measured: np.ndarray, per_mm: float) -> np.ndarray:
    """Pixels (i, j) bool of vessels that stand out of the noise about them, and the fainter ones
    that touch these.

    per_mm : pixels in a mm of the isocentre.
    """
    noise = local_noise(image, measured, NOISE_WINDOW_MM * per_mm)
    inner = ndimage.binary_erosion(measured, iterations=int(np.ceil(EDGE_MM * per_mm)))
    labels, _ = ndimage.label(inner & (image > FAINT_LEVEL * noise), np.ones((3, 3)))
    clear = np.bincount(labels[image > CLEAR_LEVEL * noise], minlength=labels.max() + 1)
    clear[0] = 0
    return (clear >= max(LEAST_PIXELS, int(LEAST_AREA * per_mm**2)))[labels]


def local_noise(image: np.ndarray, measured: np.ndarray, window: float) -> np.ndarray:
    """Standard deviation (i, j) of an image's noise about each pixel.

    Contrast is positive, so that negative values are noise alone: of those about a pixel, the root
    mean square, and nowhere less than the whole image's spread about its median. Behind bone, where
    few photons arrive, noise is several times that of the whole.

    window : standard deviation in pixels of the weights of those about a pixel.
    """
    values = image[measured]
    whole = 1.4826 * np.median(np.abs(values - np.median(values))) if len(values) else 0.0
    below = (measured & (image < 0)).astype(np.float32)
    squares = ndimage.gaussian_filter(below * np.float32(image) ** 2, window)
    weights = ndimage.gaussian_filter(below, window)
    local = np.sqrt(np.divide(squares, weights, out=np.zeros_like(squares), where=weights > 1e-6))
    return np.maximum(local, whole)


def _box(places: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner (3,) around places (n, 3) but for the outermost of their weight."""
    low, high = [], []
    for along in places.T:
        order = np.argsort(along)
        share = np.cumsum(weights[order]) / weights.sum()
        ends = np.searchsorted(share, [LEFT_OUT, 1 - LEFT_OUT])
        first, last = along[order][np.minimum(ends, len(along) - 1)]
        low.append(first - MARGIN_MM)
        high.append(last + MARGIN_MM)
    return np.array(low), np.array(high)


def _around(low: np.ndarray, high: np.ndarray, voxel_mm: float) -> Grid:
    shape = np.ceil((high - low) / voxel_mm).astype(int)
    return Grid(tuple(shape.tolist()), (voxel_mm,) * 3, tuple(((low + high) / 2).tolist()))


def _check_memory(grid: Grid, voxel_mm: float, memory: float) -> None:
    needed = float(np.prod(grid.shape)) * BYTES_PER_VOXEL
    if needed > memory:
        larger = np.ceil(voxel_mm * np.cbrt(needed / memory) * 20) / 20
        shape = " x ".join(map(str, grid.shape))
        raise InputError(
            f"a grid of {shape} voxels of {voxel_mm:g} mm needs {needed / 1e9:.1f} GB, and "
            f"{memory / 1e9:.1f} GB are free; choose voxels of {larger:g} mm"
        )
