"""The given view nearest to the wanted one: what a predictor has to be better than."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..method import Context, Measurement
from .predictor import UntrainedPredictor

if TYPE_CHECKING:
    import numpy as np


class NearestView(UntrainedPredictor):
    """The given view whose angle is nearest. Nothing is learnt."""

    name = "nearest_view"
    title = "Nearest given view"
    reference = "None; the trivial prediction"

    def predict(
        self, state: dict, given: Measurement, wanted: Measurement, context: Context
    ) -> np.ndarray:
        """Repeat the nearest view; of two that are as near, the first."""
        apart = abs((given.angles - wanted.angles[:, None] + 180) % 360 - 180)
        return given.inputs["projections"][apart.argmin(axis=1)]
