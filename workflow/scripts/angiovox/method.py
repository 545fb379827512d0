"""What a reconstruction method is given and what it gives back.

A method is one module in `angiovox.methods` with these names:

TITLE : str, for tables and figures.
INPUTS : tuple of "projections", "sum" and "min": what it looks at.
TRAINED : bool, whether it is trained from random weights, on a GPU where there is one.
CODED : bool, which may be left out; true where "sum" and "min" shall come as they are stored,
    uint16 codes of which 65,535 stands for 1: half of the memory, and no time to decode.
THREADS : int, which may be left out: how many processors its training makes use of, 8 by default.
    On small layers they wait for each other: two can take several times as long as one.
BASE : str, which may be left out: the trained method from whose model `fit` starts; the study must
    have it, and `fit` is given its state as `context.base`.
FIT_INPUTS : tuple, which may be left out: what `fit` looks at, where that is not all of INPUTS.
SHARED : bool, which may be left out; true where one model serves all view counts: `fit` is given
    each training patient once for each of them.
Settings : frozen dataclass of what the config may set, with the paper's values as defaults.
fit(patients, settings, context) -> (state, history)
    state : dict of tensors, numbers and strings; history : list of dicts, a row per epoch.
reconstruct(state, views, device) -> (x, y, z) float32 probabilities in [0, 1].

Its imports of torch stay inside functions: reading the config must not take seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from .errors import InputError

KINDS = ("projections", "sum", "min")


@dataclass(frozen=True)
class Views:
    """All that a method may know of a patient it reconstructs.

    angles : (views,) degrees. inputs : what the method asked for: "projections" as (views,
    detector, z) float32; "sum" and "min", the back-projections, as (x, y, z) float32 in [0, 1], or
    as uint16 codes for a method that is `CODED`.
    """

    angles: np.ndarray
    inputs: dict[str, np.ndarray]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the volume, (x, y, z); it is as deep as wide where only projections are known."""
        for kind in ("sum", "min"):
            if kind in self.inputs:
                return self.inputs[kind].shape
        _, width, height = self.inputs["projections"].shape
        return width, width, height


Training = Sequence[tuple[Views, np.ndarray]]  # with the mask, (x, y, z) bool


def never() -> bool:
    """Nobody asks this fit to stop."""
    return False


@dataclass(frozen=True)
class Context:
    """Where a fit runs. `stamp` is what a checkpoint follows from (see `fingerprint.stamp`).

    base : state of the model of the method's `BASE`, where it has one.
    stopping : asked between two steps; once it is true the fit saves a checkpoint and raises
    `errors.TrainingInterrupted`.
    """

    seed: int
    device: str
    checkpoint: Path
    stamp: dict
    log: Callable[[str], None]
    stopping: Callable[[], bool] = never
    base: dict | None = None

    @property
    def previous(self) -> Path:
        """The checkpoint before the last, for when the last is torn."""
        return self.checkpoint.with_suffix(f".previous{self.checkpoint.suffix}")


def fit_inputs(method: ModuleType) -> tuple[str, ...]:
    """The inputs that a method's fit looks at."""
    return getattr(method, "FIT_INPUTS", method.INPUTS)


def reconstruct(
    method: ModuleType, patient: str, state: dict, views: Views, device: str
) -> np.ndarray:
    """What a method makes of a patient, (x, y, z) float32, checked.

    Raises InputError, naming the patient, for a wrong shape, NaN, or what is no probability.
    """
    probability = np.asarray(method.reconstruct(state, views, device))
    if probability.shape != views.shape:
        raise InputError(
            f"patient {patient}: the method gave a volume of shape {probability.shape}, "
            f"expected {views.shape}"
        )
    low, high = float(probability.min()), float(probability.max())
    if not (low >= 0 and high <= 1):  # NaN, where there is one, is both
        raise InputError(
            f"patient {patient}: the method gave values from {low:g} to {high:g}, expected [0, 1]"
        )
    return probability.astype(np.float32, copy=False)
