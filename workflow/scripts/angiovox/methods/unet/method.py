"""A 3D U-Net of today on sum and minimum of the back-projections, within the visual hull.

One model for all view counts: each patient is an example once per count, so that what is seen
clearly from many views teaches what to make of few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...method import Context, Training, Views
from ...training import settings as training_settings

TITLE = "3D U-Net"
INPUTS = ("sum", "min")
TRAINED = True
CODED = True
SHARED = True


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, and:

    channels : at half the resolution, doubled at each coarser one. levels : of resolution.
    slab : axial slices that go through at a time.
    bce_weight, cldice_weight : of cross-entropy and of soft clDice beside the Dice loss.
    deep_supervision : whether coarser levels are compared with the mask too.
    hull_support : whether voxels darker in a view than any vessel of the training patients are
    ruled out.
    """

    learning_rate: float = 3e-3
    schedule: str = "one-cycle"
    channels: int = 24
    levels: int = 5
    slab: int = 64
    bce_weight: float = 5.0
    cldice_weight: float = 0.0
    deep_supervision: bool = False
    hull_support: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("channels", "slab")
        self.require_int("levels", least=3)
        self.require_positive("bce_weight", "cldice_weight", or_zero=True)
        self.require_bool("deep_supervision", "hull_support")


def fit(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """Train the network from random weights; the history has a row per epoch."""
    from . import model

    return model.fit(patients, settings, context)


def reconstruct(state: dict, views: Views, device: str) -> np.ndarray:
    """Vessel probabilities of one patient, 0 outside the hull."""
    from . import model

    return model.probabilities(model.logits(state, views, device))
