"""Learning rates over a training."""

from __future__ import annotations

from bisect import bisect_right

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

POWER = 0.9  # of "polynomial" (Zhao et al. 2022, published code)
# Parts of a training after which "halving" halves the rate: epochs 17, 22, 27, 30 and 33 of 35
# (DeepMedic, published configuration).
HALVINGS = tuple(epoch / 35 for epoch in (17, 22, 27, 30, 33))


def scheduler(optimizer: Optimizer, schedule: str, learning_rate: float, steps: int) -> LRScheduler:
    """Make the scheduler of an optimiser, which steps once after each of its steps.

    schedule : "constant", "one-cycle", "linear-decay", "polynomial" or "halving". steps : of the
    whole training.
    """
    if schedule == "one-cycle":
        return OneCycleLR(optimizer, learning_rate, total_steps=steps + 1)
    return LambdaLR(optimizer, lambda step: rate_factor(schedule, step / steps))


def rate_factor(schedule: str, part: float) -> float:
    """The learning rate after a part of the training, as a share of the first."""
    if schedule == "linear-decay":  # constant for the first half (Ying et al. 2019, published code)
        return min(1.0, 2 * (1 - part))
    if schedule == "polynomial":
        return (1 - part) ** POWER
    return 0.5 ** bisect_right(HALVINGS, part) if schedule == "halving" else 1.0
