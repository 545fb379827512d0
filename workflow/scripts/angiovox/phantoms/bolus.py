"""When contrast arrives along the arteries, and how much of it is there at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.special import expit

from ..vessels.graph import Arteries

# ASSUME: blood runs through an internal carotid of 2 mm radius at 350 mm/s, and in proportion to
# the radius elsewhere, as flow in proportion to the radius' cube has it (Murray, PNAS 1926).
CAROTID_SPEED, CAROTID_RADIUS = 350.0, 2.0  # mm/s, mm
SLOWEST = 40.0  # mm/s


@dataclass(frozen=True)
class Bolus:
    """An injection by hand or pump.

    start : s, from the first frame to its beginning. duration : s. edge : s in which it rises and
    falls. spread : share of the time on the way by which its edges grow.
    """

    start: float = 0.5
    duration: float = 2.0
    edge: float = 0.15
    spread: float = 0.15

    def __post_init__(self) -> None:
        if not (self.duration > 0 and self.edge > 0 and self.spread >= 0):
            raise ValueError(f"{self}: duration and edge are above 0 s, spread not below 0")

    def share(self, time: float, arrival: np.ndarray) -> np.ndarray:
        """Share of the injected concentration at a time (s), where blood needs `arrival` (...) s
        from the catheter; infinite where none comes."""
        arrival = np.asarray(arrival, dtype=np.float64)
        comes = np.isfinite(arrival)
        way = np.where(comes, arrival, 0.0)
        edge = self.edge + self.spread * way
        since = time - self.start - way
        share = expit(4 * since / edge) - expit(4 * (since - self.duration) / edge)
        return np.where(comes, np.clip(share, 0, 1), 0.0)


def speed(radii: np.ndarray) -> np.ndarray:
    """Of blood in mm/s, in arteries of some radii in mm."""
    return np.maximum(CAROTID_SPEED / CAROTID_RADIUS * radii, SLOWEST)


def arrival_times(arteries: Arteries, inlets: Sequence[int] | None = None) -> np.ndarray:
    """Seconds (n,) that blood needs to each point from where the flow enters the arteries; infinite
    for points that no flow reaches.

    inlets : points where it enters; without any, those that no segment leads to.
    """
    count = len(arteries.points)
    first, last = arteries.segments.T
    seconds = arteries.lengths / speed(arteries.radii)[arteries.segments].mean(axis=1)
    ways = csr_array((seconds, (first, last)), shape=(count, count))
    starts = np.setdiff1d(first, last) if inlets is None else np.asarray(inlets)
    return dijkstra(ways, directed=False, indices=starts, min_only=True)
