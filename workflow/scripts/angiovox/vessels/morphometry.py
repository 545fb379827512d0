"""Measures of a vessel graph that published reconstructions of human arteries report."""

from __future__ import annotations

import numpy as np

from . import THINNEST
from .graph import Arteries, branches

SHORTEST_BRANCH = 2.0  # mm
RADIUS_PERCENTILES = (5, 25, 50, 75, 95, 99)


def measure(arteries: Arteries) -> dict[str, float]:
    """Morphometry of the arteries not thinner than `THINNEST`, by the published definitions.

    A branch is the path between forks or tips; those under 2 mm are left out of what is measured
    over branches. Radii are weighted by length. A fork's two ratios are taken where exactly two
    daughters leave, from the mean radius of each branch along its length; NaN without such a fork.

    Raises ValueError when no artery is that thick.
    """
    # By its thinner end: a perforating artery begins at a thick one, and is not a stub of it.
    seen = arteries.keep(arteries.radii[arteries.segments].min(axis=1) >= THINNEST)
    if not len(seen.segments):
        raise ValueError(f"no artery has a radius of {THINNEST} mm or more")
    paths = branches(seen.segments)
    spans = [np.linalg.norm(np.diff(seen.points[path], axis=0), axis=1) for path in paths]
    length = np.array([span.sum() for span in spans])
    chord = np.array([np.linalg.norm(seen.points[p[-1]] - seen.points[p[0]]) for p in paths])
    long = length >= SHORTEST_BRANCH
    tortuosity = length[long] / np.maximum(chord[long], 1e-9)
    first, last = seen.radii[seen.segments].T
    volume = np.pi / 3 * seen.lengths * (first**2 + first * last + last**2)
    own = np.array(
        [
            np.average((seen.radii[p[:-1]] + seen.radii[p[1:]]) / 2, weights=span + 1e-12)
            for p, span in zip(paths, spans, strict=True)
        ]
    )
    smaller, cubes = _fork_ratios(paths, own)
    radii = _weighted_percentiles(first / 2 + last / 2, seen.lengths, RADIUS_PERCENTILES)
    extent = np.ptp(seen.points, axis=0)
    degree = np.bincount(seen.segments.ravel())
    return {
        "total_length_m": float(seen.lengths.sum() / 1000),
        "volume_ml": float(volume.sum() / 1000),
        "bifurcations": float(np.sum(degree > 2)),
        "branch_length_median_mm": float(np.median(length[long])),
        "tortuosity_median": float(np.median(tortuosity)),
        "tortuosity_p90": float(np.percentile(tortuosity, 90)),
        **{
            f"radius_p{percent:02d}_mm": float(value)
            for percent, value in zip(RADIUS_PERCENTILES, radii, strict=True)
        },
        "daughter_ratio": float(np.median(smaller)) if len(smaller) else np.nan,
        "cube_ratio": float(np.median(cubes)) if len(cubes) else np.nan,
        "extent_left_right_mm": float(extent[0]),
        "extent_front_back_mm": float(extent[1]),
        "extent_up_down_mm": float(extent[2]),
    }


def _fork_ratios(paths: list[np.ndarray], own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smaller over larger daughter, and cubed daughters over cubed parent, at each fork in two."""
    leaving: dict[int, list[float]] = {}
    arriving: dict[int, list[float]] = {}
    for path, radius in zip(paths, own, strict=True):
        leaving.setdefault(int(path[0]), []).append(radius)
        arriving.setdefault(int(path[-1]), []).append(radius)
    smaller, cubes = [], []
    for node, daughters in leaving.items():
        parents = arriving.get(node, [])
        if len(daughters) == 2 and len(parents) == 1:
            smaller.append(min(daughters) / max(daughters))
            cubes.append(sum(d**3 for d in daughters) / parents[0] ** 3)
    return np.array(smaller), np.array(cubes)


def _weighted_percentiles(
    values: np.ndarray, weights: np.ndarray, percents: tuple[int, ...]
) -> np.ndarray:
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return values[order][np.searchsorted(share, np.array(percents) / 100)]
