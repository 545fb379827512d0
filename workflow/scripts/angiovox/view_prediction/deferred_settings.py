"""What may be set of deferred neural rendering. Free of torch, so that reading it is quick."""

from __future__ import annotations

from dataclasses import dataclass

from .hull_settings import FIT_SCHEDULES, HullSettings

# Features of the network's levels, in channels.
FACTORS = (1, 2, 4, 8, 8)
HARMONICS = 9  # of the direction, that features 4 to 12 are multiplied by


@dataclass(frozen=True)
class Settings(HullSettings):
    """Those of the hull, and, with the original's values as defaults:

    steps : of the fit. images : in a step at most. texture_rate, learning_rate : of Adam, for the
    texture and for the network. schedule : of both, "constant", "linear-decay", "polynomial" or
    "halving" (see `training.schedules`). features : of the texture, at least 12. levels : of the
    texture's resolution. channels : of the network at half the resolution.

    Raises ValueError for a value out of range, naming the key.
    """

    # ASSUME: the fit takes 4000 steps: 50 epochs of about 1000 images in batches of 12.
    steps: int = 4000
    images: int = 12
    texture_rate: float = 1e-3
    learning_rate: float = 1e-4
    schedule: str = "constant"
    features: int = 16
    levels: int = 4
    channels: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("images", "levels", "channels")
        self.require_int("steps", least=0)
        self.require_int("features", least=3 + HARMONICS)
        self.require_positive("texture_rate", "learning_rate")
        self.require_one_of("schedule", FIT_SCHEDULES)
