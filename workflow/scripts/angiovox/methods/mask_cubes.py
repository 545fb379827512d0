"""Masks on a cube of one edge, which priors of masks learn from."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from ..method import Training
from ..training.learner import drawn


# ASSUME: on a coarser cube a voxel is vessel where any of it is, so that thin vessels stay whole
# and its silhouettes hold those of the patient; X2Vision's volumes are grey.
def cube(mask: np.ndarray, edge: int) -> np.ndarray:
    """A mask on a cube of an edge over the same field of view, (edge, edge, edge) float32."""
    volume = torch.from_numpy(mask.astype(np.float32))[None, None]
    return functional.adaptive_max_pool3d(volume, edge)[0, 0].numpy()


def drawn_cubes(
    patients: Training, batch: list[int], rng: np.random.Generator, edge: int
) -> np.ndarray:
    """Masks of training examples as cubes, (batch, 1, edge, edge, edge) float32."""
    return np.stack([cube(drawn(patients, index, rng)[1], edge)[None] for index in batch])
