"""What the config may set of a network's training. Free of torch, so that reading it is quick."""

from __future__ import annotations

import math
from dataclasses import dataclass

SCHEDULES = ("constant", "one-cycle", "linear-decay", "polynomial", "halving")


class Checked:
    """Checks for settings of any method; each raises ValueError that names key and value."""

    def require_int(self, *keys: str, least: int = 1) -> None:
        for key in keys:
            value = getattr(self, key)
            if not (type(value) is int and value >= least):
                raise ValueError(f"{key}: {value!r} must be a whole number of at least {least}")

    def require_positive(self, *keys: str, or_zero: bool = False) -> None:
        for key in keys:
            value = getattr(self, key)
            number = type(value) in (int, float) and math.isfinite(value)
            if not (number and (value > 0 or (or_zero and value == 0))):
                least = "of at least 0" if or_zero else "above 0"
                raise ValueError(f"{key}: {value!r} must be a number {least}")

    def require_one_of(self, key: str, valid: tuple[str, ...]) -> None:
        if getattr(self, key) not in valid:
            raise ValueError(f"{key}: {getattr(self, key)!r} must be one of {', '.join(valid)}")

    def require_bool(self, *keys: str) -> None:
        for key in keys:
            if type(getattr(self, key)) is not bool:
                raise ValueError(f"{key}: {getattr(self, key)!r} must be true or false")


@dataclass(frozen=True)
class Settings(Checked):
    """Settings of any network's training; the defaults are the paper's (section 2.3).

    epochs : passes over the training patients. batch_size : examples per step.
    learning_rate : of Adam. schedule : "constant", "one-cycle" (up to the rate and down to 0),
    "linear-decay" or "polynomial" (down to 0), or "halving" (five times); see `schedules`.
    precision : "auto", "fp32", "bf16" or "fp16" (mixed).

    Raises ValueError for a value out of range, naming the key.
    """

    # ASSUME: the paper does not say for how many epochs it trained.
    epochs: int = 100
    learning_rate: float = 1e-3
    schedule: str = "constant"
    batch_size: int = 1
    precision: str = "auto"

    def __post_init__(self) -> None:
        self.require_int("epochs", "batch_size")
        self.require_positive("learning_rate")
        self.require_one_of("schedule", SCHEDULES)
        self.require_one_of("precision", ("auto", "fp32", "bf16", "fp16"))
