"""Every metric of one patient, and the curves of where errors sit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from ..vessels import radii, skeleton
from . import (
    calibration,
    calibre,
    image_quality,
    lesions,
    overlap,
    reprojection,
    surface_distance,
    topology,
    watertightness,
)

CALIBRES = (0, 0.5, 0.75, 1, 1.25, 1.5, 2, 3)  # mm of radius from which each bin begins
FROM_LINE = (0, 0.5, 1, 1.5, 2, 3, 4, 6, 10)  # mm
SHELL = 5.0  # mm, of the distance from the middle


@dataclass(frozen=True, eq=False)
class Case:
    """A patient's reconstruction beside the truth, and what several metrics need of both.

    probability : (x, y, z) in [0, 1], at least 0.5 is vessel. truth : (x, y, z) bool.
    voxel_mm : (3,) edges of a voxel.

    Raises ValueError when shapes differ.
    """

    probability: np.ndarray
    truth: np.ndarray
    voxel_mm: np.ndarray

    def __post_init__(self) -> None:
        if self.probability.shape != self.truth.shape:
            raise ValueError(f"shapes differ: {self.probability.shape} and {self.truth.shape}")

    @cached_property
    def found(self) -> np.ndarray:
        """The reconstruction as a mask."""
        return overlap.binary(self.probability)

    @cached_property
    def box(self) -> tuple[slice, ...]:
        """The smallest box around both masks: there is nothing to look at outside."""
        return _box(self.found | self.truth)

    @cached_property
    def masks(self) -> tuple[np.ndarray, np.ndarray]:
        """Found and true mask within the box."""
        return tuple(np.ascontiguousarray(mask[self.box]) for mask in (self.found, self.truth))

    @cached_property
    def lines(self) -> tuple[np.ndarray, np.ndarray]:
        """Found and true centreline, (n, 3) indices in the box."""
        return tuple(skeleton.centreline(mask) for mask in self.masks)

    @cached_property
    def radii(self) -> tuple[np.ndarray, np.ndarray]:
        """Radius in mm along both centrelines."""
        pairs = zip(self.masks, self.lines, strict=True)
        return tuple(radii.radii(mask, line, self.voxel_mm) for mask, line in pairs)

    @cached_property
    def reliability(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return calibration.reliability(self.probability, self.truth)


def evaluate(
    case: Case,
    angles: np.ndarray,
    planted: Sequence[lesions.Sphere] = (),
    exact: np.ndarray | None = None,
) -> dict[str, float]:
    """Every metric of `registry.METRICS` that the case defines; none is NaN.

    angles : (views,) degrees of projections that no method was given (`held_out_angles`).
    planted : the patient's lesions.
    exact : (x, y, z), the share of each voxel that is artery, where that is known (phantoms); the
    truth of the case is a mask of the image, which has errors of its own.

    A calibre that the truth has not, a patient without lesions or exact arteries, gives no entry.
    Where both masks are empty, scores are 1 and distances 0; where one is, scores are 0 and HD95
    and ASSD have no entry. `empty` is 1 for a reconstruction without a vessel, which is how many of
    those there are.

    With `profiles`, arteries take 0.1 s at 64^3 and 9 s at 384^3; noise, which has far more surface
    and centreline, takes many times that.
    """
    return {
        "empty": float(not case.masks[0].any()),
        **overlap.scores(case.probability, case.truth),
        **topology.centreline_dice(*case.masks, case.lines),
        **topology.betti_errors(*case.masks),
        **watertightness.watertightness(*case.masks),
        **surface_distance.surface_scores(*case.masks, case.voxel_mm),
        **calibre.calibre_scores(case.lines, case.radii, case.voxel_mm),
        **overlap.exact_scores(case.found, exact),
        **lesions.lesion_scores(case.found, case.truth, case.voxel_mm, planted),
        "projection_dice": reprojection.projection_dice(case.found, case.truth, angles),
        **image_quality.image_scores(case.probability, case.truth, angles),
        "calibration_error": calibration.expected_error(*case.reliability),
    }


def profiles(case: Case) -> list[dict[str, Any]]:
    """Where errors sit: rows of profile, bin, count, position and value.

    reliability : bin of probability, number of voxels, mean probability, share that is vessel.
    recall_by_calibre : bin of true radius, points of the true centreline, mean radius in mm, share
        of the points that lie in the found mask.
    false_discovery_by_calibre : bin of found radius, points of the found centreline, mean radius,
        share of the points that lie outside the true mask.
    error_by_distance_to_centreline : bin of distance to the true centreline, voxels that are vessel
        in the reconstruction, the truth or both, mean distance in mm, share of them not in both.
        Over all voxels the background would hide every error.
    error_by_distance_to_middle : likewise, of the distance to the middle of the volume.

    Bins without anything in them have no row.
    """
    (found, truth), (ours, theirs) = case.masks, case.lines
    union = np.argwhere(found | truth)
    wrong = (found != truth)[tuple(union.T)]
    middle = (np.array(case.truth.shape) - 1) / 2 - [part.start for part in case.box]
    outwards = np.linalg.norm((union - middle) * case.voxel_mm, axis=1)
    shells = np.arange(0, outwards.max(initial=0) + SHELL, SHELL)
    bins = enumerate(zip(*(part.tolist() for part in case.reliability), strict=True))
    rows = [
        {"profile": "reliability", "bin": number, "count": count, "position": mean, "value": share}
        for number, (count, mean, share) in bins
        if count
    ]
    rows += _curve("recall_by_calibre", case.radii[1], found[tuple(theirs.T)], CALIBRES)
    rows += _curve("false_discovery_by_calibre", case.radii[0], ~truth[tuple(ours.T)], CALIBRES)
    if len(theirs):
        apart = KDTree(theirs * case.voxel_mm).query(union * case.voxel_mm)[0]
        rows += _curve("error_by_distance_to_centreline", apart, wrong, FROM_LINE)
    return rows + _curve("error_by_distance_to_middle", outwards, wrong, shells)


def _curve(
    profile: str, positions: np.ndarray, counted: np.ndarray, edges: Sequence[float]
) -> list[dict[str, Any]]:
    """A row for each bin of positions: how many lie there, their mean, the share that counts."""
    number = np.searchsorted(edges, positions, side="right") - 1
    counts = np.bincount(number, minlength=len(edges))
    places, shares = (np.bincount(number, part, len(edges)) for part in (positions, counted))
    return [
        {
            "profile": profile,
            "bin": int(chosen),
            "count": int(counts[chosen]),
            "position": float(places[chosen] / counts[chosen]),
            "value": float(shares[chosen] / counts[chosen]),
        }
        for chosen in np.flatnonzero(counts)
    ]


def _box(mask: np.ndarray) -> tuple[slice, ...]:
    """The smallest box around a mask; an empty one for an empty mask."""
    spans = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        spans.append(slice(int(filled[0]), int(filled[-1]) + 1) if len(filled) else slice(0, 0))
    return tuple(spans)
