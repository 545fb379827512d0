"""Line integrals and maxima along rays of cone or parallel beams, and their adjoint (numba).

A volume is what is between its voxel centres by interpolation, and 0 outside of its grid; rays are
sampled by Joseph's method, see `kernels.joseph`. The greatest sample on a ray is therefore never
below 0: where intensities have an offset, subtract the minimum first. Results depend on neither the
number of threads nor the order of a volume's axes in memory. Besides volume and projections, a few
MB are held for each thread.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from ..errors import InputError
from ..geometry.grid import Grid
from ..geometry.views import Views
from .kernels.joseph import along_rays, onto_planes, trace

RAYS_AT_ONCE = 1 << 14  # of which what is known takes 2 MB


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
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for first, last in _blocks(views):
            planes, lines = _trace(grid, views, first, last)
            for axis in np.unique(planes[:, 0]):
                # A share of the planes for each thread; each plane is summed in the rays' order.
                bounds = np.linspace(0, grid.shape[axis], max(1, threads) + 1).astype(int)
                part = (values[first:last], planes, lines, axis)
                rest = (strides, np.array(grid.shape), memory)
                work = [pool.submit(onto_planes, *part, own, *rest) for own in pairwise(bounds)]
                for job in work:
                    job.result()
    return volume


def as_floats(array: np.ndarray) -> np.ndarray:
    """The array as it is where it is float64, else as float32."""
    return np.asarray(array, dtype=np.float64 if array.dtype == np.float64 else np.float32)


def _project(
    volume: np.ndarray, grid: Grid, views: Views, threads: int, largest: bool
) -> np.ndarray:
    if volume.shape != grid.shape:
        raise ValueError(f"a volume of shape {volume.shape} on a grid of {grid.shape}")
    if not np.isfinite([volume.min(), volume.max()]).all():  # NaN, where there is one, is both
        raise InputError("a volume with NaN or infinity cannot be projected")
    volume = as_floats(volume)
    memory, strides = _memory(volume)
    result = np.empty(math.prod(views.shape), dtype=volume.dtype)

    def work(block: tuple[int, int]) -> None:
        planes, lines = _trace(grid, views, *block)
        part = result[slice(*block)]
        along_rays(memory, strides, np.array(grid.shape), planes, lines, largest, part)

    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        list(pool.map(work, _blocks(views)))
    return result.reshape(views.shape)


def _blocks(views: Views) -> list[tuple[int, int]]:
    count = math.prod(views.shape)
    return [(start, min(start + RAYS_AT_ONCE, count)) for start in range(0, count, RAYS_AT_ONCE)]


def _trace(grid: Grid, views: Views, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    starts, stops = (grid.to_index(ends) for ends in views.rays(first, last))
    return trace(starts, stops, np.array(grid.shape), np.array(grid.voxel_size))


def _memory(volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A volume's numbers as they lie in memory, and its strides in numbers."""
    if not (volume.flags.c_contiguous or volume.flags.f_contiguous):
        volume = np.ascontiguousarray(volume)
    return volume.ravel(order="K"), np.array(volume.strides) // volume.itemsize
