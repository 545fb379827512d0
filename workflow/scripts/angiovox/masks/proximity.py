"""What lies near the vessels of a mask."""

from __future__ import annotations

from itertools import product

import numpy as np

from ..geometry.affine import LPS_TO_RAS

NEAR_VOXELS = 1


def is_near(mask: np.ndarray, points: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Whether the voxel nearest to each point, or one `NEAR_VOXELS` around, is vessel.

    mask : (x, y, z), vessel where it is not zero. points : (n, 3) LPS mm. affine : (4, 4) voxel
    indices to RAS mm. Returns (n,) bool.
    """
    to_index = np.linalg.inv(LPS_TO_RAS @ affine)
    indices = np.rint(points @ to_index[:3, :3].T + to_index[:3, 3]).astype(np.int64)
    around = range(-NEAR_VOXELS, NEAR_VOXELS + 1)
    places = [
        [np.clip(column + step, 0, size - 1) for step in around]
        for column, size in zip(indices.T, mask.shape, strict=True)
    ]
    near = np.zeros(len(points), dtype=bool)
    for place in product(*places):  # of the points' voxels, not of all that there are
        near |= mask[place] != 0
    return near
