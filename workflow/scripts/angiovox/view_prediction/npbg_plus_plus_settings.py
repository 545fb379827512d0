"""What may be set of NPBG++. Free of torch, so that reading it is quick."""

from __future__ import annotations

from dataclasses import dataclass

from ..training.settings import SCHEDULES
from .hull_settings import HullSettings

# Features of the renderer's levels and of the encoder's, in channels.
RENDERER_FACTORS = (1, 2, 3, 4, 5)
ENCODER_FACTORS = (1, 1, 2, 4, 4, 1)


@dataclass(frozen=True)
class Settings(HullSettings):
    """Those of the hull, and, with the original's values as defaults:

    epochs : of training, a step for each example. images : that are predicted in a step at most.
    learning_rate : of Adam. schedule : as in `training.settings`. features : of each view and
    point. functions : of directions. channels : of the renderer at full resolution; twice as many
    are more than the features and 1. encoder : channels of the views' network at full resolution.

    Raises ValueError for a value out of range, naming the key.
    """

    epochs: int = 39
    images: int = 8
    # ASSUME: the rate is NPBG's; the published configuration that was read does not name one.
    learning_rate: float = 1e-4
    schedule: str = "constant"
    features: int = 8
    functions: int = 6
    channels: int = 16
    # ASSUME: the network of the views has 16 channels at full resolution, as many as the source's
    # decoder ends with.
    encoder: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("epochs", "images", "features", "functions", "channels", "encoder")
        self.require_positive("learning_rate")
        self.require_one_of("schedule", SCHEDULES)
        if self.features + 1 >= 2 * self.channels:
            raise ValueError(
                f"features: {self.features!r} and 1 must be fewer than twice the channels, "
                f"{self.channels}"
            )
