"""Line integrals of a patient's views, which a reconstruction's own line integrals must equal."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...method import Measurement, Training
from ...projectors import line_integral as by_numba
from ...projectors.differentiable import line_integral
from .silhouettes import OUTSIDE_HULL_LOGIT, PROXIMITY_WEIGHT, REFINE_LR, spread

MAX_VIEWS = 12  # compared at a time, evenly spread


def contrast_in_masks(patients: Training) -> tuple[float, float]:
    """Attenuation per mm that makes line integrals of the training masks those that were measured.

    Returns it, by least squares over all patients and pixels, with the share of the measured
    variance that it explains.
    """
    products = np.zeros(3)
    for measured, mask in patients:
        seen = by_numba.line_integral(mask, measured.grid, measured.views)
        given = measured.inputs["projections"]
        products += [np.vdot(seen, given), np.vdot(seen, seen), np.vdot(given, given)]
    cross, own, theirs = products
    return float(cross / own), float(cross**2 / (own * theirs))


def refine(logits: Tensor, measured: Measurement, contrast: float, steps: int) -> Tensor:
    """Logits (x, y, z) after some steps towards the line integrals, held near where they started.

    contrast : attenuation per mm of a voxel that is vessel.
    """
    some = spread(len(measured.angles), MAX_VIEWS)
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
