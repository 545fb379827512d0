"""Maximum intensity projections of a volume (paper, section 2.1)."""

from __future__ import annotations

import numpy as np
from numba import njit

from .errors import InputError
from .geometry import rotation_table
from .parallel import for_each_slab


def project_max(volume: np.ndarray, angles: np.ndarray, threads: int = 1) -> np.ndarray:
    """Rotate about z, then take the maximum along the second axis, for each angle.

    Parameters
    ----------
    volume : (x, y, z) array of finite numbers.
    angles : (views,) degrees; see `geometry.rotation_table` for the sense of rotation.
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
    if not np.isfinite(volume).all():
        raise InputError("a volume with NaN or infinity cannot be projected")
    # ASSUME: rotation is bilinear, and what turns in from outside the grid is the volume's minimum.
    outside = np.float32(volume.min())
    table = rotation_table(angles)
    projections = np.empty((len(table), volume.shape[0], volume.shape[2]), dtype=np.float32)

    def work(z_start: int, z_stop: int) -> None:
        slab = np.ascontiguousarray(volume[:, :, z_start:z_stop], dtype=np.float32)
        projections[:, :, z_start:z_stop] = _project_slab(slab, table, outside)

    for_each_slab(work, volume.shape[2], threads)
    return projections


@njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "contract"})
def _project_slab(slab, table, outside):
    nx, ny, nz = slab.shape
    cx, cy = (nx - 1) / 2, (ny - 1) / 2
    result = np.full((len(table), nx, nz), outside, dtype=np.float32)
    for view in range(len(table)):
        cos, sin = table[view]
        for u in range(nx):
            row = result[view, u]
            for v in range(ny):
                x = cx + cos * (u - cx) + sin * (v - cy)
                y = cy - sin * (u - cx) + cos * (v - cy)
                if 0 <= x <= nx - 1 and 0 <= y <= ny - 1:
                    x0, y0 = min(int(x), nx - 2), min(int(y), ny - 2)
                    fx, fy = np.float32(x - x0), np.float32(y - y0)
                    _max_of_blend(row, slab, x0, y0, fx, fy)
    return result


@njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "contract"}, inline="always")
def _max_of_blend(row, slab, x0, y0, fx, fy):
    one = np.float32(1)
    w00, w01 = (one - fx) * (one - fy), (one - fx) * fy
    w10, w11 = fx * (one - fy), fx * fy
    a, b = slab[x0, y0], slab[x0, y0 + 1]
    c, d = slab[x0 + 1, y0], slab[x0 + 1, y0 + 1]
    for z in range(len(row)):
        value = w00 * a[z] + w01 * b[z] + w10 * c[z] + w11 * d[z]
        if value > row[z]:
            row[z] = value
