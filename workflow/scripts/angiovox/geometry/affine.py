"""Affines from voxel indices to patient coordinates in mm."""

from __future__ import annotations

import numpy as np

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def isotropic_affine(shape: tuple[int, int, int], voxel_size: float) -> np.ndarray:
    """RAS affine (4, 4) in mm of an (x, y, z) LPS grid centred on the scanner's origin."""
    affine = np.diag([voxel_size, voxel_size, voxel_size, 1.0])
    affine[:3, 3] = -voxel_size * (np.asarray(shape) - 1) / 2
    return LPS_TO_RAS @ affine


def voxel_sizes(affine: np.ndarray) -> np.ndarray:
    """Edge lengths of a voxel in mm, shape (3,)."""
    return np.linalg.norm(affine[:3, :3], axis=0)
