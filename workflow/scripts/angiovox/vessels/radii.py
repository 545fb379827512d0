"""Radii along centrelines of masks."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree


def radii(mask: np.ndarray, line: np.ndarray, voxel_mm: np.ndarray) -> np.ndarray:
    """Radius in mm at voxels of a mask, (n, 3) indices: to the nearest face of the background.

    The distance to the background voxel's centre, less half of a voxel's shortest edge: a line one
    voxel wide has half a voxel's radius.
    """
    if not len(line):
        return np.zeros(0)
    return to_background(mask, line, voxel_mm) - np.min(voxel_mm) / 2


def to_background(mask: np.ndarray, points: np.ndarray, voxel_mm: np.ndarray) -> np.ndarray:
    """Distance in mm from voxels of a mask, (n, 3) indices, to the nearest one outside it.

    As a distance transform has it: from centre to centre. The nearest has a face to the mask.
    """
    padded = np.pad(mask, 1)
    outside = np.argwhere(ndimage.binary_dilation(padded) & ~padded) - 1
    return KDTree(outside * voxel_mm).query(points * voxel_mm)[0]
