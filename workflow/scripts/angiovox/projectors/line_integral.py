"""Line integrals and maxima along rays of cone or parallel beams, and their adjoint (numba).

A volume is what is between its voxel centres by interpolation, and 0 outside of its grid; rays are
sampled by Joseph's method, see `kernels.joseph`. The greatest sample on a ray is therefore never
below 0: where intensities have an offset, subtract the minimum first. Results depend on neither the
number of threads nor the order of a volume's axes in memory. Besides volume and projections, less
than 1 MB is held for each thread, and 25 MB for the adjoint.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..errors import InputError
from ..geometry.grid import Grid
from ..geometry.views import Views
from .kernels.joseph import SLAB, along_rays, onto_slab
from .kernels.rays import GROUP, empty_groups, trace

RAYS_AT_ONCE = 1 << 12  # of which what is known takes 0.3 MB
ADJOINT_RAYS, ADJOINT_BLOCKS = 1 << 14, 8  # 9 MB, twice while the next are traced
IN_CACHE = 1 << 17  # numbers


def line_integral(volume: np.ndarray, grid: Grid, views: Views, threads: int = 1) -> np.ndarray:
    """Integrate a volume along the ray of each pixel.

    Parameters
    ----------
    volume : (x, y, z) array of finite numbers; float64 is kept, all else becomes float32.
    grid : where its voxels lie. views : the geometry, or any list of rays (`Views.of_rays`).

    Returns
    -------
    (views, i, j) like the volume, in its units times mm.

    Raises
    ------
    ValueError : the volume's shape is not the grid's. InputError : NaN or infinity in it.
    """
    return _project(volume, grid, views, threads, largest=False)


def project_max(volume: np.ndarray, grid: Grid, views: Views, threads: int = 1) -> np.ndarray:
    """Take the greatest sample along the ray of each pixel, 0 where it meets nothing above.

    Parameters, results and errors are those of `line_integral`, in the volume's units.
    """
    return _project(volume, grid, views, threads, largest=True)


def line_integral_adjoint(
    projections: np.ndarray, grid: Grid, views: Views, threads: int = 1
) -> np.ndarray:
    """Apply the adjoint of `line_integral`: smear each pixel's value along its ray.

    For any volume and projections `(line_integral(volume) * projections).sum()` equals
    `(volume * line_integral_adjoint(projections)).sum()`, up to rounding.

    Parameters
    ----------
    projections : (views, i, j) array; float64 is kept, all else becomes float32.

    Returns
    -------
    (x, y, z) like the projections, in their units times mm.

    Raises
    ------
    ValueError : the projections' shape is not that of the views.
    """
    if projections.shape != views.shape:
        raise ValueError(f"projections of shape {projections.shape}, views have {views.shape}")
    values = as_floats(projections).reshape(-1)
    volume = np.zeros(grid.shape, dtype=values.dtype)
    memory, strides = _memory(volume)

    def add(start: int) -> None:  # threads own planes; each is summed in the rays' order
        for block, groups, count in traced:
            part, places = values[_rays(views, block)], _places(memory)
            onto_slab(part, groups, count, axis, start, strides, shape, places, memory)

    shape, blocks = np.array(grid.shape), _blocks(views, ADJOINT_RAYS)
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for first in range(0, len(blocks), ADJOINT_BLOCKS):
            some = blocks[first : first + ADJOINT_BLOCKS]
            traced = list(pool.map(lambda block: (block, *_trace(grid, views, block)), some))
            for axis in range(3):
                list(pool.map(add, range(0, grid.shape[axis], SLAB)))
    return volume


def as_floats(array: np.ndarray) -> np.ndarray:
    """The array as it is where it is float64, else as float32."""
    return np.asarray(array, dtype=np.float64 if array.dtype == np.float64 else np.float32)


def _project(
    volume: np.ndarray, grid: Grid, views: Views, threads: int, largest: bool
) -> np.ndarray:
    if volume.shape != grid.shape:
        raise ValueError(f"a volume of shape {volume.shape} on a grid of {grid.shape}")
    volume = as_floats(volume)
    memory, strides = _memory(volume)
    result = np.empty(math.prod(views.shape), dtype=volume.dtype)

    def work(block: tuple[int, int]) -> None:
        groups, count = _trace(grid, views, block)
        part, shape = result[_rays(views, block)], np.array(grid.shape)
        along_rays(memory, strides, shape, groups, count, _places(memory), largest, part)

    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        if not all(pool.map(_is_finite, np.array_split(memory, -(-memory.size // IN_CACHE)))):
            raise InputError("a volume with NaN or infinity cannot be projected")
        list(pool.map(work, _blocks(views, RAYS_AT_ONCE)))
    return result.reshape(views.shape)


def _is_finite(values: np.ndarray) -> bool:
    return bool(np.isfinite([values.min(), values.max()]).all())  # NaN, where there is one, is both


def _blocks(views: Views, rays: int) -> list[tuple[int, int]]:
    """First row of pixels, of all views' rows, and the one after the last of about so many rays."""
    rows, step = len(views) * views.detector[0], max(1, rays // views.detector[1])
    return [(start, min(start + step, rows)) for start in range(0, rows, step)]


def _rays(views: Views, block: tuple[int, int]) -> slice:
    return slice(block[0] * views.detector[1], block[1] * views.detector[1])


def _trace(grid: Grid, views: Views, block: tuple[int, int]) -> tuple[tuple, int]:
    rays = _rays(views, block)
    groups = empty_groups(rays.stop - rays.start)
    geometry = views.source, views.origin, views.u, views.v
    place, shape = (grid.first, np.array(grid.voxel_size)), np.array(grid.shape)
    return groups, trace(geometry, views.detector, block, place, shape, groups)


def _places(memory: np.ndarray) -> np.ndarray:
    """Room for places of a group's voxels on a plane; 32 bits are faster."""
    narrow = memory.itemsize == 4 and memory.size < 1 << 31
    return np.empty(GROUP, np.int32 if narrow else np.int64)


def _memory(volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A volume's numbers as they lie in memory, and its strides in numbers."""
    if not (volume.flags.c_contiguous or volume.flags.f_contiguous):
        volume = np.ascontiguousarray(volume)
    return volume.ravel(order="K"), np.array(volume.strides) // volume.itemsize
