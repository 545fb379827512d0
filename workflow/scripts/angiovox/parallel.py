"""Share a volume's slabs of z among threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .compiled import njit
from .lanes import WIDTH
from .turning import SIDE, aligned_empty, turn

BLOCK = 32  # columns turned from a file's order at a time: a cache line of 16-bit numbers


def for_each_slab(work: Callable[[int, int], None], num_levels: int, threads: int) -> None:
    """Call `work(z_start, z_stop)` once for each slab of z; slabs do not depend on each other.

    Results are the same for any number of threads because each slab is one thread's alone.
    """
    bounds = [(z, min(z + WIDTH, num_levels)) for z in range(0, num_levels, WIDTH)]
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        list(pool.map(lambda slab: work(*slab), bounds))


def levels_together(volume: np.ndarray, z_start: int) -> np.ndarray:
    """Columns (first axis * second axis, WIDTH), flat float32, of a slab of an array (., ., z).

    Whatever the array's own type and order of axes. The last level fills the rest of the slab.
    """
    slab = aligned_empty((*volume.shape[:2], WIDTH))
    is_stored = volume.dtype == np.uint16 and volume.strides[0] == volume.itemsize
    in_squares = volume.shape[0] % SIDE == 0 and z_start + WIDTH <= volume.shape[2]
    if is_stored and in_squares:
        _turn_columns(volume, z_start, slab)
    else:
        _gather(volume, z_start, slab)
    return slab.ravel()


@njit(nogil=True, cache=True)
def _turn_columns(volume, z_start, slab):
    first, second, _ = volume.shape
    along_j, along_z = volume.strides[1] // 2, volume.strides[2] // 2
    for j in range(second):
        for i in range(0, first, SIDE):
            for level in range(0, WIDTH, SIDE):
                start = i + j * along_j + (z_start + level) * along_z
                column = (i * second + j) * WIDTH + level
                turn(volume, start, along_z, slab, column, second * WIDTH)


@njit(nogil=True, cache=True)
def _gather(volume, z_start, slab):
    first, second, num_levels = volume.shape
    last = min(WIDTH, num_levels - z_start) - 1
    columns = np.empty((BLOCK, WIDTH), dtype=np.float32)
    z_is_inner = volume.strides[2] < volume.strides[0]
    for j in range(second):
        for start in range(0, first, BLOCK):
            count = min(BLOCK, first - start)
            if z_is_inner:
                for i in range(count):
                    for level in range(last + 1):
                        columns[i, level] = volume[start + i, j, z_start + level]
            else:
                for level in range(last + 1):
                    for i in range(count):
                        columns[i, level] = volume[start + i, j, z_start + level]
            # At once: written level by level, columns throw each other out of the cache.
            for i in range(count):
                for level in range(WIDTH):
                    slab[start + i, j, level] = columns[i, min(level, last)]
