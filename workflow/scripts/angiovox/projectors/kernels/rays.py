"""Where rays pass the planes of voxels across their main axis: what `joseph` samples by.

Rays that meet the grid are kept in groups, in rows of one quantity each, so that LLVM turns loops
over a group's rays into vectors. A group is of neighbouring pixels, which pass the same voxels.
"""

from __future__ import annotations

import numpy as np

from .jit import njit

TIE = 1 - 1e-9  # axes as good as equal: the first, whatever the last bits are
TILE_ROWS, TILE_COLUMNS = 4, 64  # pixels
GROUP = TILE_ROWS * TILE_COLUMNS  # rays
NO_PLANES = (1 << 40, -1)
# Where each row of a group begins: index at which a ray meets plane 0 and its slope, in voxels, on
# the next axis (I) and on the one after that (J); its main axis, first and last plane; its length
# in mm from a plane to the next
ZERO_I, SLOPE_I, ZERO_J, SLOPE_J, AXIS, FIRST, LAST, LENGTH, RAYS = (
    GROUP * row for row in range(9)
)


def empty_groups(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make room for `count` rays that `trace` may find.

    Returns
    -------
    numbers (rays,) of the rays in the groups' order; rows (groups, RAYS); and the first and last
    plane across each axis that a group passes, (groups, 3, 2), NO_PLANES for none.
    """
    groups = -(-count // GROUP)
    planes = np.full((groups, 3, 2), NO_PLANES, np.int64)
    rows = np.zeros((groups, RAYS))
    rows[:, AXIS : AXIS + GROUP] = -1
    return np.empty(count, np.int32), rows, planes


@njit(nogil=True, cache=True)
def trace(views, detector, rows, place, shape, groups):
    """Find the planes and the line of each ray that meets the grid; returns how many do.

    views : source, origin, u and v, see `geometry.views`. rows : of pixels, the first and the one
    after the last, counted through all views. place : first voxel and voxel size in mm. groups :
    empty ones; a ray's number counts from the first pixel of the rows.
    """
    start, stop, line, count = np.empty(3), np.empty(3), np.empty(4), 0
    width = detector[1]
    for first_row in range(rows[0], rows[1], TILE_ROWS):
        for first_column in range(0, width, TILE_COLUMNS):
            for row in range(first_row, min(first_row + TILE_ROWS, rows[1])):
                for j in range(first_column, min(first_column + TILE_COLUMNS, width)):
                    _ends(views, row // detector[0], row % detector[0], j, place, start, stop)
                    axis = _main_axis(start, stop)
                    first, last = _cross(start, stop, axis, shape, line)
                    if first <= last:
                        groups[0][count] = (row - rows[0]) * width + j
                        length = _length(start, stop, axis, place[1])
                        _keep(groups, count, axis, first, last, line, length)
                        count += 1
    return count


@njit(nogil=True, cache=True, inline="always")
def _keep(groups, count, axis, first, last, line, length):
    _, rows, planes = groups
    group, k = count // GROUP, count % GROUP
    for row in range(4):
        rows[group, row * GROUP + k] = line[row]
    rows[group, AXIS + k], rows[group, FIRST + k], rows[group, LAST + k] = axis, first, last
    rows[group, LENGTH + k] = length
    planes[group, axis, 0] = min(planes[group, axis, 0], first)
    planes[group, axis, 1] = max(planes[group, axis, 1], last)


@njit(nogil=True, cache=True, inline="always", error_model="numpy")
def _length(start, stop, axis, voxel_size):
    """Length of a ray in mm from a plane to the next."""
    total = 0.0
    for other in range(3):
        total += ((stop[other] - start[other]) * voxel_size[other]) ** 2
    return np.sqrt(total) / abs(stop[axis] - start[axis])


@njit(nogil=True, cache=True, inline="always", error_model="numpy")
def _ends(views, view, i, j, place, start, stop):
    """Both ends of a ray in voxel indices; in the operations of `geometry.views.ray_ends`."""
    source, origin, u, v = views
    for axis in range(3):
        end = origin[view, axis] + i * u[view, axis] + j * v[view, axis]
        begin = source[view, axis] + (1 - source[view, 3]) * end
        start[axis] = (begin - place[0][axis]) / place[1][axis]
        stop[axis] = (end - place[0][axis]) / place[1][axis]


@njit(nogil=True, cache=True, inline="always")
def _main_axis(start, stop):
    x, y, z = abs(stop[0] - start[0]), abs(stop[1] - start[1]), abs(stop[2] - start[2])
    least = max(x, y, z) * TIE
    return 0 if x >= least else (1 if y >= least else 2)


@njit(nogil=True, cache=True, error_model="numpy")
def _cross(start, stop, axis, shape, line):
    """First and last plane between a ray's ends where it is less than a voxel outside."""
    along = stop[axis] - start[axis]
    if along == 0:  # a pixel in the source
        return 1, 0
    low = min(start[axis], stop[axis])
    first, last = max(low, 0.0), min(low + abs(along), shape[axis] - 1.0)
    for step in range(2):
        other = (axis + 1 + step) % 3
        slope = (stop[other] - start[other]) / along
        at_zero = start[other] - start[axis] * slope
        line[2 * step], line[2 * step + 1] = at_zero, slope
        first, last = _clip(first, last, at_zero, slope, shape[other])
    return np.int64(np.ceil(first)), np.int64(np.floor(last))


@njit(nogil=True, cache=True, inline="always", error_model="numpy")
def _clip(first, last, at_zero, slope, count):
    """Range of planes where the line is less than a voxel outside; empty ends before it begins."""
    if slope == 0:
        return (first, last) if -1 < at_zero < count else (1.0, 0.0)
    one, other = (-1 - at_zero) / slope, (count - at_zero) / slope
    first, last = max(first, min(one, other)), min(last, max(one, other))
    return (first, last) if first <= last else (1.0, 0.0)
