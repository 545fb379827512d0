"""Angiograms and the views that their headers had, in one file for the next job."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ..errors import CorruptFileError
from ..geometry.cone_beam import CArm
from ..geometry.grid import Grid
from ..geometry.views import WIDTHS, Views
from ..io.atomic import atomic_file
from .measurement import Angiograms

ARRAYS = ("line_integrals", "measured", "noise", "angles")
WORDS = ("labels", "warnings")


@dataclass(frozen=True, eq=False)
class Reconstructed:
    """What is kept of a reconstruction for the next job.

    probability : (x, y, z) float32 of vessel, on grid. contrast : (views,) attenuation per mm of a
    full vessel, in each view's unit.
    """

    probability: np.ndarray
    grid: Grid
    contrast: np.ndarray


def save(path: str | Path, angiograms: Angiograms, header: Views, contrast: np.ndarray) -> None:
    """Write angiograms with their views, and those of the headers.

    contrast : (views,) attenuation per mm of a full vessel.
    """
    arrays = {name: getattr(angiograms, name) for name in ARRAYS}
    for place, views in (("views", angiograms.views), ("header", header)):
        arrays |= {f"{place}_{name}": getattr(views, name) for name in WIDTHS}
    if angiograms.phases is not None:
        arrays["phases"] = angiograms.phases
    words = {name: list(getattr(angiograms, name)) for name in WORDS}
    words["arms"] = [asdict(arm) for arm in angiograms.arms]
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays, contrast=contrast, words=np.array(json.dumps(words)))


def load(path: str | Path) -> tuple[Angiograms, Views, np.ndarray]:
    """Read what `save` wrote: angiograms, the headers' views, and contrast (views,) per mm.

    Raises CorruptFileError for another file, or one cut short.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        words = json.loads(str(arrays["words"]))
        detector = arrays["line_integrals"].shape[1:]
        views, header = (
            Views(**{name: arrays[f"{place}_{name}"] for name in WIDTHS}, detector=detector)
            for place in ("views", "header")
        )
        arms = tuple(_arm(**fields) for fields in words["arms"])
        measured = {name: arrays[name] for name in ARRAYS} | {"phases": arrays.get("phases")}
        words = {name: tuple(words[name]) for name in WORDS}
        return Angiograms(**measured, views=views, arms=arms, **words), header, arrays["contrast"]
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise CorruptFileError(f"{Path(path).name}: no whole file of angiograms") from None


def _arm(**fields: float | list) -> CArm:
    """A C-arm whose pairs of numbers came as lists."""
    return CArm(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})
