"""Checkpoints of a training, or of the optimisation for a patient."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import CorruptFileError
from ..io.atomic import atomic_file
from ..io.model_files import load_model, save_model
from ..method import Context
from .fingerprint import differences


class Checkpoint:
    """A file from which steps go on bit for bit like steps that were never stopped.

    parts : whatever has `state_dict` and `load_state_dict`, by name. The state of PyTorch's random
    numbers is saved with them, and the stamp of the context, which another run must share.
    """

    def __init__(self, parts: Mapping[str, Any], context: Context):
        self.parts, self.context = parts, context

    def save(self, **more: Any) -> None:
        """Write the parts, and more values; the checkpoint before stays beside it."""
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state |= {"stamp": self.context.stamp, "random": torch.get_rng_state(), **more}
        if self.context.device != "cpu":
            state["random of the GPU"] = torch.cuda.get_rng_state()
        path = Path(self.context.checkpoint)
        if path.exists():
            with atomic_file(self.context.previous) as temporary:
                try:
                    os.link(path, temporary)
                except OSError:  # a file system that knows one name per file
                    shutil.copyfile(path, temporary)
        save_model(path, state)

    def load(self) -> dict | None:
        """Restore the parts and return all that was saved, or None where nothing fits.

        One of another run is refused, and the log says what differs.
        """
        state = self._last_whole()
        if state is None:
            return None
        if other := differences(state["stamp"], self.context.stamp):
            self.context.log(
                f"{self.context.checkpoint.name} refused: written with other {other}; starting anew"
            )
            return None
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        torch.set_rng_state(state["random"].cpu())
        if self.context.device != "cpu":
            torch.cuda.set_rng_state(state["random of the GPU"].cpu())
        return state

    def _last_whole(self) -> dict | None:
        """A torn one is removed, lest it replace the one before at the next save."""
        torn = False
        for path in (Path(self.context.checkpoint), self.context.previous):
            if path.exists():
                try:
                    state = load_model(path, self.context.device)
                except CorruptFileError as error:
                    self.context.log(str(error))
                    path.unlink()
                    torn = True
                else:
                    if torn:
                        self.context.log(f"going back to {path.name}")
                    return state
        if torn:
            self.context.log("no whole checkpoint is left; starting anew")
        return None
