"""Line integrals of a patient's views, which a reconstruction's own line integrals must equal."""

from __future__ import annotations

import torch
from torch import Tensor

from ...method import Measurement
from ...projectors.differentiable import line_integral
from ..view_images import evenly_spread
from .silhouettes import OUTSIDE_HULL_LOGIT, PROXIMITY_WEIGHT, REFINE_LR

MAX_VIEWS = 12  # compared at a time, evenly spread


def refine(logits: Tensor, measured: Measurement, contrast: float, steps: int) -> Tensor:
    """Logits (x, y, z) after some steps towards the line integrals, held near where they started.

    contrast : attenuation per mm of a voxel that is vessel.
    """
    some = evenly_spread(len(measured.angles), MAX_VIEWS)
    views = measured.views[some]
    given = torch.from_numpy(measured.inputs["projections"][some]).to(logits.device)
    # In mm of vessel that a ray is wrong by, so that a step weighs the same at any contrast.
    with torch.enable_grad():
        moved = logits.clone().requires_grad_()
        optimizer = torch.optim.Adam([moved], lr=REFINE_LR)
        for _ in range(steps):
            found = line_integral(moved.sigmoid(), measured.grid, views)
            loss = (found - given / contrast).square().mean()
            held = PROXIMITY_WEIGHT * (moved - logits).square().sum() / given.numel()
            (moved.grad,) = torch.autograd.grad(loss + held, moved)
            optimizer.step()
    ruled_out = logits <= OUTSIDE_HULL_LOGIT
    return torch.where(ruled_out, logits, moved.detach())
