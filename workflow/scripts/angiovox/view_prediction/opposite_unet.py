"""A 2D U-Net that predicts the opposite view from a single one.

The network sees the mirrored view and where on the detector each pixel lies, and adds to the
mirrored view what the cone beam changes: what lies near the source is magnified more, and from the
other side that is the rest of the head. A view does not say how deep a vessel lies; what the
network knows of it are other patients' vessels. So a predicted view adds no measurement.

Facts followed: the U-Net with skip connections (Ronneberger et al. 2015), here MONAI's `BasicUNet`
in two dimensions; pixels' places as channels (Liu et al. 2018, CoordConv); the mean absolute error,
which blurs less than squares (Isola et al. 2017, section 3.1).

Original code: none; nobody is known to us to have predicted this view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..method import Context, Measurement
from ..training import settings as training_settings
from .predictor import Examples, ViewPredictor

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Settings(training_settings.Settings):
    """Those of any training, and:

    channels : at full and at half the resolution, doubled at the next two.
    """

    # ASSUME: the prediction of the opposite view is trained for 60 epochs in batches of 8 images.
    epochs: int = 60
    learning_rate: float = 2e-3
    schedule: str = "one-cycle"
    batch_size: int = 8
    channels: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("channels")


class OppositeUNet(ViewPredictor):
    """The mirrored view, corrected by a 2D U-Net."""

    name = "opposite_unet"
    title = "2D U-Net"
    reference = "Ronneberger et al. 2015, on the mirrored view"
    Settings = Settings

    def fit(self, examples: Examples, context: Context) -> tuple[dict, list[dict]]:
        """Train from random weights, starting at the mirrored view."""
        from .opposite_training import trained

        return trained(examples, self.settings, context)

    def predict(
        self, state: dict, given: Measurement, wanted: Measurement, context: Context
    ) -> np.ndarray:
        """Apply the network once to each view."""
        from .opposite_training import predicted

        return predicted(state, given, wanted, context.device)
