"""Silhouettes of a patient's views, which a reconstruction's own projections must show.

A mask is a volume above a level, so the silhouettes of the vessels are the maximum intensity
projections above one. A visual hull holds every vessel that these silhouettes allow; what it cannot
say is that each of their points has a vessel somewhere on its ray. That is what is asked here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...geometry.grid import Grid
from ...geometry.views import Views
from ...method import Measurement, Training
from ...projectors import torch_line_integral
from ...projectors.torch_projectors import project_max
from ..view_images import evenly_spread
from ..view_levels import brightness, silhouette_level

MAX_VIEWS = 6  # compared at a time: more tell little more and take longer
PROB_EPS = 1e-4  # probabilities stay this far from 0 and 1
REFINE_LR = 0.3  # of Adam on logits
OUTSIDE_HULL_LOGIT = -20.0  # logit of a voxel outside the hull
PROXIMITY_WEIGHT = 0.1  # weight of a logit's squared distance from where it started


@dataclass(frozen=True)
class Silhouettes:
    """How projections are compared. level : brightness from which on a point shows a vessel."""

    level: float

    @classmethod
    def of(cls, patients: Training) -> Silhouettes:
        """The level at which silhouettes agree best with those of the training masks."""
        return cls(silhouette_level(patients)[0])

    def silhouettes(
        self, views: Measurement, most: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Where views show a vessel, (views, x, z) bool, and their angles; of at most so many."""
        some = evenly_spread(len(views.angles), most)
        return brightness(views, some) >= np.float32(self.level), views.angles[some]


def silhouette_loss(
    probability: Tensor,
    silhouettes: Tensor,
    angles: np.ndarray,
    beam: tuple[Grid, Views] | None = None,
) -> Tensor:
    """Mean cross-entropy of maxima along the rays and silhouettes.

    probability : (x, y, z). silhouettes : (views, i, j), 0 and 1. angles : (views,) degrees of the
    paper's parallel beam. beam : another one's grid and views, in place of the angles.
    """
    if beam is None:
        maxima = project_max(probability, angles)
    else:
        maxima = torch_line_integral.project_max(probability, *beam)
    maxima = maxima.clamp(PROB_EPS, 1 - PROB_EPS)
    return functional.binary_cross_entropy(maxima, silhouettes.to(maxima.dtype))


def refine(
    logits: Tensor,
    silhouettes: Tensor,
    angles: np.ndarray,
    steps: int,
    beam: tuple[Grid, Views] | None = None,
) -> Tensor:
    """Logits (x, y, z) after some steps towards the silhouettes, held near where they started.

    silhouettes, angles, beam : see `silhouette_loss`.
    """
    with torch.enable_grad():
        moved = logits.clone().requires_grad_()
        optimizer = torch.optim.Adam([moved], lr=REFINE_LR)
        for _ in range(steps):
            held = PROXIMITY_WEIGHT * (moved - logits).square().sum() / silhouettes.numel()
            loss = silhouette_loss(moved.sigmoid(), silhouettes, angles, beam) + held
            (moved.grad,) = torch.autograd.grad(loss, moved)
            optimizer.step()
    ruled_out = logits <= OUTSIDE_HULL_LOGIT
    return torch.where(ruled_out, logits, moved.detach())
