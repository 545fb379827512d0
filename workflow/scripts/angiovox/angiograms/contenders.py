"""Methods that trials compare: what each makes of angiograms, and from where it has looked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..geometry.grid import Grid
from ..geometry.views import Views
from . import baselines
from .measurement import Angiograms

PROBABILITY = 0.5  # from which on a probability counts as vessel


@dataclass(frozen=True, eq=False)
class Found:
    """A result: score (x, y, z) from 0 on, and the views that it was made from."""

    score: np.ndarray
    views: Views


@dataclass(frozen=True)
class Contender:
    """A method under comparison.

    title, family : for tables and figures. reconstruct : of angiograms, a grid and a number of
    threads. highest : of the thresholds among which one is chosen on other subjects; None where
    scores are probabilities.
    """

    title: str
    family: str
    reconstruct: Callable[[Angiograms, Grid, int], Found]
    highest: float | None = None


def from_header(score: Callable[[Angiograms, Grid, int], np.ndarray]) -> Callable:
    """Let a method look from where the header says that the C-arm stood."""

    def reconstruct(angiograms: Angiograms, grid: Grid, threads: int) -> Found:
        return Found(score(angiograms, grid, threads), angiograms.views)

    return reconstruct


def network(model: dict[str, Any]) -> Contender:
    """The reconstruction by a network, with its steps towards the line integrals.

    model : as `reconstruction.reconstruct` takes it.
    """

    def probability(angiograms: Angiograms, grid: Grid, threads: int) -> np.ndarray:
        from .reconstruction import reconstruct

        return reconstruct(angiograms, grid, model, threads=threads).probability

    return Contender("Network", "Network", from_header(probability))


def calibrated(contender: Contender, calibrate: Callable[..., Any]) -> Contender:
    """A method that looks from where a calibration finds the C-arm.

    calibrate : of angiograms, a grid, a log and a number of threads; what it gives has `angiograms`
    with the views that were found.
    """

    def reconstruct(angiograms: Angiograms, grid: Grid, threads: int) -> Found:
        found = calibrate(angiograms, grid, str, threads)
        return contender.reconstruct(found.angiograms, grid, threads)

    return replace(contender, title=f"{contender.title}, calibrated", reconstruct=reconstruct)


def without_phases(contender: Contender) -> Contender:
    """A method that is given one image of each view, and not when contrast arrives where."""

    def reconstruct(angiograms: Angiograms, grid: Grid, threads: int) -> Found:
        return contender.reconstruct(replace(angiograms, phases=None), grid, threads)

    title = f"{contender.title}, without phases"
    return replace(contender, title=title, reconstruct=reconstruct)


BASELINES = {
    "hull": Contender("Visual hull", "Visual hull", from_header(baselines.hull), highest=10.0),
    "sirt": Contender("SIRT with support", "SIRT", from_header(baselines.iterated), highest=1.0),
}
