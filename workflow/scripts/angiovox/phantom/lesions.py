"""Lesions planted in filled arteries, with the truth of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from . import courses
from .anatomy import SIDES, kind
from .arteries import Arteries, Pose, along, branches
from .territories import level, on_midline

KINDS = ("aneurysm", "stenosis", "malformation")
CENTRELINE = "centreline"  # what the arteries of a file are called, which names none


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
STENOSIS_SITES = (CENTRELINE, "ICA", "M1", "basilar", "vertebral", "A1", "P1", "M2")
STENOSIS_RADIUS = 0.7  # mm; thinner arteries show no narrowing
NECK = (0.45, 0.75)  # of the dome's diameter, least and most
WIDEST_NECK = 1.5  # times the diameter of the artery; a wider one would bulge from its far wall
NIDUS_FEEDERS = (CENTRELINE, "M2", "M3", "A2", "A3", "P2", "P3")
NIDUS_LOOPS_PER_MM2, NIDUS_TORTUOSITY = 0.12, 2.5
NIDUS_RADIUS, VEIN_RADIUS = (0.25, 0.5), (0.9, 1.6)  # mm, least and most
VEIN_TORTUOSITY = 1.15
MOST_FEEDERS = 40  # arteries that are tried for a nidus with room beside it
SCATTER = 0.5  # of sacs around the usual direction
SINUS_BEHIND = 18.0  # mm from a nidus to where its vein meets the superior sagittal sinus
EDGE = 2.0  # mm that a lesion keeps from the edge of the field of view


@dataclass(frozen=True)
class Lesion:
    """What was planted and where. Lengths in mm; position (3,) from the isocentre, in DICOM's axes.

    site : in a clinician's words. artery : the one that begins where an aneurysm sits, that is
        narrowed, or that feeds a malformation.
    measures : of an aneurysm size_mm (width of its dome) and neck_mm (diameter); of a stenosis
        degree (share of the diameter that is lost), length_mm and healthy_radius_mm; of a
        malformation size_mm (diameter of the nidus) and vein_radius_mm.
    """

    kind: str
    site: str
    artery: str
    position: tuple[float, float, float]
    measures: dict[str, float]


def plant(
    arteries: Arteries,
    wanted: dict[str, dict[str, Any]],
    field_mm: float,
    seed: int,
    pose: Pose,
) -> tuple[Arteries, list[Lesion]]:
    """Draw which lesions one patient has, and plant them in the field of view.

    Parameters
    ----------
    arteries : filled ones, around the isocentre.
    wanted : by kind: `share` of patients that have one, `size_mm` [least, most] of aneurysms and
        malformations, `degree` and `length_mm` [least, most] of stenoses.
    field_mm : diameter of the field of view. A kind without a site inside is not planted.
    seed : of the patient.
    pose : how the head lies.

    Returns
    -------
    The arteries with their lesions, and the truth.

    Raises
    ------
    ValueError : what `check` says.
    """
    planters: dict[str, Callable] = {
        "aneurysm": _aneurysm,
        "stenosis": _stenosis,
        "malformation": _malformation,
    }
    truth = []
    for name in sorted(wanted, key=KINDS.index):
        settings = wanted[name]
        check(settings, field_mm)
        # Each kind draws from a stream of its own: one kind more leaves the others as they were.
        own = np.random.default_rng([seed, 4, KINDS.index(name)])
        if own.random() < settings["share"]:
            arteries, lesion = planters[name](arteries, settings, field_mm / 2 - EDGE, pose, own)
            truth += [lesion] if lesion else []
    return arteries, truth


def check(settings: dict[str, Any], field_mm: float) -> None:
    """Refuse ranges that cannot be, and lesions too large for the field that somebody may have.

    Raises ValueError that begins with the key.
    """
    room = max(0.0, field_mm - 2 * EDGE)
    for key, given in settings.items():
        if key == "share":
            continue
        if not 0 < given[0] <= given[1]:
            raise ValueError(f"{key}: {given} must be [least, most], above 0")
        if key.endswith("_mm") and settings["share"] and given[1] > room:
            raise ValueError(
                f"{key}: {given} does not fit; the field of view, {field_mm:g} mm, has room for "
                f"{room:g} mm (share: 0 leaves these lesions out)"
            )


def _aneurysm(
    arteries: Arteries, settings: dict, reach: float, pose: Pose, rng: np.random.Generator
) -> tuple[Arteries, Lesion | None]:
    """A sac on a fork: a neck and a slightly oval dome, as wide as its size."""
    size = _drawn(settings["size_mm"], rng)
    for name, point in _origins(arteries, rng):
        base, radius = arteries.points[point], float(arteries.radii[point])
        far = radius + 0.46 * size
        way = _freest_direction(arteries, base, far, rng, reach - size / 2, _pointing(name, pose))
        if way is None:
            continue
        neck = min(float(rng.uniform(*NECK)) * size, WIDEST_NECK * 2 * radius)
        dome = base + way * far
        oval = dome + 0.08 * size * _perpendicular(way, rng)
        sac = _attach(
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
        return sac, Lesion("aneurysm", site, name, _tuple((dome + oval) / 2), measures)
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
    kinds = [kind(name) for name, _ in found]
    shares = [1.0 if own == CENTRELINE else ANEURYSM_SITES[own].share for own in kinds]
    weights = np.array([share / kinds.count(own) for own, share in zip(kinds, shares, strict=True)])
    order = rng.choice(len(found), len(found), replace=False, p=weights / weights.sum())
    return [found[i] for i in order] if found else []


def _stenosis(
    arteries: Arteries, settings: dict, reach: float, pose: Pose, rng: np.random.Generator
) -> tuple[Arteries, Lesion | None]:
    """A smooth narrowing of one large artery, deepest in its middle."""
    degree, length = float(rng.uniform(*settings["degree"])), _drawn(settings["length_mm"], rng)
    runs = []
    for number, name in enumerate(arteries.names):
        if kind(name) in STENOSIS_SITES:
            for path in branches(arteries.segments[arteries.artery == number]):
                far = along(arteries.points[path])
                whole = (far > length / 2) & (far < far[-1] - length / 2)
                seen = _inside(arteries.points[path], reach)
                middle = np.flatnonzero(whole & seen & (arteries.radii[path] > STENOSIS_RADIUS))
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
    position = _tuple(arteries.points[path[at]])
    return replace(arteries, radii=radii), Lesion("stenosis", name, name, position, measures)


def _malformation(
    arteries: Arteries, settings: dict, reach: float, pose: Pose, rng: np.random.Generator
) -> tuple[Arteries, Lesion | None]:
    """A nidus of tangled loops, fed by an artery beside it and drained early by one thick vein."""
    size = _drawn(settings["size_mm"], rng)
    feeding = np.array([kind(name) in NIDUS_FEEDERS for name in arteries.names])
    numbers = np.flatnonzero(feeding[arteries.artery])
    starts = arteries.points[arteries.segments[numbers, 0]]
    numbers = numbers[_inside(starts, reach - size / 2)]
    for chosen in rng.permutation(numbers)[:MOST_FEEDERS].tolist():
        feeder = int(arteries.segments[chosen, 0])
        base, far = arteries.points[feeder], size / 2 + arteries.radii[feeder]
        way = _freest_direction(arteries, base, far, rng, reach - size / 2, depth=(pose, size / 2))
        if way is None:
            continue
        centre, vein = base + far * way, float(rng.uniform(*VEIN_RADIUS))
        grown = _tangle(arteries, feeder, centre, size / 2, 0.9, rng)
        grown = _drained(grown, centre, way * size, vein, pose, rng)
        name = arteries.names[arteries.artery[chosen]]
        measures = {"size_mm": size, "vein_radius_mm": vein}
        return grown, Lesion("malformation", name, name, _tuple(centre), measures)
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
    behind = (centre - pose.origin) @ pose.rotation + [0, SINUS_BEHIND, 0]
    sinus = pose.place(on_midline(float(behind[1])))
    way = np.array([arteries.points[-1], centre + outwards / 2, (centre + sinus) / 2, sinus])
    course = courses.wind(way, VEIN_TORTUOSITY, rng, lambda points, _: points)[1:]
    thick = np.full(len(course), radius)
    return _attach(arteries, len(arteries.points) - 1, course, thick, 0.7, "draining vein")


def _drawn(limits: list[float], rng: np.random.Generator) -> float:
    """A size between two, small ones as likely as large ones by their ratio."""
    return float(np.exp(rng.uniform(*np.log(limits))))


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

    for _ in range(max(12, round(NIDUS_LOOPS_PER_MM2 * (2 * radius) ** 2))):
        places = rng.standard_normal((3, 3))
        places = centre + radius * _unit(places) * rng.random((3, 1)) ** (1 / 3)
        loop = np.concatenate([arteries.points[[feeder]], places])
        wound = courses.wind(loop, NIDUS_TORTUOSITY, rng, confine)[1:]
        own = np.full(len(wound), rng.uniform(*NIDUS_RADIUS))
        arteries = _attach(arteries, feeder, wound, own, strength, "nidus")
    return arteries


def _attach(
    arteries: Arteries,
    start: int,
    points: np.ndarray,
    radii: np.ndarray,
    strength: float,
    name: str,
) -> Arteries:
    """The arteries with one more tube from a point on, filled by a share of what is there."""
    count = len(arteries.points)
    numbers = np.concatenate([[start], np.arange(count, count + len(points))])
    names = arteries.names if name in arteries.names else (*arteries.names, name)
    contrast = np.full(len(points), strength * arteries.contrast[start])
    return Arteries(
        points=np.concatenate([arteries.points, points]),
        radii=np.concatenate([arteries.radii, radii]),
        contrast=np.concatenate([arteries.contrast, contrast]),
        segments=np.concatenate([arteries.segments, np.stack([numbers[:-1], numbers[1:]], 1)]),
        artery=np.concatenate([arteries.artery, np.full(len(points), names.index(name))]),
        names=names,
    )


def _freest_direction(
    arteries: Arteries,
    base: np.ndarray,
    far: float,
    rng: np.random.Generator,
    reach: float,
    usual: np.ndarray | None = None,
    depth: tuple[Pose, float] | None = None,
) -> np.ndarray | None:
    """Of some random directions that stay in view, the one that leads farthest from arteries.

    usual : direction around which they are drawn. depth : pose of the head, and how deep in the
    brain, mm, the end must lie. None where no direction will do.
    """
    ways = rng.standard_normal((24, 3))
    ways = _unit(ways if usual is None else usual + SCATTER * ways)
    ends = base + far * ways
    fits = _inside(ends, reach)
    if depth is not None:
        pose, least = depth
        fits &= level((ends - pose.origin) @ pose.rotation, cerebellar=False) < 1 - least / 60
    ways, ends = ways[fits], ends[fits]
    if not len(ways):
        return None
    others = arteries.points[np.linalg.norm(arteries.points - base, axis=1) < 3 * far]
    gaps = np.linalg.norm(ends[:, None] - others[None], axis=2).min(axis=1)
    return ways[np.argmax(gaps)]


def _inside(points: np.ndarray, reach: float) -> np.ndarray:
    """Which points (n, 3) lie in the cylinder of the field of view, `reach` mm from its centre."""
    return (np.hypot(points[:, 0], points[:, 1]) < reach) & (np.abs(points[:, 2]) < reach)


def _perpendicular(way: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    other = rng.standard_normal(3)
    return _unit(other - way * np.dot(other, way))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _tuple(point: np.ndarray) -> tuple[float, float, float]:
    return tuple(round(float(value), 3) for value in point)
