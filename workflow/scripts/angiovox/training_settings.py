"""What the config may set of a network's training. Free of torch, so that reading it is quick."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Training settings; the defaults are the paper's where it gives them (section 2.3).

    epochs : passes over the training patients. batch_size : patients per step.
    learning_rate : of Adam. schedule : "constant", or "one-cycle" (up to the rate and down to 0).
    precision : "auto", "fp32", "bf16" or "fp16" (mixed). focal_alpha, focal_gamma : of the loss.

    Raises ValueError for a value out of range, naming the key.
    """

    # ASSUME: the paper does not say for how many epochs it trained.
    epochs: int = 100
    learning_rate: float = 1e-3
    schedule: str = "constant"
    batch_size: int = 1
    precision: str = "auto"
    focal_alpha: float = 0.5
    focal_gamma: float = 0.2

    def __post_init__(self) -> None:
        for key in ("epochs", "batch_size"):
            value = getattr(self, key)
            if not (type(value) is int and value >= 1):
                raise ValueError(f"{key}: {value!r} must be a whole number of at least 1")
        for key in ("learning_rate", "focal_alpha", "focal_gamma"):
            value, zero = getattr(self, key), key == "focal_gamma"
            number = type(value) in (int, float) and math.isfinite(value)
            if not (number and (value > 0 or (zero and value == 0))):
                least = "of at least 0" if zero else "above 0"
                raise ValueError(f"{key}: {value!r} must be a number {least}")
        choices = {
            "schedule": ("constant", "one-cycle"),
            "precision": ("auto", "fp32", "bf16", "fp16"),
        }
        for key, valid in choices.items():
            if getattr(self, key) not in valid:
                raise ValueError(f"{key}: {getattr(self, key)!r} must be one of {', '.join(valid)}")
