"""The paper's back-projected sum, thresholded: what the network has to improve on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...method import Context, Training, Views
from ..thresholding import fit_threshold

TITLE = "Thresholded back-projection"
INPUTS = ("sum",)
TRAINED = False


@dataclass(frozen=True)
class Settings:
    """Nothing to set: the threshold is chosen on the training patients."""


def fit(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """Choose the threshold with the best mean IoU on the training patients."""
    return fit_threshold("sum", patients, context)


def reconstruct(state: dict, views: Views, device: str) -> np.ndarray:
    """1 where the scaled sum reaches the threshold, 0 elsewhere."""
    return (views.inputs["sum"] >= state["threshold"]).astype(np.float32)
