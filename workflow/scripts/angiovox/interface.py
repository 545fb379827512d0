"""What a reconstruction method is given and what it gives back.

A method is one module in `angiovox.methods` with these names:

TITLE : str, for tables and figures.
INPUTS : tuple of "projections", "sum" and "min": what it looks at.
TRAINED : bool, whether it is trained from random weights, on a GPU where there is one.
CODED : bool, which may be left out; true where "sum" and "min" shall come as they are stored,
    uint16 codes of which 65,535 stands for 1: half of the memory, and no time to decode.
Settings : frozen dataclass of what the config may set, with the paper's values as defaults.
fit(patients, settings, context) -> (state, history)
    state : dict of tensors, numbers and strings; history : list of dicts, a row per epoch.
reconstruct(state, views, device) -> (x, y, z) float32 probabilities in [0, 1].

Its imports of torch stay inside functions: reading the config must not take seconds.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from . import methods
from .errors import InputError

PAPER_METHOD = "dae"  # the one whose results are Table 1 and Figures 3 and 4


@dataclass(frozen=True)
class Views:
    """All that a method may know of a patient it reconstructs.

    angles : (views,) degrees. inputs : what the method asked for: "projections" as (views,
    detector, z) float32; "sum" and "min", the back-projections, as (x, y, z) float32 in [0, 1], or
    as uint16 codes for a method that is `CODED`.
    """

    angles: np.ndarray
    inputs: dict[str, np.ndarray]


Training = Sequence[tuple[Views, np.ndarray]]  # with the mask, (x, y, z) bool


def never() -> bool:
    """Nobody asks this fit to stop."""
    return False


@dataclass(frozen=True)
class Context:
    """Where a fit runs. `stamp` is what a checkpoint follows from (see `provenance.stamp`).

    stopping : asked between two steps; once it is true the fit saves a checkpoint and raises
    `errors.Stopped`.
    """

    seed: int
    device: str
    checkpoint: Path
    stamp: dict
    log: Callable[[str], None]
    stopping: Callable[[], bool] = never

    @property
    def previous(self) -> Path:
        """The checkpoint before the last, for when the last is torn."""
        return self.checkpoint.with_suffix(f".previous{self.checkpoint.suffix}")


def names() -> list[str]:
    """The methods there are."""
    return sorted(module.name for module in pkgutil.iter_modules(methods.__path__))


def load(name: str) -> ModuleType:
    """The module of a method.

    Raises InputError for an unknown name.
    """
    if name not in names():
        raise InputError(f"methods: unknown method {name!r}; choose among {', '.join(names())}")
    return importlib.import_module(f"{methods.__name__}.{name}")


def settings_of(name: str, given: dict[str, Any]) -> Any:
    """A method's settings with the given ones replaced.

    Raises InputError for a key the method does not have or a value it refuses.
    """
    kind = load(name).Settings
    known = [field.name for field in dataclasses.fields(kind)]
    for key in given:
        if key not in known:
            valid = ", ".join(known) if known else "it has none"
            raise InputError(f"methods.{name}.{key}: unknown key; valid: {valid}")
    try:
        return kind(**given)
    except (TypeError, ValueError) as error:
        raise InputError(f"methods.{name}.{error}") from None
