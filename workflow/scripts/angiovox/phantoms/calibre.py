"""How thick the arteries are: by what they feed, and by measure on the large ones at the base."""

from __future__ import annotations

import numpy as np

from ..vessels.graph import along
from .anatomy import Graph, kind

TAPER = 0.0010  # share of the radius lost per mm
LONGEST_TAPER = 60.0  # mm
TIP_RADIUS = (0.442, 0.052)  # mm, mean and standard deviation over tips
THINNEST_TIP = 0.36  # mm
BETWEEN_PATIENTS = 0.03  # spread of the tips' calibre from patient to patient
TRUNK_RADIUS = {"M2": 0.80, "A2": 0.68, "P2": 0.66}  # mm where they leave the circle
TRUNK_DECAY = 11.0  # mm


def calibres(
    graph: Graph, ways: list[np.ndarray], flow_exponent: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """Radius in mm at each node of each branch.

    ways : the branches' nodes along the flow. flow_exponent : at which daughters' radii add up.
    """
    given = {
        name: dict(zip(path, np.linspace(*graph.radii[name], len(path)), strict=True))
        for name, path in graph.paths.items()
        if name in graph.radii
    }
    nodes, artery_of = np.array(graph.nodes), graph.artery_of
    fed = _by_flow(graph, ways, nodes, set(given), flow_exponent, rng)
    trunks = _trunks(graph, nodes)
    radii = []
    for way, (start, end) in zip(ways, fed, strict=True):
        far = along(nodes[way])
        own = start + (end - start) * far / far[-1]
        for i, node in enumerate(way.tolist()):
            own[i] = max(own[i], trunks.get(node, 0.0))
        for i in range(len(way) - 1):
            name = artery_of[way[i], way[i + 1]]
            if name in given:
                own[i : i + 2] = [given[name][node] for node in way[i : i + 2].tolist()]
        radii.append(own)
    return radii


def _by_flow(
    graph: Graph,
    ways: list[np.ndarray],
    nodes: np.ndarray,
    given: set[str],
    flow_exponent: float,
    rng: np.random.Generator,
) -> list[tuple[float, float]]:
    """Start and end radius of each branch, from its tips upwards."""
    patient = rng.normal(1.0, BETWEEN_PATIENTS)
    artery_of = graph.artery_of
    leaving: dict[int, list[int]] = {}
    for number, way in enumerate(ways):
        if artery_of[way[0], way[1]] not in given:
            leaving.setdefault(int(way[0]), []).append(number)
    known: dict[int, tuple[float, float]] = {}

    def feed(number: int) -> tuple[float, float]:
        if number not in known:
            way = ways[number]
            starts = [feed(child)[0] for child in leaving.get(int(way[-1]), [])]
            if starts:
                end = float(np.sum(np.power(starts, flow_exponent)) ** (1 / flow_exponent))
            else:
                end = patient * max(THINNEST_TIP, float(rng.normal(*TIP_RADIUS)))
            length = min(along(nodes[way])[-1], LONGEST_TAPER)
            known[number] = (end * (1 + TAPER * length), end)
        return known[number]

    return [feed(number) for number in range(len(ways))]


def _trunks(graph: Graph, nodes: np.ndarray) -> dict[int, float]:
    """Least radius at the nodes of the trunks that leave the circle, thinning along their way."""
    least: dict[int, float] = {}
    for name, path in graph.paths.items():
        radius = TRUNK_RADIUS.get(kind(name))
        if radius is not None:
            thinning = np.exp(-along(nodes[path]) / TRUNK_DECAY)
            least |= dict(zip(path, radius * thinning, strict=True))
    return least
