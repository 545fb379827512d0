"""The kernel of `voxel_backprojection`: bilinear samples of all views for a plane of voxels.

A stretch of voxels along z at a time: loops of their own find where a view sees each of them, fetch
the pixels there, and combine the samples, so that LLVM turns all but the fetching into vectors.
"""

from __future__ import annotations

import numpy as np

from .jit import njit
from .pairs import copy_pair

EDGE = 1e-6  # pixels beyond the outermost that count as on it: rounding must not decide
MINIMUM, MEAN = 2, 1  # combinations
STRETCH = 128  # voxels
F, G, SEEN, SIGHT = (STRETCH * row for row in range(4))  # rows of what is known of a stretch
VALUE, COUNT, RESULT = (STRETCH * row for row in range(3))
FAST = {"nnan", "nsz"}


@njit(nogil=True, cache=True, error_model="numpy")
def fill_plane(images, matrices, x, combination, unseen, plane):
    """Combine what views have for a plane (y, z) of voxels.

    images : (views, i, j), in one piece. matrices : (views, 3, 4) of voxel indices. combination :
    number of the sum, mean or minimum. unseen : the value where no view sees a voxel.
    """
    _, rows, columns = images.shape
    memory, number = images.ravel(), images.dtype.type
    sight, places = np.empty(SIGHT, number), np.empty(STRETCH, np.int64)
    corners, result = np.empty(4 * STRETCH, number), np.empty(RESULT)
    for y in range(plane.shape[0]):
        for start in range(0, plane.shape[1], STRETCH):
            result[:COUNT] = np.inf if combination == MINIMUM else 0.0
            result[COUNT:] = 0
            for view in range(len(matrices)):
                _project(matrices[view], x, y, start, rows, columns, places, sight)
                _fetch(memory, view * rows * columns, rows, columns, places, corners)
                _combine(sight, corners, combination == MINIMUM, result)
            for k in range(min(STRETCH, plane.shape[1] - start)):
                count = result[COUNT + k]
                shares = count if combination == MEAN else 1.0
                plane[y, start + k] = result[VALUE + k] / shares if count > 0 else unseen


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _project(matrix, x, y, start, rows, columns, places, sight):
    """Where a view sees voxels: the first of four pixels, the shares of the others, and whether."""
    number, last_i, last_j = sight.dtype.type, rows - 1.0, columns - 1.0
    before_i, before_j = max(last_i - 1, 0.0), max(last_j - 1, 0.0)
    a, b, c = matrix[:, 0] * x + matrix[:, 1] * y + matrix[:, 2] * start + matrix[:, 3]
    step_a, step_b, step_c = matrix[:, 2]
    for k in range(STRETCH):
        depth = c + step_c * k
        before = depth > 0
        depth = depth if before else 1.0
        u, v = (a + step_a * k) / depth, (b + step_b * k) / depth
        on_i, on_j = (u >= -EDGE) & (u <= last_i + EDGE), (v >= -EDGE) & (v <= last_j + EDGE)
        u, v = min(max(u, 0.0), last_i), min(max(v, 0.0), last_j)
        i, j = min(np.floor(u), before_i), min(np.floor(v), before_j)
        places[k] = np.int64(i) * columns + np.int64(j)
        sight[F + k], sight[G + k] = number(u - i), number(v - j)
        sight[SEEN + k] = number(1) if before & on_i & on_j else number(0)


@njit(nogil=True, cache=True)
def _fetch(memory, image, rows, columns, places, corners):
    """Copy the four pixels around each place; a detector of one row or column has them twice."""
    image, above = np.uint64(image), np.uint64(columns if rows > 1 else 0)
    if columns > 1:
        for k in range(STRETCH):
            place = image + np.uint64(places[k])
            copy_pair(memory, place, corners, np.uint64(4 * k))
            copy_pair(memory, place + above, corners, np.uint64(4 * k + 2))
    else:
        for k in range(STRETCH):
            place = image + np.uint64(places[k])
            corners[4 * k] = corners[4 * k + 1] = memory[place]
            corners[4 * k + 2] = corners[4 * k + 3] = memory[place + above]


@njit(nogil=True, cache=True, fastmath=FAST)
def _combine(sight, corners, least, result):
    """Add a view's samples, or lower the values to them; count who sees."""
    one = sight.dtype.type(1)
    for k in range(STRETCH):
        f, g, seen = sight[F + k], sight[G + k], sight[SEEN + k]
        low = (one - g) * corners[4 * k] + g * corners[4 * k + 1]
        high = (one - g) * corners[4 * k + 2] + g * corners[4 * k + 3]
        sample, value = np.float64((one - f) * low + f * high), result[VALUE + k]
        changed = min(value, sample) if least else value + sample
        result[VALUE + k] = changed if seen > 0 else value
        result[COUNT + k] += seen
