"""Joseph's method: rays sampled where they meet the planes of voxels across their main axis.

A ray's main axis is the one along which it passes most voxels. On each plane of voxel centres
across it, the volume is interpolated between four voxels (bilinear); outside the grid it is 0. The
sum of these samples times the length of a ray between two planes is the line integral (P. Joseph,
IEEE Trans Med Imaging 1(3), 1982). A sample takes from one plane only, so that threads which own
different planes never write to the same voxel in the adjoint.

Volumes come as their flat memory with strides, so that either order of axes will do. All rays of a
block pass a slab of planes before the next, so that it stays in the cache. Rays go in groups, see
`rays`: on each plane, loops over a group find weights and voxels, fetch the voxels, and sum up.
"""

from __future__ import annotations

import numpy as np

from .jit import njit
from .pairs import add_pair, copy_pair, prefetch
from .rays import AXIS, FIRST, GROUP, LAST, LENGTH, SLOPE_I, SLOPE_J, ZERO_I, ZERO_J

SLAB = 16  # planes
AHEAD = 2  # planes by which voxels are asked for before they are needed
LINE = 8  # rays that are sure to share cache lines with their neighbours
APART = 16  # rays between two that are added one after the other: neighbours wait for each other
FAR = 1e9  # planes
FAST = {"nnan", "nsz"}  # no "contract", no "reassoc": a ray's result does not depend on its group
# Where each row of a group's state begins: index on the slab's middle plane, less a whole number,
# and slope; first and last index, less the same number; first and last plane; factor of the weights
INDEX_I, INDEX_J, STEP_I, STEP_J, LOW_I, LOW_J, HIGH_I, HIGH_J, ENTRY, EXIT, FACTOR, STATE = (
    GROUP * row for row in range(12)
)


@njit(nogil=True, cache=True)
def along_rays(memory, strides, shape, groups, count, places, largest, result):
    """Line integral of each ray in mm times values; or, where `largest`, its greatest sample.

    groups, count : rays, see `rays.trace`. places : (GROUP,) numbers for voxels' places.
    """
    numbers, rows, planes = groups
    number = memory.dtype.type
    state, weights = np.ones(STATE, number), np.empty(4 * GROUP, number)
    corners, value = np.empty(4 * GROUP, number), np.empty(GROUP, number)
    total = np.zeros((len(rows), GROUP))
    for axis in range(3):
        layout = _layout(strides, shape, axis)
        for start in range(0, shape[axis], SLAB):
            for group in range(len(rows)):
                first, last = _within(planes[group, axis], start)
                if first <= last:
                    _enter(rows[group], axis, start, shape, state)
                    value[:] = 0
                    for plane in range(first, last + 1):
                        _weigh(plane, start, state, layout, places, weights)
                        _fetch(memory, plane, layout, places, corners)
                        _fold(weights, corners, largest, value)
                    _gather(value, largest, total[group])
    result[:] = 0
    for ray in range(count):
        group, k = ray // GROUP, ray % GROUP
        length = 1.0 if largest else rows[group, LENGTH + k]
        result[numbers[ray]] = total[group, k] * length


@njit(nogil=True, cache=True)
def onto_slab(values, groups, count, axis, start, strides, shape, places, memory):
    """Add the adjoint of the line integral to a slab of planes across an axis.

    values : (rays,). groups, count, places : as of `along_rays`. start : the slab's first plane.
    """
    numbers, rows, planes = groups
    state, weights = np.empty(STATE, memory.dtype), np.empty(4 * GROUP, memory.dtype)
    layout = _layout(strides, shape, axis)
    for group in range(len(rows)):
        first, last = _within(planes[group, axis], start)
        if first <= last:
            _enter(rows[group], axis, start, shape, state)
            for k in range(min(GROUP, count - group * GROUP)):
                state[FACTOR + k] = values[numbers[group * GROUP + k]] * rows[group, LENGTH + k]
            for plane in range(first, last + 1):
                _weigh(plane, start, state, layout, places, weights)
                _spread(weights, plane, layout, places, memory)


@njit(nogil=True, cache=True, inline="always")
def _layout(strides, shape, axis):
    """Steps in memory to the next plane and, on it, to the next voxel on two axes; which is short.

    0 where an axis has one voxel only.
    """
    i, j = (axis + 1) % 3, (axis + 2) % 3
    step_i, step_j = strides[i] * (shape[i] > 1), strides[j] * (shape[j] > 1)
    return strides[axis], step_i, step_j, step_i == 1 and step_j != 1


@njit(nogil=True, cache=True, inline="always")
def _within(planes, start):
    return max(planes[0], start), min(planes[1], start + SLAB - 1)


@njit(nogil=True, cache=True, fastmath=FAST)
def _enter(rows, axis, start, shape, state):
    """State of a group at a slab: less a whole number, float32 indices are good to a millionth."""
    number, middle = state.dtype.type, float(start + SLAB // 2)
    most_i, most_j = max(shape[(axis + 1) % 3] - 2.0, 0.0), max(shape[(axis + 2) % 3] - 2.0, 0.0)
    for k in range(GROUP):
        on = 1.0 if rows[AXIS + k] == axis else 0.0
        slope_i, slope_j = on * rows[SLOPE_I + k], on * rows[SLOPE_J + k]
        a, b = on * rows[ZERO_I + k] + middle * slope_i, on * rows[ZERO_J + k] + middle * slope_j
        i, j = np.floor(a), np.floor(b)
        state[INDEX_I + k], state[INDEX_J + k] = number(a - i), number(b - j)
        state[STEP_I + k], state[STEP_J + k] = number(slope_i), number(slope_j)
        state[LOW_I + k], state[LOW_J + k] = number(-i), number(-j)
        state[HIGH_I + k], state[HIGH_J + k] = number(most_i - i), number(most_j - j)
        state[ENTRY + k] = number(rows[FIRST + k] - middle)
        state[EXIT + k] = number(on * (rows[LAST + k] - middle) - (1 - on) * FAR)


@njit(nogil=True, cache=True, fastmath=FAST)
def _weigh(plane, start, state, layout, places, weights):
    """The four voxels of each ray's sample on a plane: place of the first, and their weights.

    Weights are hat functions of the distance, 0 for all where a ray is beyond the grid or its ends.
    """
    number, place = state.dtype.type, places.dtype.type
    zero, one, two, step = number(0), number(1), number(2), number(plane - start - SLAB // 2)
    _, step_i, step_j, swapped = layout
    thick_i, thick_j = number(step_i > 0), number(step_j > 0)
    step_i, step_j = place(step_i), place(step_j)
    for k in range(GROUP):
        a, low_i, high_i = (
            state[INDEX_I + k] + step * state[STEP_I + k],
            state[LOW_I + k],
            state[HIGH_I + k],
        )
        b, low_j, high_j = (
            state[INDEX_J + k] + step * state[STEP_J + k],
            state[LOW_J + k],
            state[HIGH_J + k],
        )
        i, j = min(max(np.floor(a), low_i), high_i), min(max(np.floor(b), low_j), high_j)
        places[k] = place(i - low_i) * step_i + place(j - low_j) * step_j
        first, last, factor = state[ENTRY + k], state[EXIT + k], state[FACTOR + k]
        factor = factor if (first <= step) & (step <= last) else zero
        f, g = a - i, b - j
        i0, i1 = max(zero, min(one - f, one + f)), thick_i * max(zero, min(f, two - f))
        j0, j1 = max(zero, min(one - g, one + g)), thick_j * max(zero, min(g, two - g))
        i0, i1 = factor * i0, factor * i1
        beside, above = i0 * j1, i1 * j0
        weights[4 * k], weights[4 * k + 3] = i0 * j0, i1 * j1
        weights[4 * k + 1] = above if swapped else beside
        weights[4 * k + 2] = beside if swapped else above


@njit(nogil=True, cache=True, inline="always")
def _steps(plane, layout):
    """Place of a plane, and steps to a sample's second and third voxel; short ones first."""
    stride, step_i, step_j, swapped = layout
    short, long = (step_i, step_j) if swapped else (step_j, step_i)
    return np.uint64(plane * stride), np.uint64(short), np.uint64(long)


@njit(nogil=True, cache=True)
def _fetch(memory, plane, layout, places, corners):
    """Copy the four voxels of each sample."""
    plane, short, long = _steps(plane, layout)
    if short == 1:
        _ask(memory, plane, layout, places)
        for k in range(GROUP):
            place = plane + np.uint64(places[k])
            copy_pair(memory, place, corners, np.uint64(4 * k))
            copy_pair(memory, place + long, corners, np.uint64(4 * k + 2))
    else:
        for k in range(GROUP):
            place = plane + np.uint64(places[k])
            corners[4 * k], corners[4 * k + 1] = memory[place], memory[place + short]
            corners[4 * k + 2], corners[4 * k + 3] = (
                memory[place + long],
                memory[place + long + short],
            )


@njit(nogil=True, cache=True)
def _ask(memory, plane, layout, places):
    """Ask for the lines of some planes ahead: the processor does not foresee a plane's place."""
    stride, step_i, step_j, swapped = layout
    long = np.uint64(step_j if swapped else step_i)
    plane += np.uint64(AHEAD * stride)
    for k in range(0, GROUP, LINE):
        place = plane + np.uint64(places[k])
        prefetch(memory, place)
        prefetch(memory, place + long)


@njit(nogil=True, cache=True, fastmath=FAST)
def _fold(weights, corners, largest, value):
    """Sum or greatest of the samples; the same whether the second and third voxel are swapped."""
    for k in range(GROUP):
        sample = (weights[4 * k] * corners[4 * k] + weights[4 * k + 3] * corners[4 * k + 3]) + (
            weights[4 * k + 1] * corners[4 * k + 1] + weights[4 * k + 2] * corners[4 * k + 2]
        )
        value[k] = max(value[k], sample) if largest else value[k] + sample


@njit(nogil=True, cache=True, fastmath=FAST)
def _gather(value, largest, total):
    for k in range(GROUP):
        total[k] = max(total[k], value[k]) if largest else total[k] + value[k]


@njit(nogil=True, cache=True)
def _spread(weights, plane, layout, places, memory):
    """Add the weights to the four voxels of each sample."""
    plane, short, long = _steps(plane, layout)
    if short == 1:
        _ask(memory, plane, layout, places)
        for first in range(APART):
            for k in range(first, GROUP, APART):
                place = plane + np.uint64(places[k])
                add_pair(weights, np.uint64(4 * k), memory, place)
                add_pair(weights, np.uint64(4 * k + 2), memory, place + long)
    else:
        for k in range(GROUP):
            place = plane + np.uint64(places[k])
            memory[place] += weights[4 * k]
            memory[place + short] += weights[4 * k + 1]
            memory[place + long] += weights[4 * k + 2]
            memory[place + long + short] += weights[4 * k + 3]
