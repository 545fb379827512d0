"""Projections of a volume of vessel with gradients, in the units of `vessel_views`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..projectors import differentiable, torch_line_integral, torch_projectors
from .vessel_views import Targets


def half_edge_mm(known: Targets) -> float:
    """Half of the grid's longest edge in mm: the unit of lengths along rays."""
    return float(max(np.multiply(known.grid.shape, known.grid.voxel_size))) / 2


def given_images(known: Targets, device: str) -> Tensor:
    """Views that a fit is compared with, (views, i, j): maxima, or integrals in half edges."""
    unit = half_edge_mm(known) if known.are_integrals else 1.0
    return torch.from_numpy(known.images / np.float32(unit)).to(device)


def projected(volume: Tensor, known: Targets, angles: np.ndarray) -> Tensor:
    """Project a volume (x, y, z) of vessel fractions as the views were taken, (views, i, j).

    angles : (views,) degrees, of a parallel beam. Line integrals are in half edges.
    """
    if known.are_integrals:
        return differentiable.line_integral(volume, known.grid, known.views) / half_edge_mm(known)
    if (known.views.source[:, 3] == 0).all():
        return torch_projectors.project_max(volume, angles)
    return torch_line_integral.project_max(volume, known.grid, known.views)
