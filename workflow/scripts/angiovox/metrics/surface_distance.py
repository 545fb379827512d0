"""How far apart two surfaces lie.

The surface of a mask are its voxels with a face to the background; beyond the grid is background.
Trees of points and no distance transforms: arteries are 1 % of a volume, and at 384^3 a transform
took 15 s and 2.5 GB where a tree took 0.1 s.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

ROUNDING = 1 + 1e-9  # 0.1 mm times 12 less 0.1 mm times 2 is more than 1 mm


def surface_scores(found: np.ndarray, truth: np.ndarray, voxel_mm: np.ndarray) -> dict[str, float]:
    """How far the surfaces of two masks, (x, y, z) bool, lie apart.

    Parameters
    ----------
    voxel_mm : (3,) edges of a voxel.

    Returns
    -------
    hd95_mm : symmetric, the larger one of both directions' 95th percentiles.
    assd_mm : mean over the voxels of both surfaces.
    nsd_1mm : the share of both surfaces' voxels that lie within 1 mm of the other one.
    Distances are 0 and shares 1 where both masks are empty. Where one is, the share is 0 and
    there is no distance: any number in its place would decide the mean over patients.
    """
    if found.any() != truth.any():
        return {"nsd_1mm": 0.0}
    ways = surface_distances(found, truth, voxel_mm) if found.any() else [np.zeros(1)] * 2
    both = np.concatenate(ways)
    return {
        "hd95_mm": max(float(np.percentile(way, 95)) for way in ways),
        "assd_mm": float(both.mean()),
        "nsd_1mm": float(np.mean(both <= ROUNDING)),
    }


def surface_distances(
    found: np.ndarray, truth: np.ndarray, voxel_mm: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distance in mm of each voxel of the found surface to the true one, and the other way.

    Neither mask may be empty.
    """
    ours, theirs = (np.argwhere(surface(mask)) * voxel_mm for mask in (found, truth))
    return KDTree(theirs).query(ours)[0], KDTree(ours).query(theirs)[0]


def surface(mask: np.ndarray) -> np.ndarray:
    """Voxels of a mask with a face to the background, bool."""
    return mask & ~ndimage.binary_erosion(mask)
