"""The back-projected sum as a probability: the baseline for what looks at more than a mask.

The threshold of `backprojection` becomes 0.5, so that both have the same mask.
"""

from __future__ import annotations

import numpy as np

from ...method import Views
from ..thresholding import score_to_probability
from .method import INPUTS, TRAINED, Settings, fit

TITLE = "Back-projection, soft"
__all__ = ["INPUTS", "TITLE", "TRAINED", "Settings", "fit", "reconstruct"]


def reconstruct(state: dict, views: Views, device: str) -> np.ndarray:
    """The scaled sum, stretched so that the threshold is at 0.5."""
    return score_to_probability(views.inputs["sum"], state["threshold"])
