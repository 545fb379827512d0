"""Silhouettes of a patient's views, which a reconstruction's own projections must show.

A mask is a volume above a level, so the silhouettes of the vessels are the maximum intensity
projections above one. A visual hull holds every vessel that these silhouettes allow; what it cannot
say is that each of their points has a vessel somewhere on its ray. That is what is asked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from skimage.filters import threshold_otsu
from torch import Tensor
from torch.nn import functional

from ...geometry.grid import Grid
from ...geometry.views import Views
from ...method import Measurement, Training
from ...projectors import line_integral, mip, torch_line_integral
from ...projectors.torch_projectors import project_max
from ..thresholding import best_threshold

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
        some = spread(len(views.angles), most)
        return brightness(views, some) >= np.float32(self.level), views.angles[some]


def spread(count: int, most: int | None = None) -> np.ndarray:
    """Indices of at most so many of some views, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most or count)).round().astype(int))


def silhouette_level(patients: Training) -> tuple[float, float]:
    """Brightness from which on silhouettes agree best with those of the training masks.

    Returns it with the mean IoU of the silhouettes.
    """
    return best_threshold(_scored(patients))


def brightness(views: Measurement, some: np.ndarray | slice = np.s_[:]) -> np.ndarray:
    """Some of the projections in [0, 1], where 1/2 is the Otsu level of all that were given."""
    # A level of the range would move with a patient's brightest point; Otsu's does not.
    projections = views.inputs["projections"]
    low, otsu = projections.min(), threshold_otsu(projections.ravel())
    scaled = (projections[some] - low) / max(2 * (otsu - low), 1e-6)
    return np.clip(scaled, 0, 1).astype(np.float32)


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


def _scored(patients: Training) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Brightness of each training patient's views, and the silhouettes of its mask."""
    for views, mask in patients:
        volume = mask.astype(np.float32)
        if views.views is None:
            shadows = mip.project_max(volume, views.angles)
        else:
            shadows = line_integral.project_max(volume, views.grid, views.views)
        yield brightness(views), shadows >= 0.5
