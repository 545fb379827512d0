"""Voxels that are vessel in whatever volume explains a view: the middle of what must be filled.

On a ray, voxels that no view empties form stretches. One that must hold a run of l mm of vessel and
is itself m mm long is filled in its middle 2 l - m mm, wherever the run lies. What must lie in a
stretch is what the pixel measured less what all other stretches of the ray can hold.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..geometry.grid import Grid
from ..geometry.views import Views
from ..projectors.kernels.jit import njit
from .evidence import Evidence

STEP_MM = 0.25  # along a ray
# ASSUME: contrast lies within this distance of where a ray passes nearest to the isocentre.
REACH_MM = 110.0
# ASSUME: vessels hold no more contrast per mm than the one it was measured in and a tenth.
DENSER = 1.1
AT_ONCE = 1 << 14  # voxels
BOUND, FILLED = 1, 2


def required(
    voxels: np.ndarray, evidence: Evidence, grid: Grid, views: Views, threads: int = 1
) -> np.ndarray:
    """Tell what some view requires of voxels.

    A run is solid, and other views see it as thick as this one sees it wide: another stretch can
    hold of it only the share that other views see there at most.

    Parameters
    ----------
    voxels : (n, 3) indices of voxels that no view empties.

    Returns
    -------
    (n,) uint8: FILLED where the run covers the voxel wherever it lies, BOUND where a run must lie
    in the voxel's stretch, else 0.
    """
    points = grid.to_mm(voxels)
    margin = 0.5 * min(grid.voxel_size)
    geometry = views.matrices, views.source
    least = evidence.least_mm / np.float32(DENSER)
    widths = np.stack([_widths(*view) for view in zip(least, evidence.pixel_mm, strict=True)])
    images = evidence.possible, least, evidence.most_mm, widths
    result = np.zeros(len(points), np.uint8)

    def work(start: int) -> None:
        part = slice(start, start + AT_ONCE)
        _fill(points[part], geometry, images, margin, result[part])

    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        list(pool.map(work, range(0, len(points), AT_ONCE)))
    return result


@njit(nogil=True, cache=True, error_model="numpy")
def _fill(points, geometry, images, margin, result):
    """Set what some view's ray requires of points (n, 3)."""
    matrices, sources = geometry
    least = images[1]
    along = np.empty(3)
    for number in range(len(points)):
        point = points[number]
        for view in range(len(matrices)):
            if result[number] == FILLED:
                break
            i, j = _pixel(matrices[view], point, 0.0, along)
            if not (0 <= i < least.shape[1] and 0 <= j < least.shape[2]):
                continue
            needed = least[view, i, j]
            if needed > 2 * margin and images[3][view, i, j] > 2 * margin:
                source = sources[view]
                for axis in range(3):
                    along[axis] = source[3] * point[axis] - source[axis]
                along /= np.sqrt(np.sum(along**2))
                run = needed, min(needed, images[3][view, i, j])
                found = _requires(view, point, along, run, matrices, images, margin)
                result[number] = max(result[number], found)


@njit(nogil=True, cache=True, error_model="numpy")
def _requires(view, point, along, run, matrices, images, margin):
    """What a run of so many mm, and so wide, makes of a point on its ray: 0, BOUND or FILLED."""
    needed, width = run
    one = _stretch(view, point, along, matrices, images)
    other = _stretch(view, point, -along, matrices, images)
    middle = 0.0
    for axis in range(3):
        middle -= point[axis] * along[axis]
    left = needed - margin
    for side in (-1, 1):
        place = side * ((one if side > 0 else other) + STEP_MM)
        while side * (place - middle) < REACH_MM:
            left -= _holds(view, point, place, along, width, matrices, images) * STEP_MM
            if left <= 0:
                return 0
            place += side * STEP_MM
    return FILLED if left > max(one, other) else BOUND


@njit(nogil=True, cache=True, error_model="numpy")
def _stretch(view, point, along, matrices, images):
    """How far from a point in mm other views leave a ray possible."""
    place = 0.0
    while place < REACH_MM:
        if _holds(view, point, place + STEP_MM, along, 1e-9, matrices, images) == 0:
            break
        place += STEP_MM
    return place


@njit(nogil=True, cache=True, error_model="numpy")
def _holds(view, point, place, along, width, matrices, images):
    """Share of something so wide (mm) that may be at a place, by all views but the ray's own."""
    possible, _, most, _ = images
    share = 1.0
    for other in range(len(matrices)):
        if other != view:
            i, j = _pixel(matrices[other], point, place, along)
            if 0 <= i < most.shape[1] and 0 <= j < most.shape[2]:
                if not possible[other, i, j]:
                    return 0.0
                share = min(share, most[other, i, j] / width)
    return share


@njit(nogil=True, cache=True, inline="always", error_model="numpy")
def _pixel(matrix, point, place, along):
    """Nearest pixel of a point on a line; (-1, -1) behind the source."""
    x, y, z = (
        point[0] + place * along[0],
        point[1] + place * along[1],
        point[2] + place * along[2],
    )
    c = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3]
    if c <= 0:
        return -1, -1
    a = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]
    b = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]
    return np.int64(np.floor(a / c + 0.5)), np.int64(np.floor(b / c + 0.5))


@njit(nogil=True, cache=True, error_model="numpy")
def _widths(least, pixel_mm):
    """Width in mm (i, j) of the widest disc about a pixel that sees half as much throughout."""
    widths = np.zeros_like(least)
    for i in range(least.shape[0]):
        for j in range(least.shape[1]):
            if least[i, j] > 0:
                reach = 0
                while _ring_least(least, i, j, reach + 1) >= least[i, j] / 2:
                    reach += 1
                widths[i, j] = (2 * reach + 1) * pixel_mm
    return widths


@njit(nogil=True, cache=True)
def _ring_least(least, i, j, reach):
    """The least value on a circle of pixels, 0 beyond the image."""
    smallest = least[i, j]
    for number in range(8 * reach):
        turn = 2 * np.pi * number / (8 * reach)
        a = i + np.int64(np.rint(reach * np.cos(turn)))
        b = j + np.int64(np.rint(reach * np.sin(turn)))
        if not (0 <= a < least.shape[0] and 0 <= b < least.shape[1]):
            return least.dtype.type(0)
        smallest = min(smallest, least[a, b])
    return smallest
