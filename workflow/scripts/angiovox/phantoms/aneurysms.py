"""Saccular aneurysms at the usual sites."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..vessels.graph import Arteries, Pose
from .anatomy import kind
from .circle_of_willis import SIDES
from .lesion_placement import (
    CENTRELINE,
    Lesion,
    as_tuple,
    attach,
    drawn,
    freest_direction,
    inside,
    perpendicular,
)


class Site(NamedTuple):
    """Where aneurysms sit: how often, what it is called, where the sac points on the left side."""

    share: float
    place: str
    way: tuple[float, float, float]


# ASSUME: how often saccular aneurysms sit where: 35 % and 30 % at the posterior and anterior
# communicating arteries as in 1,256 people with a ruptured one (PLoS One, PMC3893225), the rest at
# the other usual sites by our estimate. Each is where an artery leaves another.
ANEURYSM_SITES = {
    "PCoA": Site(0.35, "posterior communicating", (0.4, 1.0, -0.2)),
    "ACoA": Site(0.30, "anterior communicating", (0.0, -1.0, 0.5)),
    "M2": Site(0.15, "middle cerebral fork", (1.0, -0.2, 0.0)),
    "ophthalmic": Site(0.06, "ophthalmic", (-0.3, -0.2, 1.0)),
    "M1": Site(0.06, "carotid terminus", (0.0, 0.0, 1.0)),
    "P1": Site(0.05, "basilar tip", (0.0, 0.0, 1.0)),
    "PICA": Site(0.03, "PICA origin", (0.3, 0.2, 1.0)),
}
NECK = (0.45, 0.75)  # of the dome's diameter, least and most
LEAST_GROWN = 1e-3  # of a sac's size
WIDEST_NECK = 1.5  # times the diameter of the artery; a wider one would bulge from its far wall


def plant_aneurysm(
    arteries: Arteries, settings: dict, reach: float, pose: Pose, rng: np.random.Generator
) -> tuple[Arteries, Lesion | None]:
    """A sac on a fork: a neck and a slightly oval dome, as wide as its size.

    With `grown` among the settings it is the sac of an earlier time: the same site and direction,
    and this share of the size. At 0 there is none to see.
    """
    size, grown = drawn(settings["size_mm"], rng), settings.get("grown", 1.0)
    for name, point in _origins(arteries, rng):
        base, radius = arteries.points[point], float(arteries.radii[point])
        far = radius + 0.46 * size
        way = freest_direction(arteries, base, far, rng, reach - size / 2, _pointing(name, pose))
        neck = min(float(rng.uniform(*NECK)) * size, WIDEST_NECK * 2 * radius)
        if way is None or not inside((base + 0.7 * radius * way)[None], reach - neck / 2)[0]:
            continue
        # ASSUME: sacs grow in proportion. One of 0 leaves a point in the artery, so that lesions
        # that are planted later find the arteries as they are when it has grown.
        share = max(grown, LEAST_GROWN)
        size, neck, far = share * size, share * neck, radius + 0.46 * share * size
        dome = base + way * far
        oval = dome + 0.08 * size * perpendicular(way, rng)
        sac = attach(
            arteries,
            point,
            np.array([base + 0.7 * radius * way, dome, oval]),
            np.array([neck / 2, 0.46 * size, 0.46 * size]),
            1.0,
            "aneurysm",
        )
        side = name.split()[0] + " " if name.split()[0] in SIDES and kind(name) != "P1" else ""
        site = side + ANEURYSM_SITES[kind(name)].place if name != CENTRELINE else "fork"
        measures = {"size_mm": size, "neck_mm": neck}
        if not grown:
            return sac, None
        return sac, Lesion("aneurysm", site, name, as_tuple((dome + oval) / 2), measures)
    return arteries, None


def _pointing(name: str, pose: Pose) -> np.ndarray | None:
    """Where sacs at an artery's beginning usually point, in the scanner; None where unknown."""
    if name == CENTRELINE:
        return None
    mirror = [-1, 1, 1] if name.startswith("right") else [1, 1, 1]
    return pose.rotation @ (np.array(ANEURYSM_SITES[kind(name)].way) * mirror)


def _origins(arteries: Arteries, rng: np.random.Generator) -> list[tuple[str, int]]:
    """Usual aneurysm sites, the first by their shares, then the next: the artery and its beginning.

    Of a file that names no artery, every fork.
    """
    found = []
    for number, name in enumerate(arteries.names):
        starts = arteries.segments[arteries.artery == number, 0]
        if name == CENTRELINE:
            found += [(name, point) for point in np.flatnonzero(np.bincount(starts) > 1).tolist()]
        elif kind(name) in ANEURYSM_SITES and len(starts):
            found.append((name, int(starts[0])))
    if not found:
        return []
    kinds = [kind(name) for name, _ in found]
    shares = [1.0 if own == CENTRELINE else ANEURYSM_SITES[own].share for own in kinds]
    weights = np.array([share / kinds.count(own) for own, share in zip(kinds, shares, strict=True)])
    order = rng.choice(len(found), len(found), replace=False, p=weights / weights.sum())
    return [found[i] for i in order]
