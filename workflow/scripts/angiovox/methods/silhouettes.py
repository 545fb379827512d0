"""Silhouettes of vessels in a patient's views: their level as a model, and the hull they leave.

A mask is a volume above a level, so the silhouettes of the vessels are the maximum projections
above one; of line integrals they are where the contrast along a ray reaches one.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation

from ..geometry.grid import Grid
from ..geometry.views import Views
from ..method import Context, Training
from ..projectors.voxel_backprojection import back_project
from .view_levels import silhouette_level


def fit_level(patients: Training, context: Context) -> tuple[dict, list[dict]]:
    """Choose the level of silhouettes as the model of a method that looks at nothing else."""
    level, iou = silhouette_level(patients)
    context.log(f"level {level:.3f}, IoU of silhouettes on the training patients {iou:.3f}")
    return {"level": level}, [{"epoch": 1, "iou": iou}]


def visual_hull(silhouettes: np.ndarray, grid: Grid, views: Views, margin: int = 0) -> np.ndarray:
    """Voxels (x, y, z) bool whose centre lies in each silhouette, in any beam.

    silhouettes : (views, i, j) bool. margin : pixels that silhouettes are widened by before.
    """
    if margin:
        disc = np.hypot(*np.indices(2 * (2 * margin + 1,)) - margin) <= margin
        silhouettes = binary_dilation(silhouettes, disc[None])
    images = silhouettes.astype(np.float32)
    return back_project(images, grid, views, "minimum") >= 0.5
