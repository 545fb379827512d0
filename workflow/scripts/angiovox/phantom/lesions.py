"""Lesions planted in filled arteries, with the truth of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import courses
from .anatomy import kind
from .arteries import Arteries, along

KINDS = ("aneurysm", "stenosis", "malformation")
# ASSUME: how often saccular aneurysms sit where, after 1,256 ruptured ones (Li 2014, PLoS One,
# doi 10.1371/journal.pone.0084572: posterior communicating 35 %, anterior communicating 30 %) and
# the usual sites named by Rhoton for the rest. Each is where an artery leaves another.
ANEURYSM_SITES = {
    "PCoA": 0.35,
    "ACoA": 0.30,
    "M2": 0.15,
    "ophthalmic": 0.06,
    "M1": 0.06,
    "P1": 0.05,
    "PICA": 0.03,
}
STENOSIS_SITES = ("centreline", "ICA", "M1", "basilar", "vertebral", "A1", "P1", "M2")
NECK = (0.45, 0.75)  # of the dome's diameter, least and most
BLEBS = 0.3  # share of aneurysms that have one
NIDUS_FEEDERS = ("M2", "A2", "P2", "centreline")
NIDUS_LOOPS_PER_MM2, NIDUS_TORTUOSITY = 0.12, 2.5
NIDUS_RADIUS, VEIN_RADIUS = (0.25, 0.5), (0.9, 1.6)  # mm, least and most
VEIN_TORTUOSITY = 1.15
VEIN_WAY = np.array([0.0, 18.0, 60.0])  # mm, towards the superior sagittal sinus
EDGE = 2.0  # mm that a lesion keeps from the edge of the field of view


@dataclass(frozen=True)
class Lesion:
    """What was planted and where. Lengths in mm; position (3,) from the isocentre, in DICOM's axes.

    site : the artery that begins where an aneurysm sits, is narrowed, or feeds a malformation.
    measures : of an aneurysm size_mm and neck_mm (diameters); of a stenosis degree (share of the
        diameter that is lost), length_mm and healthy_radius_mm; of a malformation size_mm
        (diameter of the nidus) and vein_radius_mm.
    """

    kind: str
    site: str
    position: tuple[float, float, float]
    measures: dict[str, float]


def plant(
    arteries: Arteries,
    wanted: dict[str, dict[str, Any]],
    field_mm: float,
    seed: int,
) -> tuple[Arteries, list[Lesion]]:
    """Draw which lesions one patient has, and plant them where they can be seen.

    Parameters
    ----------
    arteries : filled ones, around the isocentre.
    wanted : by kind: `share` of patients that have one, `size_mm` [least, most] of aneurysms and
        malformations, `degree` and `length_mm` [least, most] of stenoses.
    field_mm : diameter of the field of view. A kind without a site inside is not planted.
    seed : of the patient.

    Returns
    -------
    The arteries with their lesions, and the truth.

    Raises
    ------
    ValueError : of a kind whose share is above 0, a lesion larger than the field of view or a
        range that is reversed or not positive.
    """
    planters: dict[str, Callable] = {
        "aneurysm": _aneurysm,
        "stenosis": _stenosis,
        "malformation": _malformation,
    }
    truth = []
    for name in sorted(wanted, key=KINDS.index):
        settings = wanted[name]
        if not settings["share"]:
            continue
        ranges = {
            key: _checked(name, key, settings[key], field_mm) for key in settings if key != "share"
        }
        # Each kind draws from a stream of its own: one kind more changes no draw of the others.
        own = np.random.default_rng([seed, 4, KINDS.index(name)])
        if own.random() < settings["share"]:
            arteries, lesion = planters[name](arteries, ranges, field_mm / 2 - EDGE, own)
            truth += [lesion] if lesion else []
    return arteries, truth


def _checked(name: str, key: str, given: list[float], field_mm: float) -> tuple[float, float]:
    low, high = given
    if not 0 < low <= high:
        raise ValueError(f"{name} {key} {given}: expected [least, most], above 0")
    if key.endswith("_mm") and high > largest(field_mm):
        raise ValueError(
            f"{name} {key} {given}: a field of view of {field_mm:g} mm has room for "
            f"{largest(field_mm):g} mm"
        )
    return low, high


def largest(field_mm: float) -> float:
    """Largest lesion in mm that a field of view has room for, wherever its artery runs in it."""
    return field_mm / 2 - EDGE


def _aneurysm(
    arteries: Arteries, ranges: dict, reach: float, rng: np.random.Generator
) -> tuple[Arteries, Lesion | None]:
    """A sac on a fork: neck, dome and, now and then, a bleb."""
    size = float(np.exp(rng.uniform(*np.log(ranges["size_mm"]))))
    sites = _origins(arteries, reach - size)
    if not sites:
        return arteries, None
    kinds = [kind(name) for name, _ in sites]
    weights = np.array([ANEURYSM_SITES.get(own, 1.0) / kinds.count(own) for own in kinds])
    name, point = sites[rng.choice(len(sites), p=weights / weights.sum())]
    base, radius = arteries.points[point], arteries.radii[point]
    way = _freest_direction(arteries, base, radius + size / 2, rng, reach - size / 2)
    neck = float(rng.uniform(*NECK)) * size
    dome = base + way * (radius + 0.5 * size)
    oval = dome + 0.12 * size * _perpendicular(way, rng)
    points = [base + way * 0.7 * radius, base + way * (radius + 0.12 * size), dome, oval]
    radii = [neck / 2, neck / 2, size / 2, 0.46 * size]
    if rng.random() < BLEBS:
        bleb = _unit(way + 0.8 * _perpendicular(way, rng))
        points.append(dome + bleb * 0.45 * size)
        radii.append(0.2 * size)
    sac = _attach(arteries, point, np.array(points), np.array(radii), 1.0, "aneurysm")
    return sac, Lesion("aneurysm", name, _tuple(dome), {"size_mm": size, "neck_mm": neck})


def _origins(arteries: Arteries, reach: float) -> list[tuple[str, int]]:
    """Usual aneurysm sites in view: the artery, and the point at which it leaves another.

    Of a file that names no artery, every fork.
    """
    found = []
    for number, name in enumerate(arteries.names):
        starts = arteries.segments[arteries.artery == number, 0]
        if name == "centreline":
            found += [(name, point) for point in np.flatnonzero(np.bincount(starts) > 1).tolist()]
        elif kind(name) in ANEURYSM_SITES and len(starts):
            found.append((name, int(starts[0])))
    return [(name, point) for name, point in found if _inside(arteries.points[[point]], reach)[0]]


def _stenosis(
    arteries: Arteries, ranges: dict, reach: float, rng: np.random.Generator
) -> tuple[Arteries, Lesion | None]:
    """A smooth narrowing of one large artery, deepest in its middle."""
    degree = float(rng.uniform(*ranges["degree"]))
    length = float(rng.uniform(*ranges["length_mm"]))
    runs = []
    for number, name in enumerate(arteries.names):
        own = arteries.segments[arteries.artery == number]
        if kind(name) in STENOSIS_SITES and len(own):
            path = _first_run(own)
            far = along(arteries.points[path])
            whole = (far > length / 2) & (far < far[-1] - length / 2)
            middle = np.flatnonzero(whole & _inside(arteries.points[path], reach))
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
    return replace(arteries, radii=radii), Lesion("stenosis", name, position, measures)


def _first_run(segments: np.ndarray) -> np.ndarray:
    """Points of the unbroken course at the beginning of an artery's segments."""
    path = [int(segments[0, 0])]
    for first, last in segments.tolist():
        if first != path[-1]:
            break
        path.append(last)
    return np.array(path)


def _malformation(
    arteries: Arteries, ranges: dict, reach: float, rng: np.random.Generator
) -> tuple[Arteries, Lesion | None]:
    """A nidus of tangled loops, fed by an artery beside it and drained early by one thick vein."""
    size = float(np.exp(rng.uniform(*np.log(ranges["size_mm"]))))
    feeding = np.array([kind(name) in NIDUS_FEEDERS for name in arteries.names])
    numbers = np.flatnonzero(feeding[arteries.artery])
    starts = arteries.points[arteries.segments[numbers, 0]]
    numbers = numbers[_inside(starts, reach - size / 2)]
    if not len(numbers):
        return arteries, None
    chosen = int(rng.choice(numbers))
    feeder = int(arteries.segments[chosen, 0])
    base, far = arteries.points[feeder], size / 2 + arteries.radii[feeder]
    way = _freest_direction(arteries, base, far, rng, reach - size / 2)
    centre = base + far * way
    grown = _tangle(arteries, feeder, centre, size / 2, 0.9, rng)
    # The vein drains the end of the last loop.
    vein, outlet = float(rng.uniform(*VEIN_RADIUS)), centre + VEIN_WAY
    draining = [grown.points[-1], centre + way * size, (centre + outlet) / 2, outlet]
    course = courses.wind(np.array(draining), VEIN_TORTUOSITY, rng, lambda points, _: points)[1:]
    own = np.full(len(course), vein)
    grown = _attach(grown, len(grown.points) - 1, course, own, 0.7, "draining vein")
    site, measures = arteries.names[arteries.artery[chosen]], {"size_mm": size}
    measures["vein_radius_mm"] = vein
    return grown, Lesion("malformation", site, _tuple(centre), measures)


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
    arteries: Arteries, base: np.ndarray, far: float, rng: np.random.Generator, reach: float
) -> np.ndarray:
    """Of some random directions that stay in view, the one that leads farthest from arteries."""
    ways = _unit(rng.standard_normal((24, 3)))
    in_view = _inside(base + far * ways, reach)
    ways = ways[in_view] if in_view.any() else ways
    others = arteries.points[np.linalg.norm(arteries.points - base, axis=1) < 3 * far]
    gaps = np.linalg.norm((base + far * ways)[:, None] - others[None], axis=2).min(axis=1)
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
