"""Share a volume's slabs of z among threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .jit import njit
from .simd import WIDTH
from .transpose import SIDE, aligned_empty, transpose_tile


def for_each_slab(work: Callable[[int, int], None], num_levels: int, threads: int) -> None:
    """Call `work(z_start, z_stop)` once for each slab of z; slabs do not depend on each other.

    Results are the same for any number of threads because each slab is one thread's alone.
    """
    bounds = [(z, min(z + WIDTH, num_levels)) for z in range(0, num_levels, WIDTH)]
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        list(pool.map(lambda slab: work(*slab), bounds))


def gather_z_slab(volume: np.ndarray, z_start: int) -> np.ndarray:
    """Columns (first axis * second axis, WIDTH), flat float32, of a slab of an array (., ., z).

    Whatever the array's own type and order of axes. The last level fills the rest of the slab.
    """
    slab = aligned_empty((*volume.shape[:2], WIDTH))
    inner = int(np.argmin(volume.strides))  # 0 for volumes of files, 1 for chosen projections
    if inner < 2 and _in_squares(volume, inner, z_start):
        order = (inner, 1 - inner, 2)
        _transpose_columns(volume.transpose(order), z_start, slab.transpose(order))
    else:
        _gather(volume, z_start, slab)
    return slab.ravel()


def _in_squares(volume: np.ndarray, inner: int, z_start: int) -> bool:
    """Whether a slab consists of whole squares of 16-bit numbers."""
    is_stored = volume.dtype == np.uint16 and volume.flags.aligned
    is_dense = volume.strides[inner] == volume.itemsize
    is_whole = volume.shape[inner] % SIDE == 0 and z_start + WIDTH <= volume.shape[2]
    return is_stored and is_dense and is_whole and WIDTH % SIDE == 0


@njit(nogil=True, cache=True)
def _transpose_columns(volume, z_start, slab):
    first, second, _ = volume.shape
    along_j, along_z = volume.strides[1] // volume.itemsize, volume.strides[2] // volume.itemsize
    column_i, column_j = slab.strides[0] // slab.itemsize, slab.strides[1] // slab.itemsize
    for j in range(second):
        for i in range(0, first, SIDE):
            for level in range(0, WIDTH, SIDE):
                start = i + j * along_j + (z_start + level) * along_z
                column = i * column_i + j * column_j + level
                transpose_tile(volume, start, along_z, slab, column, column_i)


@njit(nogil=True, cache=True)
def _gather(volume, z_start, slab):
    first, second, num_levels = volume.shape
    last = min(WIDTH, num_levels - z_start) - 1
    columns = np.empty((SIDE, WIDTH), dtype=np.float32)
    z_is_inner = volume.strides[2] < volume.strides[0]
    for j in range(second):
        for start in range(0, first, SIDE):
            count = min(SIDE, first - start)
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
