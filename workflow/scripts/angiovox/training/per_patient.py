"""The optimisation for one patient, resumable after any step."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import TrainingInterrupted
from ..method import Context
from .checkpoint import Checkpoint

SAVE_EVERY_S = 60.0
LOG_LINES = 10  # of a whole optimisation


def optimise(
    parts: Mapping[str, Any], step: Callable[[int], float], steps: int, context: Context
) -> None:
    """Take some steps, going on from the checkpoint where one fits.

    Parameters
    ----------
    parts : all that a step depends on and changes: networks, optimisers, schedulers, by name.
    step : takes the step of a number, from 0 on, and returns its loss. All chance in it comes from
        PyTorch's random numbers or from the step's number.
    steps : how many there are.
    context : of the reconstruction; without a checkpoint, nothing is saved.

    Raises
    ------
    TrainingInterrupted : `context.stopping` asked for it, and the checkpoint is written.
    """
    checkpoint = Checkpoint(parts, context) if context.checkpoint else None
    state = checkpoint.load() if checkpoint else None
    done, saved = (state["steps"] if state else 0), time.monotonic()
    if done:
        context.log(f"resuming after {done} of {steps} steps")
    for number in range(done, steps):
        is_stopping = context.stopping()
        if checkpoint and (is_stopping or time.monotonic() - saved > SAVE_EVERY_S):
            checkpoint.save(steps=number)
            saved = time.monotonic()
        if is_stopping:
            raise TrainingInterrupted(
                f"stopped after {number} of {steps} steps; a rerun goes on from there"
            )
        loss = step(number)
        if (number + 1) % max(1, steps // LOG_LINES) == 0:
            context.log(f"step {number + 1}/{steps}: loss {loss:.4g}")
    if checkpoint:
        checkpoint.save(steps=steps)
