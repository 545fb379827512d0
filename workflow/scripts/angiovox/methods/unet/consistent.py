"""The 3D U-Net, refined until its projections are consistent with the patient's own views.

Starts from the trained model of `unet`: for a new patient a few steps move its reconstruction
towards the silhouettes that the views show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...method import Context, Training, Views
from ...training import settings as training_settings

TITLE = "Projection-consistent U-Net"
INPUTS = ("projections", "sum", "min")
FIT_INPUTS = ("projections",)
TRAINED = False
BASE = "unet"
CODED = True
SHARED = True


@dataclass(frozen=True)
class Settings(training_settings.Checked):
    """refinement_steps : for a new patient; 0 gives the reconstruction of `unet`."""

    refinement_steps: int = 25

    def __post_init__(self) -> None:
        self.require_int("refinement_steps", least=0)


def fit(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """Find the brightness from which on the training patients' views show a vessel."""
    from .silhouettes import silhouette_level

    level, iou = silhouette_level(patients)
    context.log(f"level {level:.3f}, IoU of silhouettes on the training patients {iou:.3f}")
    state = context.base | {"level": level, "refinement_steps": settings.refinement_steps}
    return state, [{"epoch": 1, "iou": iou}]


def reconstruct(state: dict, views: Views, device: str) -> np.ndarray:
    """Vessel probabilities of one patient, 0 outside the hull."""
    from . import model

    logits = model.logits(state, views, device)
    return model.probabilities(model.refine(state, logits, views))
