"""The visual hull in grey: the minimum over views of the back-projected maxima, thresholded.

The maximum along a ray bounds every voxel on it, so the minimum over views bounds the volume from
above. It needs no training: the first baseline that any learned method must beat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...method import Context, Training, Views
from ..thresholding import fit_threshold

TITLE = "Visual hull"
INPUTS = ("min",)
TRAINED = False


@dataclass(frozen=True)
class Settings:
    """Nothing to set: the threshold is chosen on the training patients."""


def fit(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """Choose the threshold with the best mean IoU on the training patients."""
    return fit_threshold("min", patients, context)


def reconstruct(state: dict, views: Views, device: str) -> np.ndarray:
    """1 where the scaled minimum reaches the threshold, 0 elsewhere."""
    return (views.inputs["min"] >= state["threshold"]).astype(np.float32)
