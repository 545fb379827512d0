"""Small arteriovenous malformations: a nidus beside an artery, drained early by one vein."""

from __future__ import annotations

import numpy as np

from ..vessels.graph import Arteries, Pose
from . import tortuosity
from .anatomy import kind
from .cortical_arteries import on_midline
from .lesion_placement import (
    CENTRELINE,
    Lesion,
    as_tuple,
    attach,
    drawn,
    freest_direction,
    inside,
    unit,
)

FEEDERS = (CENTRELINE, "M2", "M3", "A2", "A3", "P2", "P3")
MOST_FEEDERS = 40  # places that are tried for a nidus with room beside it
LOOPS_PER_MM2, LOOP_TORTUOSITY = 0.12, 2.5
LOOP_RADIUS, VEIN_RADIUS = (0.25, 0.5), (0.9, 1.6)  # mm, least and most
VEIN_TORTUOSITY = 1.15
SINUS_BEHIND = 18.0  # mm from a nidus to where its vein meets the superior sagittal sinus


def plant_malformation(
    arteries: Arteries, settings: dict, reach: float, pose: Pose, rng: np.random.Generator
) -> tuple[Arteries, Lesion | None]:
    """A nidus of tangled loops, fed by an artery beside it and drained early by one thick vein."""
    size = drawn(settings["size_mm"], rng)
    feeding = np.array([kind(name) in FEEDERS for name in arteries.names])
    numbers = np.flatnonzero(feeding[arteries.artery])
    starts = arteries.points[arteries.segments[numbers, 0]]
    numbers = numbers[inside(starts, reach - size / 2)]
    for chosen in rng.permutation(numbers)[:MOST_FEEDERS].tolist():
        feeder = int(arteries.segments[chosen, 0])
        base, far = arteries.points[feeder], size / 2 + arteries.radii[feeder]
        way = freest_direction(arteries, base, far, rng, reach - size / 2, depth=(pose, size / 2))
        if way is None:
            continue
        centre, vein = base + far * way, float(rng.uniform(*VEIN_RADIUS))
        grown = _tangle(arteries, feeder, centre, size / 2, 0.9, rng)
        grown = _drained(grown, centre, way * size, vein, pose, rng)
        name = arteries.names[arteries.artery[chosen]]
        measures = {"size_mm": size, "vein_radius_mm": vein}
        return grown, Lesion("malformation", name, name, as_tuple(centre), measures)
    return arteries, None


def _drained(
    arteries: Arteries,
    centre: np.ndarray,
    outwards: np.ndarray,
    radius: float,
    pose: Pose,
    rng: np.random.Generator,
) -> Arteries:
    """The arteries with a vein from the end of the last loop to the superior sagittal sinus."""
    behind = pose.locate(centre) + [0, SINUS_BEHIND, 0]
    sinus = pose.place(on_midline(float(behind[1])))
    way = np.array([arteries.points[-1], centre + outwards / 2, (centre + sinus) / 2, sinus])
    course = tortuosity.add_tortuosity(way, VEIN_TORTUOSITY, rng, lambda points, _: points)[1:]
    thick = np.full(len(course), radius)
    return attach(arteries, len(arteries.points) - 1, course, thick, 0.7, "draining vein")


def _tangle(
    arteries: Arteries,
    feeder: int,
    centre: np.ndarray,
    radius: float,
    strength: float,
    rng: np.random.Generator,
) -> Arteries:
    """The arteries with winding loops from a point through a ball, as many as its surface asks."""

    def confine(points: np.ndarray, _: np.ndarray) -> np.ndarray:
        far = np.linalg.norm(points - centre, axis=1, keepdims=True)
        inside = centre + (points - centre) * np.minimum(1, radius / np.maximum(far, 1e-9))
        inside[0] = points[0]  # on the feeder, outside the ball
        return inside

    for _ in range(max(12, round(LOOPS_PER_MM2 * (2 * radius) ** 2))):
        places = rng.standard_normal((3, 3))
        places = centre + radius * unit(places) * rng.random((3, 1)) ** (1 / 3)
        loop = np.concatenate([arteries.points[[feeder]], places])
        wound = tortuosity.add_tortuosity(loop, LOOP_TORTUOSITY, rng, confine)[1:]
        own = np.full(len(wound), rng.uniform(*LOOP_RADIUS))
        arteries = attach(arteries, feeder, wound, own, strength, "nidus")
    return arteries
