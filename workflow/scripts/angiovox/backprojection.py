"""Back-projection: what the views together say about each voxel (paper, section 2.1)."""

from __future__ import annotations

import numpy as np
from numba import njit

from .geometry import rotation_table
from .parallel import for_each_slab


def back_project(
    projections: np.ndarray, angles: np.ndarray, depth: int, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Repeat each projection along depth, rotate it back, and combine all views.

    Parameters
    ----------
    projections : (views, detector, z) array.
    angles : (views,) degrees, the same as those projected at.
    depth : length of the y axis of the volume; x is as long as the detector.

    Returns
    -------
    total : (x, y, z) float32, the sum over views, as in the paper. Unscaled: see `to_unit_range`.
    bound : (x, y, z) float32, the minimum over views. A maximum along a ray bounds every voxel on
        it, so this bounds the volume from above, up to interpolation: the visual hull in grey.
        A voxel that no view sees takes the maximum of all projections.

    Raises
    ------
    ValueError : the array is not (views, detector, z), or there are not as many angles.
    """
    if projections.ndim != 3 or not projections.size:
        raise ValueError(f"expected projections (views, detector, z), not {projections.shape}")
    if len(projections) != len(angles):
        raise ValueError(f"{len(projections)} projections but {len(angles)} angles")
    table = rotation_table(angles)
    shape = (projections.shape[1], depth, projections.shape[2])
    total, bound = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
    unseen = np.float32(projections.max())

    def work(z_start: int, z_stop: int) -> None:
        slab = np.ascontiguousarray(projections[:, :, z_start:z_stop], dtype=np.float32)
        result = _back_project_slab(slab, table, depth, unseen)
        total[:, :, z_start:z_stop], bound[:, :, z_start:z_stop] = result

    for_each_slab(work, shape[2], threads)
    return total, bound


def network_inputs(
    projections: np.ndarray, angles: np.ndarray, chosen: np.ndarray, depth: int, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Sum and minimum of the chosen views, each scaled to [0, 1] (paper, section 2.1).

    projections, angles : the whole acquisition, (views, detector, z) and (views,) degrees.
    chosen : indices of the views to use. depth, threads : see `back_project`.

    Returns two (x, y, z) float32 volumes. A constant added to the intensities changes nothing.
    """
    # ASSUME: a view adds nothing where it does not see a voxel, and nothing is the darkest value of
    # the whole acquisition: air at -1000 HU must not make what few views see the brightest.
    above_air = projections[chosen] - projections.min()
    total, bound = back_project(above_air, angles[chosen], depth, threads)
    return to_unit_range(total), to_unit_range(bound)


def to_unit_range(volume: np.ndarray) -> np.ndarray:
    """Scale to [0, 1] by the volume's own extremes, float32; a constant volume becomes zeros."""
    # ASSUME: "standardized to values between 0 and 1" is the minimum and maximum of each volume.
    low, high = volume.min(), volume.max()
    if high == low:
        return np.zeros(volume.shape, dtype=np.float32)
    return ((volume - low) / (high - low)).astype(np.float32, copy=False)


@njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "contract"})
def _back_project_slab(projections, table, ny, unseen):
    num_views, nx, nz = projections.shape
    cx, cy = (nx - 1) / 2, (ny - 1) / 2
    total = np.zeros((nx, ny, nz), dtype=np.float32)
    bound = np.full((nx, ny, nz), unseen, dtype=np.float32)
    for x in range(nx):
        for y in range(ny):
            for view in range(num_views):
                cos, sin = table[view]
                u = cx + cos * (x - cx) - sin * (y - cy)
                v = cy + sin * (x - cx) + cos * (y - cy)
                if 0 <= u <= nx - 1 and 0 <= v <= ny - 1:
                    u0 = min(int(u), nx - 2)
                    _add_view(total[x, y], bound[x, y], projections[view], u0, np.float32(u - u0))
    return total, bound


@njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "contract"}, inline="always")
def _add_view(total, bound, projection, u0, fraction):
    near, far = projection[u0], projection[u0 + 1]
    keep = np.float32(1) - fraction
    for z in range(len(total)):
        value = keep * near[z] + fraction * far[z]
        total[z] += value
        if value < bound[z]:
            bound[z] = value
