"""The 3D U-Net with the physics in the loop: its projections must agree with the measured ones.

In training a term of the loss compares projections of the reconstruction with the silhouettes that
the views show; for a new patient a few steps move the reconstruction towards its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..interface import Context, Training, Views
from . import unet

TITLE = "Projection-consistent U-Net"
INPUTS = ("projections", "sum", "min")
TRAINED = True
CODED = True
SHARED = True


@dataclass(frozen=True)
class Settings(unet.Settings):
    """Those of `unet`, and:

    consistency_weight : of the projections in the loss. refinement_steps : for a new patient.
    """

    consistency_weight: float = 0.2
    refinement_steps: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        self.must_be_positive("consistency_weight")
        self.must_be_whole("refinement_steps", least=0)


def fit(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """Train the network from random weights; the history has a row per epoch."""
    from ..unet import model

    state, history = model.fit(patients, settings, context, settings.consistency_weight)
    return state | {"refinement_steps": settings.refinement_steps}, history


def reconstruct(state: dict, views: Views, device: str) -> np.ndarray:
    """Vessel probabilities of one patient, 0 outside the hull."""
    from ..unet import model

    logits = model.logits(state, views, device)
    return model.probabilities(model.refined(state, logits, views))
