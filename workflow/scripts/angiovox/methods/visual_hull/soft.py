"""The minimum over views as a probability: a hull that says how sure it is.

The threshold of `hull` becomes 0.5, so that both have the same mask.
"""

from __future__ import annotations

import numpy as np

from ...method import Views
from ..thresholding import score_to_probability
from .method import INPUTS, TRAINED, Settings, fit

TITLE = "Visual hull, soft"
__all__ = ["INPUTS", "TITLE", "TRAINED", "Settings", "fit", "reconstruct"]


def reconstruct(state: dict, views: Views, device: str) -> np.ndarray:
    """The scaled minimum, stretched so that the threshold is at 0.5."""
    return score_to_probability(views.inputs["min"], state["threshold"])
