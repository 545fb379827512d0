"""Stenoses of large arteries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..vessels.graph import Arteries, Pose, along, branches
from .anatomy import kind
from .lesion_placement import CENTRELINE, Lesion, as_tuple, drawn, inside

SITES = (CENTRELINE, "ICA", "M1", "basilar", "vertebral", "A1", "P1", "M2")
LEAST_RADIUS = 0.7  # mm; thinner arteries show no narrowing


def plant_stenosis(
    arteries: Arteries, settings: dict, reach: float, pose: Pose, rng: np.random.Generator
) -> tuple[Arteries, Lesion | None]:
    """A smooth narrowing of one large artery, deepest in its middle."""
    degree, length = float(rng.uniform(*settings["degree"])), drawn(settings["length_mm"], rng)
    runs = []
    for number, name in enumerate(arteries.names):
        if kind(name) in SITES:
            for path in branches(arteries.segments[arteries.artery == number]):
                far = along(arteries.points[path])
                whole = (far > length / 2) & (far < far[-1] - length / 2)
                seen = inside(arteries.points[path], reach)
                middle = np.flatnonzero(whole & seen & (arteries.radii[path] > LEAST_RADIUS))
                if len(middle):
                    runs.append((name, path, far, middle))
    if not runs:
        return arteries, None
    name, path, far, middle = runs[rng.integers(len(runs))]
    at = int(rng.choice(middle))
    near = np.clip(np.abs(far - far[at]) / (length / 2), 0, 1)
    radii = arteries.radii.copy()
    healthy = float(radii[path[at]])
    radii[path] *= 1 - degree * np.cos(near * np.pi / 2) ** 2
    measures = {"degree": degree, "length_mm": length, "healthy_radius_mm": healthy}
    position = as_tuple(arteries.points[path[at]])
    return replace(arteries, radii=radii), Lesion("stenosis", name, name, position, measures)
