"""Whether planted lesions are in the reconstruction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..geometry.affine import LPS_TO_RAS

FOUND = 0.5  # of the lesion's voxels, at least


@dataclass(frozen=True)
class Sphere:
    """Where a lesion lies: centre in voxel indices, radius in mm."""

    centre: tuple[float, float, float]
    radius_mm: float


def placed(records: Iterable[dict[str, Any]], affine: np.ndarray) -> list[Sphere]:
    """Lesions as `phantoms.ground_truth` writes them, in a grid.

    records : each with `position` (LPS mm) and, in `measures`, `size_mm` (a diameter) or
        `length_mm`.
    affine : (4, 4) from voxel indices to RAS mm.
    """
    to_voxels = np.linalg.inv(affine) @ LPS_TO_RAS
    spheres = []
    for lesion in records:
        measures = lesion["measures"]
        size = measures["size_mm"] if "size_mm" in measures else measures["length_mm"]
        centre = (to_voxels @ [*lesion["position"], 1])[:3]
        spheres.append(Sphere(tuple(map(float, centre)), size / 2))
    return spheres


def lesion_scores(
    found: np.ndarray, truth: np.ndarray, voxel_mm: np.ndarray, lesions: Sequence[Sphere]
) -> dict[str, float]:
    """What a mask, (x, y, z) bool, holds of planted lesions.

    Returns
    -------
    lesion_recall : of the truth's voxels within a lesion's sphere, the share found; mean over
        lesions. lesions_found : the share of lesions of which at least half was found.
    No entry without a lesion of which the truth has a voxel.
    """
    shares = [_share(found, truth, voxel_mm, sphere) for sphere in lesions]
    shares = [share for share in shares if share is not None]
    if not shares:
        return {}
    held = np.array(shares)
    return {"lesion_recall": float(held.mean()), "lesions_found": float(np.mean(held >= FOUND))}


def _share(
    found: np.ndarray, truth: np.ndarray, voxel_mm: np.ndarray, sphere: Sphere
) -> float | None:
    """Share of the truth within a sphere that was found; None where there is no truth."""
    reach = sphere.radius_mm / np.asarray(voxel_mm)
    low = np.clip(np.ceil(sphere.centre - reach), 0, truth.shape).astype(int)
    high = np.clip(np.floor(sphere.centre + reach) + 1, 0, truth.shape).astype(int)
    box = tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))
    axes = np.ogrid[box]
    parts = zip(axes, sphere.centre, voxel_mm, strict=True)
    inside = sum(((axis - centre) * edge) ** 2 for axis, centre, edge in parts)
    wanted = truth[box] & (inside <= sphere.radius_mm**2)
    voxels = np.count_nonzero(wanted)
    return float(np.count_nonzero(wanted & found[box]) / voxels) if voxels else None
