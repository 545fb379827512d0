"""Joseph's method: rays sampled where they meet the planes of voxels across their main axis.

A ray's main axis is the one along which it passes most voxels. On each plane of voxel centres
across it, the volume is interpolated between four voxels (bilinear); outside the grid it is 0. The
sum of these samples times the length of a ray between two planes is the line integral (P. Joseph,
IEEE Trans Med Imaging 1(3), 1982). A sample takes from one plane only, so that threads which own
different planes never write to the same voxel in the adjoint.

Volumes come as their flat memory with strides, so that either order of axes will do. A few planes
at a time are walked by all rays of a block, so that they stay in the cache.
"""

from __future__ import annotations

import numpy as np

from .jit import njit

TIE = 1 - 1e-9  # axes as good as equal: the first, whatever the last bits are
PLANES_AT_ONCE = 16
FAST = {"nnan", "nsz", "contract", "reassoc"}


@njit(nogil=True, cache=True, error_model="numpy")
def trace(starts, stops, shape, voxel_size):
    """Find each ray's planes, and its line through them.

    starts, stops : (rays, 3) in voxel indices. Returns planes (rays, 5): main axis, first and last
    plane, first and last of those that are met between four voxels; and lines (rays, 5): where it
    meets plane 0 and its slope, on the next axis and on the one after that, and its length in mm
    from a plane to the next.
    """
    planes, lines = np.empty((len(starts), 5), np.int64), np.empty((len(starts), 5))
    for ray in range(len(starts)):
        axis = _main_axis(starts[ray], stops[ray])
        along = stops[ray, axis] - starts[ray, axis]
        low = min(starts[ray, axis], stops[ray, axis])
        first, last = max(low, 0.0), min(low + abs(along), shape[axis] - 1.0)
        length = 0.0
        for other in range(3):
            length += ((stops[ray, other] - starts[ray, other]) * voxel_size[other]) ** 2
        lines[ray, 4] = np.sqrt(length) / abs(along)
        for step in range(2):
            other = (axis + 1 + step) % 3
            slope = (stops[ray, other] - starts[ray, other]) / along
            at_zero = starts[ray, other] - starts[ray, axis] * slope
            lines[ray, 2 * step], lines[ray, 2 * step + 1] = at_zero, slope
            first, last = _clip(first, last, at_zero, slope, shape[other])
        planes[ray, 0] = axis
        planes[ray, 1], planes[ray, 2] = np.int64(np.ceil(first)), np.int64(np.floor(last))
        planes[ray, 3], planes[ray, 4] = _inner(planes[ray], lines[ray], shape)
    return planes, lines


@njit(nogil=True, cache=True, inline="always")
def _main_axis(start, stop):
    x, y, z = abs(stop[0] - start[0]), abs(stop[1] - start[1]), abs(stop[2] - start[2])
    least = max(x, y, z) * TIE
    return 0 if x >= least else (1 if y >= least else 2)


@njit(nogil=True, cache=True, inline="always", error_model="numpy")
def _clip(first, last, at_zero, slope, count):
    """Range of planes where the line is less than a voxel outside; empty ends before it begins."""
    if slope == 0:
        return (first, last) if -1 < at_zero < count else (1.0, 0.0)
    one, other = (-1 - at_zero) / slope, (count - at_zero) / slope
    first, last = max(first, min(one, other)), min(last, max(one, other))
    return (first, last) if first <= last else (1.0, 0.0)


@njit(nogil=True, cache=True)
def _inner(planes, line, shape):
    """First and last plane that is met between four voxels; along a line they are a range."""
    axis, first, last = planes[0], planes[1], planes[2]
    i, j = shape[(axis + 1) % 3] - 1, shape[(axis + 2) % 3] - 1
    while first <= last and not _is_between(line, first, i, j):
        first += 1
    while last >= first and not _is_between(line, last, i, j):
        last -= 1
    return first, last


@njit(nogil=True, cache=True, inline="always")
def _is_between(line, plane, i, j):
    return 0 <= line[0] + plane * line[1] < i and 0 <= line[2] + plane * line[3] < j


@njit(nogil=True, cache=True)
def along_rays(memory, strides, shape, planes, lines, largest, result):
    """Line integral of each ray in mm times values; or, where `largest`, its greatest sample."""
    total = np.zeros(len(result))
    for start in range(0, shape.max(), PLANES_AT_ONCE):
        for ray in range(len(planes)):
            axis, first, last, inner_first, inner_last = planes[ray]
            i, j = (axis + 1) % 3, (axis + 2) % 3
            first, last = max(first, start), min(last + 1, start + PLANES_AT_ONCE)
            inner_first, inner_last = max(inner_first, start), min(inner_last + 1, last)
            if first < last:
                line, steps = lines[ray], (strides[axis], strides[i], strides[j])
                if inner_first < inner_last:
                    inner = _fold(memory, line, inner_first, inner_last, steps, largest)
                else:
                    inner, inner_first, inner_last = 0.0, last, last
                for plane in range(first, last):
                    if not inner_first <= plane < inner_last:
                        value = _edge(memory, line, plane, steps, shape[i], shape[j])
                        inner = max(inner, value) if largest else inner + value
                total[ray] = max(total[ray], inner) if largest else total[ray] + inner
    for ray in range(len(result)):
        result[ray] = total[ray] if largest else total[ray] * lines[ray, 4]


@njit(nogil=True, cache=True, fastmath=FAST, inline="always")
def _fold(memory, line, first, last, steps, largest):
    """Sum or greatest of the samples between four voxels; without branches, for vectors."""
    one = memory.dtype.type(1)
    across, down = np.uint64(steps[1]), np.uint64(steps[2])
    total, most = memory.dtype.type(0), memory.dtype.type(0)
    for plane in range(first, last):
        a, b = line[0] + plane * line[1], line[2] + plane * line[3]
        i, j = np.int64(a), np.int64(b)
        f, g = memory.dtype.type(a - i), memory.dtype.type(b - j)
        at = np.uint64(plane * steps[0] + i * steps[1] + j * steps[2])
        low = (one - g) * memory[at] + g * memory[at + down]
        high = (one - g) * memory[at + across] + g * memory[at + across + down]
        value = (one - f) * low + f * high
        total += value
        most = max(most, value)
    return most if largest else total


@njit(nogil=True, cache=True)
def _edge(memory, line, plane, steps, count_i, count_j):
    """A sample with some of its four voxels outside, where the volume is 0."""
    a, b = line[0] + plane * line[1], line[2] + plane * line[3]
    i, j = int(np.floor(a)), int(np.floor(b))
    value = 0.0
    for k in range(2):
        for m in range(2):
            if 0 <= i + k < count_i and 0 <= j + m < count_j:
                weight = abs(1 - k - a + i) * abs(1 - m - b + j)
                value += weight * memory[plane * steps[0] + (i + k) * steps[1] + (j + m) * steps[2]]
    return value


@njit(nogil=True, cache=True)
def onto_planes(values, planes, lines, axis, own, strides, shape, memory):
    """Add the adjoint of the line integral to a range of planes across an axis.

    values : (rays,). own : the first of the planes and the one after the last.
    """
    i, j = (axis + 1) % 3, (axis + 2) % 3
    steps = (strides[axis], strides[i], strides[j])
    for start in range(own[0], own[1], PLANES_AT_ONCE):
        for ray in range(len(planes)):
            first = max(start, planes[ray, 1])
            last = min(start + PLANES_AT_ONCE, own[1], planes[ray, 2] + 1)
            if planes[ray, 0] == axis and first < last:
                value = values[ray] * lines[ray, 4]
                inner_first, inner_last = max(first, planes[ray, 3]), min(last, planes[ray, 4] + 1)
                if inner_first < inner_last:
                    _spread(value, memory, lines[ray], inner_first, inner_last, steps)
                else:
                    inner_first = inner_last = last
                for plane in range(first, last):
                    if not inner_first <= plane < inner_last:
                        _spread_edge(value, memory, lines[ray], plane, steps, shape[i], shape[j])


@njit(nogil=True, cache=True, inline="always")
def _spread(value, memory, line, first, last, steps):
    """Add a value to the four voxels of each sample, by the weights that it takes from them."""
    across, down = np.uint64(steps[1]), np.uint64(steps[2])
    for plane in range(first, last):
        a, b = line[0] + plane * line[1], line[2] + plane * line[3]
        i, j = np.int64(a), np.int64(b)
        f, g = a - i, b - j
        at = np.uint64(plane * steps[0] + i * steps[1] + j * steps[2])
        memory[at] += (1 - f) * (1 - g) * value
        memory[at + down] += (1 - f) * g * value
        memory[at + across] += f * (1 - g) * value
        memory[at + across + down] += f * g * value


@njit(nogil=True, cache=True)
def _spread_edge(value, memory, line, plane, steps, count_i, count_j):
    """As `_spread`, for a sample with some of its four voxels outside."""
    a, b = line[0] + plane * line[1], line[2] + plane * line[3]
    i, j = int(np.floor(a)), int(np.floor(b))
    for k in range(2):
        for m in range(2):
            if 0 <= i + k < count_i and 0 <= j + m < count_j:
                weight = abs(1 - k - a + i) * abs(1 - m - b + j)
                memory[plane * steps[0] + (i + k) * steps[1] + (j + m) * steps[2]] += weight * value
