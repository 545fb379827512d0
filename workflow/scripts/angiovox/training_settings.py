"""What the config may set of a network's training. Free of torch, so that reading it is quick."""

from __future__ import annotations

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
            if not (isinstance(value, int) and value >= 1):
                raise ValueError(f"{key}: {value!r} must be a whole number of at least 1")
        for key, low in (("learning_rate", 0), ("focal_alpha", 0), ("focal_gamma", -1e-12)):
            value = getattr(self, key)
            if not (isinstance(value, int | float) and value > low):
                raise ValueError(f"{key}: {value!r} must be a number above {max(low, 0)}")
        choices = {
            "schedule": ("constant", "one-cycle"),
            "precision": ("auto", "fp32", "bf16", "fp16"),
        }
        for key, valid in choices.items():
            if getattr(self, key) not in valid:
                raise ValueError(f"{key}: {getattr(self, key)!r} must be one of {', '.join(valid)}")
