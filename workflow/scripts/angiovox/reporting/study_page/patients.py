"""What the page shows of each patient: slices and surfaces of the truth and of every run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...geometry.affine import voxel_sizes
from ...io import nifti
from ...metrics import overlap
from .scene import Surface, beyond, most_triangles, reconstructed_surface, truth_surface
from .slices import grey_slices, mask_slices, step_between

DIGITS = 3  # of the metrics beside a surface
METRICS = ("iou", "cldice")


@dataclass(frozen=True)
class Files:
    """Of one patient. reconstructions : by (method, views)."""

    volume: str | Path
    mask: str | Path
    reconstructions: Mapping[tuple[str, int], str | Path]


@dataclass(frozen=True)
class _Truth:
    mask: np.ndarray
    affine: np.ndarray
    surface: Surface | None


def payloads(
    patients: Mapping[str, Files], per_patient: pd.DataFrame, seed: int
) -> Iterable[dict[str, Any]]:
    """Yield what the page holds of each patient, in order.

    per_patient : method, views, seed, patient, metric, value. seed : of the runs.
    """
    count = sum(1 + len(files.reconstructions) for files in patients.values())
    rows = per_patient[per_patient["metric"].isin(METRICS) & (per_patient["seed"] == seed)]
    keys = rows[["patient", "method", "views", "metric"]].itertuples(index=False, name=None)
    scores = dict(zip(keys, rows["value"], strict=True))
    for name, files in patients.items():
        own = {key[1:]: value for key, value in scores.items() if key[0] == name}
        yield {"name": name} | _payload(files, own, most_triangles(count), len(patients))


def _payload(
    files: Files, scores: Mapping[tuple[str, int, str], float], most: int, patients: int
) -> dict[str, Any]:
    volume, affine = nifti.load_volume(files.volume)
    mask = nifti.load_mask(files.mask)
    step = step_between(mask.shape, patients)
    truth = _Truth(mask, affine, truth_surface(mask, volume, affine, most))
    own = {"mask": mask_slices(mask, step), "surface": _surface_payload(truth.surface)}
    runs = {
        f"{method} {views}": _run(path, truth, most, step)
        | {metric: _rounded(scores.get((method, views, metric))) for metric in METRICS}
        for (method, views), path in files.reconstructions.items()
    }
    sizes = [round(float(size) * step, 4) for size in voxel_sizes(affine)]
    return {
        "voxel_mm": sizes,
        "step": step,
        **grey_slices(volume, step),
        "truth": own,
        "runs": runs,
    }


def _run(path: str | Path, truth: _Truth, most: int, step: int) -> dict[str, Any]:
    """A reconstruction's surface and mask, what of it is false, and what of the truth it misses."""
    probability, affine = nifti.load_volume(path)
    found = overlap.binary(probability)
    own = reconstructed_surface(probability, affine, most)
    return {
        "mask": mask_slices(found, step),
        "surface": _surface_payload(own),
        "false": beyond(own, truth.mask, truth.affine),
        "missed": beyond(truth.surface, found, truth.affine),
    }


def _surface_payload(own: Surface | None) -> dict[str, Any] | None:
    return own and own.payload()


def _rounded(value: float | None) -> float | None:
    return None if value is None or value != value else round(float(value), DIGITS)
