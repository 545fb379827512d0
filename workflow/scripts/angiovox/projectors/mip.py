"""Maximum intensity projections of a volume (paper, section 2.1)."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..geometry.parallel_beam import rotation_table
from .kernels.jit import njit
from .kernels.simd import WIDTH, add, load, maximum, mul, store
from .kernels.slabs import for_each_slab, gather_z_slab
from .kernels.transpose import aligned_empty

# Rays are walked in pieces: the columns that a tile of the plane needs for many views stay in the
# second-level cache. Without, each view fetched the whole slab anew, at half the speed.
VIEWS_AT_ONCE = 30
TILE_WIDTH = 32  # rays
TILE_DEPTH = 48  # samples of each
FAST = {"nnan", "nsz", "contract"}


def project_max(volume: np.ndarray, angles: np.ndarray, threads: int = 1) -> np.ndarray:
    """Rotate about z, then take the maximum along the second axis, for each angle.

    Parameters
    ----------
    volume : (x, y, z) array of finite numbers of any kind, in any order of axes in memory.
    angles : (views,) degrees; see `parallel_beam.rotation_table` for the sense of rotation.
    threads : slabs of z are shared among them; the result does not depend on their number.

    Returns
    -------
    (views, detector, z) float32, detector as long as x. At 0 degrees exactly `volume.max(axis=1)`;
    at 90 degrees, where x and y are equally long, `volume.max(axis=0)` with the detector reversed.

    Raises
    ------
    ValueError : the array is not three-dimensional. InputError : NaN or infinity in it.
    """
    if volume.ndim != 3:
        raise ValueError(f"a volume has 3 axes (x, y, z), this array has shape {volume.shape}")
    low, high = volume.min(), volume.max()
    if not np.isfinite([low, high]).all():  # NaN, where there is one, is both
        raise InputError("a volume with NaN or infinity cannot be projected")
    volume = np.asarray(volume)
    nx, ny, nz = volume.shape
    table = rotation_table(angles)
    visible = _visible_samples(table, nx, ny)
    projections = np.empty((len(table), nx, nz), dtype=np.float32)

    def work(z_start: int, z_stop: int) -> None:
        slab = gather_z_slab(volume, z_start)
        # ASSUME: rotation is bilinear, and what turns in from outside the grid is the volume's
        # minimum.
        result = aligned_empty((len(table), nx, WIDTH))
        result[:] = low
        _project_slab(slab, nx, ny, table, visible, result.ravel())
        projections[:, :, z_start:z_stop] = result[:, :, : z_stop - z_start]

    for_each_slab(work, nz, threads)
    return projections


@njit(nogil=True, cache=True, fastmath=FAST)
def _visible_samples(table, nx, ny):
    """First sample of each ray (view, u) inside the grid, and the one after the last."""
    visible = np.empty((len(table), nx, 2), dtype=np.int32)
    for view in range(len(table)):
        cos, sin = table[view]
        for u in range(nx):
            x, y = _start_of_ray(u, cos, sin, nx, ny)
            start, stop = 0, ny
            while start < ny and not _inside(x + sin * start, y + cos * start, nx, ny):
                start += 1
            while stop > start and not _inside(x + sin * (stop - 1), y + cos * (stop - 1), nx, ny):
                stop -= 1
            visible[view, u, 0], visible[view, u, 1] = start, stop
    return visible


@njit(nogil=True, cache=True, fastmath=FAST)
def _project_slab(slab, nx, ny, table, visible, result):
    offsets = np.empty(TILE_DEPTH, dtype=np.int64)
    weights = np.empty((4, TILE_DEPTH), dtype=np.float32)
    for first_view in range(0, len(table), VIEWS_AT_ONCE):
        for first_u in range(0, nx, TILE_WIDTH):
            for first_v in range(0, ny, TILE_DEPTH):
                for view in range(first_view, min(first_view + VIEWS_AT_ONCE, len(table))):
                    for u in range(first_u, min(first_u + TILE_WIDTH, nx)):
                        start = max(first_v, visible[view, u, 0])
                        count = min(first_v + TILE_DEPTH, visible[view, u, 1]) - start
                        if count > 0:
                            place = _start_of_ray(u, table[view, 0], table[view, 1], nx, ny)
                            _sample(place, table[view], start, count, nx, ny, offsets, weights)
                            ray = (view * nx + u) * WIDTH
                            _max_along(slab, nx, ny, offsets, weights, count, result, ray)


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy", inline="always")
def _sample(place, turn, start, count, nx, ny, offsets, weights):
    """Where the samples of a piece of a ray lie in the slab, and their bilinear weights."""
    one = np.float32(1)
    for k in range(np.uint32(count)):  # which tells LLVM that it may vectorise
        x = place[0] + turn[1] * (start + k)
        y = place[1] + turn[0] * (start + k)
        x0, y0 = max(min(np.int32(x), nx - 2), 0), max(min(np.int32(y), ny - 2), 0)
        fx, fy = np.float32(x - x0), np.float32(y - y0)
        offsets[k] = (x0 * ny + y0) * WIDTH
        weights[0, k], weights[1, k] = (one - fx) * (one - fy), (one - fx) * fy
        weights[2, k], weights[3, k] = fx * (one - fy), fx * fy


@njit(nogil=True, cache=True, fastmath=FAST, inline="always")
def _max_along(slab, nx, ny, offsets, weights, count, result, ray):
    """Raise the maxima of a ray, in registers, to the blends of four columns at its samples."""
    along_x, along_y = ny * WIDTH * (nx > 1), WIDTH * (ny > 1)
    highest = load(result, ray)
    for k in range(count):
        column = offsets[k]
        value = mul(weights[0, k], load(slab, column))
        value = add(mul(weights[1, k], load(slab, column + along_y)), value)
        value = add(mul(weights[2, k], load(slab, column + along_x)), value)
        value = add(mul(weights[3, k], load(slab, column + along_x + along_y)), value)
        highest = maximum(value, highest)
    store(result, ray, highest)


@njit(nogil=True, cache=True, fastmath=FAST, inline="always")
def _start_of_ray(u, cos, sin, nx, ny):
    """Place (x, y) of a ray's first sample; each next one lies (sin, cos) further."""
    cx, cy = (nx - 1) / 2, (ny - 1) / 2
    return cx + cos * (u - cx) - sin * cy, cy - sin * (u - cx) - cos * cy


@njit(nogil=True, cache=True, fastmath=FAST, inline="always")
def _inside(x, y, nx, ny):
    return 0 <= x <= nx - 1 and 0 <= y <= ny - 1
