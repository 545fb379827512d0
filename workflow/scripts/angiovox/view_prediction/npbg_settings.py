"""What may be set of NPBG. Free of torch, so that reading it is quick."""

from __future__ import annotations

from dataclasses import dataclass

from .hull_settings import FIT_SCHEDULES, HullSettings

# Features of the network's levels, in channels.
FACTORS = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Settings(HullSettings):
    """Those of the hull, and, with the original's values as defaults:

    epochs : of pre-training, a step for each example. steps : of the fit to a patient. images : of
    one patient in a step at most. learning_rate : of the network. descriptor_rate : of the points'
    descriptors. schedule : of both rates, in pre-training and in the fit: "constant",
    "linear-decay", "polynomial" or "halving" (see `training.schedules`). descriptors : numbers of
    each point. channels : of the network at full resolution; twice as many are more than the
    descriptors.

    Raises ValueError for a value out of range, naming the key.
    """

    epochs: int = 40
    # ASSUME: the fit takes as many steps as 40 epochs of 2000 images in batches of 8.
    steps: int = 10_000
    images: int = 8
    learning_rate: float = 1e-4
    descriptor_rate: float = 0.1
    # ASSUME: rates stay constant; the source lowers them once the loss no longer falls.
    schedule: str = "constant"
    descriptors: int = 8
    channels: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_int("epochs", "images", "descriptors", "channels")
        self.require_int("steps", least=0)
        self.require_positive("learning_rate", "descriptor_rate")
        self.require_one_of("schedule", FIT_SCHEDULES)
        if self.descriptors >= 2 * self.channels:
            raise ValueError(
                f"descriptors: {self.descriptors!r} must be fewer than twice the channels, "
                f"{self.channels}"
            )
