"""The mean of the training patients' masks."""

from __future__ import annotations

import numpy as np

from ..method import Training


def mean_mask(patients: Training) -> np.ndarray:
    """Share of the training patients, (x, y, z) float32, in whom a voxel is vessel."""
    total = None
    for _, mask in patients:
        total = mask.astype(np.float32) if total is None else total + mask
    return total / len(patients)
