"""Arteries as a graph of points with radii: what the other modules here grow, change or image."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True)
class Pose:
    """How a head lies in the scanner: its point p is at `size * rotation @ p + origin`, in mm.

    origin : (3,) from the isocentre. rotation : (3, 3). size : factor of this head on all lengths.
    """

    origin: np.ndarray
    rotation: np.ndarray = field(default_factory=lambda: np.eye(3))
    size: float = 1.0

    def place(self, points: np.ndarray) -> np.ndarray:
        """Where points (..., 3) of the head are in the scanner."""
        return self.size * points @ self.rotation.T + self.origin

    def locate(self, points: np.ndarray) -> np.ndarray:
        """Where points (..., 3) of the scanner are in the head."""
        return (points - self.origin) @ self.rotation / self.size


@dataclass(frozen=True)
class Arteries:
    """A vessel graph; loops are allowed, as in the circle of Willis.

    points : (n, 3) mm in patient axes (x left, y posterior, z superior), the scanner's isocentre
        at the origin.
    radii : (n,) mm.
    contrast : (n,) share of the injected concentration, in [0, 1].
    segments : (m, 2) points that a tube of linearly changing radius joins, along the flow.
    artery : (m,) index into `names` of the artery a segment belongs to.
    names : such as "left M1".
    """

    points: np.ndarray
    radii: np.ndarray
    contrast: np.ndarray
    segments: np.ndarray
    artery: np.ndarray
    names: tuple[str, ...]

    @property
    def lengths(self) -> np.ndarray:
        """Length of each segment in mm, (m,)."""
        return np.linalg.norm(np.diff(self.points[self.segments], axis=1)[:, 0], axis=1)

    def keep(self, chosen: np.ndarray) -> Arteries:
        """Only the chosen segments (m,), bool, and the points that they use."""
        segments = self.segments[chosen]
        used, renumbered = np.unique(segments, return_inverse=True)
        return replace(
            self,
            points=self.points[used],
            radii=self.radii[used],
            contrast=self.contrast[used],
            segments=renumbered.reshape(-1, 2),
            artery=self.artery[chosen],
        )

    def finer(self, step: float) -> Arteries:
        """The same tubes with a point at least every `step` mm."""
        pieces = np.maximum(1, np.ceil(self.lengths / step)).astype(int)
        first, last = np.repeat(self.segments, pieces, axis=0).T
        place = np.concatenate([np.arange(n) / n for n in pieces])
        # A piece begins where the one before it ends; only inner points are new.
        inner, count = place > 0, len(self.points)
        starts = first.copy()
        starts[inner] = count + np.arange(inner.sum())
        ends = np.where(np.append(inner[1:], False), np.append(starts[1:], 0), last)

        def between(values: np.ndarray) -> np.ndarray:
            share = place[inner].reshape(-1, *[1] * (values.ndim - 1))
            new = (1 - share) * values[first[inner]] + share * values[last[inner]]
            return np.concatenate([values, new])

        return replace(
            self,
            points=between(self.points),
            radii=between(self.radii),
            contrast=between(self.contrast),
            segments=np.stack([starts, ends], axis=1),
            artery=np.repeat(self.artery, pieces),
        )

    def moved(self, shift: np.ndarray) -> Arteries:
        """The same arteries, shifted by (3,) mm."""
        return replace(self, points=self.points + shift)


def along(points: np.ndarray) -> np.ndarray:
    """Distance of each point (n, 3) from the first, along the polyline, in mm."""
    return np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])


def branches(segments: np.ndarray) -> list[np.ndarray]:
    """Paths of point numbers between forks or tips, each along the flow of its first segment.

    A closed loop without a fork has neither and is left out.
    """
    count = int(segments.max()) + 1 if len(segments) else 0
    degree = np.bincount(segments.ravel(), minlength=count)
    beside: list[list[tuple[int, int, bool]]] = [[] for _ in range(count)]
    for number, (a, b) in enumerate(segments.tolist()):
        beside[a].append((number, b, True))
        beside[b].append((number, a, False))
    seen = np.zeros(len(segments), dtype=bool)
    found = []
    for node in np.flatnonzero((degree != 2) & (degree > 0)).tolist():
        for number, other, downstream in beside[node]:
            if seen[number]:
                continue
            seen[number] = True
            path = [node, other]
            while degree[path[-1]] == 2:
                (step,) = [s for s in beside[path[-1]] if not seen[s[0]]]
                seen[step[0]] = True
                path.append(step[1])
            found.append(np.array(path if downstream else path[::-1]))
    return found
