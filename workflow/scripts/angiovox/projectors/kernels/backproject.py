"""The kernel of `backprojection` for a slab of z: all subsets of views at once.

Views that belong to the same subsets stand together in groups. Each voxel's column of levels is
summed over each group in registers; a subset is the sum of its groups.
"""

from __future__ import annotations

import numpy as np

from .jit import njit
from .simd import WIDTH, add, broadcast, load, maximum, minimum, mul, store
from .transpose import CACHE_LINE, SIDE, is_cache_line_aligned, transpose_tile

FAST = {"nnan", "nsz", "contract"}
TILE_X, TILE_Y = SIDE, 16  # voxels whose projections' columns fit into the second-level cache


@njit(nogil=True, cache=True, fastmath=FAST)
def visible_rows(table, nx, ny):
    """First y of each row (x, view) that a view sees, and the one after the last."""
    cx, cy = (nx - 1) / 2, (ny - 1) / 2
    visible = np.empty((nx, len(table), 2), dtype=np.int32)
    for x in range(nx):
        for view in range(len(table)):
            cos, sin = table[view]
            u, v = cx + cos * (x - cx) + sin * cy, cy + sin * (x - cx) - cos * cy
            start, stop = 0, ny
            while start < ny and not _inside(u - sin * start, v + cos * start, nx, ny):
                start += 1
            while stop > start and not _inside(u - sin * (stop - 1), v + cos * (stop - 1), nx, ny):
                stop -= 1
            visible[x, view, 0], visible[x, view, 1] = start, stop
    return visible


@njit(nogil=True, cache=True, fastmath=FAST, inline="always")
def _inside(u, v, nx, ny):
    return 0 <= u <= nx - 1 and 0 <= v <= ny - 1


@njit(nogil=True, cache=True)
def backproject_slab(slab, views, groups, depth, rounding, unseen, written, coded):
    """Go through a slab; returns the least and the largest value of each volume.

    slab : columns (view, u), flat; see `slabs.gather_z_slab`.
    views : rotation table (views, 2) and what of each row each view sees.
    groups : first view of each group and the end; which groups each subset has, (subsets, groups).
    depth : length of the y axis. rounding : see `_sum_groups`.
    unseen : of each subset, the minimum where none of its views sees the voxel.
    written : (volumes, levels, y, x) of what is to be written, float32, or uint16 where coded; None
        where the extremes alone are asked for, which only then are looked for. Volumes are sum and
        minimum of the first subset, of the second, and so on; each lies in one piece.
    coded : each volume's lowest value and scale; or None.
    """
    table, visible = views
    starts, member = groups
    nx, num_volumes = len(visible), 2 * len(member)
    offsets = np.empty((TILE_Y, len(table)), dtype=np.int64)
    fractions = np.empty((TILE_Y, len(table)), dtype=np.float32)
    parts = np.empty(TILE_Y * member.shape[1] * 2 * WIDTH, dtype=np.float32)
    values = np.empty((num_volumes, TILE_Y, WIDTH), dtype=np.float32)
    least = np.full((num_volumes, WIDTH), np.inf, dtype=np.float32)
    largest = np.full((num_volumes, WIDTH), -np.inf, dtype=np.float32)
    if written is not None:
        tile = np.empty((num_volumes, TILE_Y, TILE_X, WIDTH), dtype=written.dtype)
    for first_x in range(0, nx, TILE_X):
        for first_y in range(0, depth, TILE_Y):
            count = min(TILE_Y, depth - first_y)
            for x in range(first_x, min(first_x + TILE_X, nx)):
                _places(x, first_y, count, table, nx, depth, offsets, fractions)
                row, between = visible[x], (offsets, fractions)
                _sum_groups(slab, starts, row, first_y, count, nx, rounding, between, parts)
                _sum_subsets(parts, member, unseen, count, values)
                if written is None:
                    _update(values.ravel(), count, least.ravel(), largest.ravel(), num_volumes)
                elif coded is None:
                    _keep(values, tile, x - first_x)
                else:
                    _encode(values, count, coded[0], coded[1], tile, x - first_x)
            if written is not None:
                _write(tile, first_x, first_y, written)
    return least, largest


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _places(x, first_y, count, table, nx, ny, offsets, fractions):
    """Which columns of each view lie on either side of some voxels of a row, and how near."""
    cx, cy = (nx - 1) / 2, (ny - 1) / 2
    for k in range(count):
        for view in range(len(table)):
            cos, sin = table[view]
            u = cx + cos * (x - cx) + sin * cy - sin * (first_y + k)
            u0 = max(min(np.int32(u), nx - 2), 0)
            offsets[k, view] = (view * nx + u0) * WIDTH
            fractions[k, view] = np.float32(u - u0)


@njit(nogil=True, cache=True, fastmath=FAST)
def _sum_groups(slab, starts, row, first_y, count, nx, rounding, between, parts):
    """Sum and minimum over each group of views, for some voxels of a row.

    rounding : 1.5 * 2**23 rounds each view's value to a whole number, that times 2 to an even one;
        0 leaves values as they are.
    """
    first, end = row[0]  # seen by all views: nothing to ask in the loop
    for view in range(1, len(row)):
        first, end = max(first, row[view, 0]), min(end, row[view, 1])
    offsets, fractions = between
    other = WIDTH * (nx > 1)
    for group in range(len(starts) - 1):
        for k in range(count):
            y = first_y + k
            total, bound = broadcast(np.float32(0)), broadcast(np.float32(np.inf))
            if first <= y < end:
                for view in range(starts[group], starts[group + 1]):
                    column, fraction = offsets[k, view], fractions[k, view]
                    value = _between(slab, column, column + other, fraction, rounding)
                    total, bound = add(total, value), minimum(bound, value)
            else:
                for view in range(starts[group], starts[group + 1]):
                    if row[view, 0] <= y < row[view, 1]:
                        column, fraction = offsets[k, view], fractions[k, view]
                        value = _between(slab, column, column + other, fraction, rounding)
                        total, bound = add(total, value), minimum(bound, value)
            part = (k * (len(starts) - 1) + group) * 2 * WIDTH
            store(parts, part, total)
            store(parts, part + WIDTH, bound)


@njit(nogil=True, cache=True, fastmath=FAST, inline="always")
def _between(slab, column, other, fraction, rounding):
    value = mul(np.float32(1) - fraction, load(slab, column))
    value = add(mul(fraction, load(slab, other)), value)
    return add(add(value, broadcast(rounding)), broadcast(-rounding))


@njit(nogil=True, cache=True, fastmath=FAST)
def _sum_subsets(parts, member, unseen, count, values):
    """Sum and minimum over each subset of views from those over the groups."""
    num_subsets, num_groups = member.shape
    flat = values.ravel()
    for subset in range(num_subsets):
        for k in range(count):
            total, bound = broadcast(np.float32(0)), broadcast(unseen[subset])
            for group in range(num_groups):
                if member[subset, group]:
                    part = (k * num_groups + group) * 2 * WIDTH
                    total = add(total, load(parts, part))
                    bound = minimum(bound, load(parts, part + WIDTH))
            store(flat, (2 * subset * TILE_Y + k) * WIDTH, total)
            store(flat, ((2 * subset + 1) * TILE_Y + k) * WIDTH, bound)


@njit(nogil=True, cache=True, fastmath=FAST)
def _update(values, count, least, largest, num_volumes):
    """Let the extremes take in the values of some voxels."""
    for volume in range(num_volumes):
        low, high = load(least, volume * WIDTH), load(largest, volume * WIDTH)
        for k in range(count):
            value = load(values, (volume * TILE_Y + k) * WIDTH)
            low, high = minimum(low, value), maximum(high, value)
        store(least, volume * WIDTH, low)
        store(largest, volume * WIDTH, high)


@njit(nogil=True, cache=True)
def _keep(values, tile, x):
    """Rows beyond the volume too, which are not written."""
    for volume in range(len(values)):
        for k in range(TILE_Y):
            for level in range(WIDTH):
                tile[volume, k, x, level] = values[volume, k, level]


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _encode(values, count, low, scale, tile, x):
    half = np.float32(0.5)
    for volume in range(len(values)):
        for k in range(count):
            for level in range(WIDTH):
                code = (values[volume, k, level] - low[volume]) * scale[volume] + half
                tile[volume, k, x, level] = np.uint16(np.int32(code))


@njit(nogil=True, cache=True)
def _write(tile, first_x, first_y, written):
    """Turn a tile from z innermost to x innermost, as files have it."""
    _, num_levels, ny, nx = written.shape
    num_x, num_y = min(TILE_X, nx - first_x), min(TILE_Y, ny - first_y)
    side = CACHE_LINE // tile.itemsize
    in_squares = num_levels // side * side if is_cache_line_aligned(written) else 0
    for volume in range(len(written)):
        for k in range(num_y):
            row = volume * written.strides[0] // tile.itemsize + (first_y + k) * nx + first_x
            column = (volume * TILE_Y + k) * TILE_X * WIDTH
            for level in range(0, in_squares, side):
                for x in range(0, num_x, side):
                    start, target = column + x * WIDTH + level, row + x + level * ny * nx
                    transpose_tile(tile, start, WIDTH, written, target, ny * nx)
            for level in range(in_squares, num_levels):
                for x in range(num_x):
                    written[volume, level, first_y + k, first_x + x] = tile[volume, k, x, level]
