"""One seed, one patient: named arteries, cortical branches, winding courses and calibres."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from ..vessels.graph import Arteries, along, branches
from . import anatomy, calibre, circle_of_willis, cortical_arteries, tortuosity, variability

DIVISIONS = ("A1", "M1")  # of the carotid
NAMED_TORTUOSITY = (1.04, 1.12)  # least and most of what the course at the base adds to itself


@dataclass(frozen=True)
class Patient:
    """The cerebral arteries of one patient, whoever may be injected, and their variant.

    Positions are in mm from a point between the ends of the internal carotids. size : factor of
    this patient on all lengths.
    """

    seed: int
    variant: circle_of_willis.Variant
    arteries: Arteries
    size: float


def grow(seed: int) -> Patient:
    """All cerebral arteries of one patient; the same seed, the same arteries."""
    rng = np.random.default_rng([seed, 1])
    variant = circle_of_willis.draw_variant(rng)
    build = variability.draw_build(rng)
    graph = anatomy.build(rng, variant)
    cortical_arteries.grow(graph, build.richness, rng)
    ways = branches(np.array(graph.edges))
    radii = calibre.calibres(graph, ways, build.flow_exponent, rng)
    arteries = variability.warp(_assemble(graph, ways, radii, build.winding, rng), rng)
    arteries = replace(arteries, points=build.size * arteries.points)
    return Patient(seed, variant, arteries, build.size)


def _assemble(
    graph: anatomy.Graph,
    ways: list[np.ndarray],
    radii: list[np.ndarray],
    winding: float,
    rng: np.random.Generator,
) -> Arteries:
    """Fine centrelines in place of the coarse ways (nodes of each branch) with their radii."""
    nodes, names, artery_of = np.array(graph.nodes), graph.names, graph.artery_of
    points, calibres, segments, artery = [], [], [], []
    trunk = {node for path in graph.paths.values() for node in path}
    place: dict[int, int] = {}  # of the nodes at which branches meet, among the points
    count = 0
    arriving = {int(way[-1]): nodes[way[-1]] - nodes[way[-2]] for way in ways}
    for way, own in zip(ways, radii, strict=True):
        edges = [artery_of[edge] for edge in pairwise(way.tolist())]
        wound = _wind(nodes[way], edges[-1], trunk.issuperset(way.tolist()), winding, rng)
        if _is_division(edges[0]) and int(way[0]) in arriving:
            wound = tortuosity.leave_along(wound, arriving[int(way[0])], _within(edges[0]))
        share = along(nodes[way]) / along(nodes[way])[-1]
        places = np.linspace(0, 1, len(wound))
        numbers = np.arange(count, count + len(wound))
        count += len(wound)
        thick = np.interp(places, share, own)
        for end in (0, -1):
            numbers[end] = place.setdefault(int(way[end]), int(numbers[end]))
        points.append(wound)
        calibres.append((numbers, thick))
        segments.append(np.stack([numbers[:-1], numbers[1:]], axis=1))
        edge = np.searchsorted(share, (places[1:] + places[:-1]) / 2) - 1
        artery.append([names.index(edges[e]) for e in np.clip(edge, 0, len(edges) - 1)])
    thickest = np.zeros(count)
    for numbers, thick in calibres:
        thickest[numbers] = np.maximum(thickest[numbers], thick)
    arteries = Arteries(
        points=np.concatenate(points),
        radii=thickest,
        contrast=np.ones(count),
        segments=np.concatenate(segments),
        artery=np.concatenate(artery),
        names=names,
    )
    return arteries.keep(np.ones(len(arteries.segments), dtype=bool))


def _is_division(name: str) -> bool:
    """Whether an artery is a daughter of the fork that it leaves, and no side branch."""
    return cortical_arteries.is_grown(name) or anatomy.kind(name) in DIVISIONS


def _wind(
    way: np.ndarray, name: str, is_trunk: bool, winding: float, rng: np.random.Generator
) -> np.ndarray:
    if cortical_arteries.is_grown(name):
        target = tortuosity.draw_tortuosity(along(way)[-1], is_trunk, winding, rng)
    else:
        target = rng.uniform(*NAMED_TORTUOSITY)
    return tortuosity.add_tortuosity(way, target, rng, _within(name))


def _within(name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """What keeps points of an artery, displaced from a way, where such arteries run."""
    if cortical_arteries.is_grown(name):
        return partial(cortical_arteries.confine, name=name)
    return lambda points, _: points
