"""Cortical arteries: least-cost ways over the brain's surface to where blood is needed.

Points scattered over the surface, joined to their neighbours at costs that vary at random, are the
ground. Each named artery owns the points that it reaches at least cost. Its tips are drawn far
from one another, and each is joined to the tree by the way that costs least, distance already
travelled from the trunk included.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from .anatomy import Graph, kind
from .circle_of_willis import SIDES

BEYOND = {"A2": "A3", "M2": "M3", "P2": "P3"}  # what cortical branches of a trunk are called
CEREBRAL = (*BEYOND, *BEYOND.values())
# ASSUME: tips per artery (least, most) such that forks meet the published 103 (78 to 129).
TIPS = {
    "A2": (11, 15),
    "M2": (21, 31),
    "P2": (9, 13),
    "SCA": (2, 2),
    "AICA": (1, 2),
    "PICA": (2, 2),
}
CEREBRUM_CENTRE, CEREBRUM = np.array([0.0, 17.0, 20.0]), np.array([65.0, 81.0, 57.0])  # mm
CEREBRUM_DOWN = 36.0  # mm, semi-axis below the centre: the brain's base is flat
CEREBELLUM_CENTRE, CEREBELLUM = np.array([0.0, 52.0, -24.0]), np.array([44.0, 30.0, 20.0])
ROUNDNESS = 2.3  # exponent; 2 is an ellipsoid, heads are a little more like boxes
SURFACE_POINTS, MEDIAL_POINTS, INSULAR_POINTS, FISSURE_POINTS = 1500, 750, 220, 260
CEREBELLAR_POINTS = 260
NEIGHBOURS = 10
# ASSUME: height in mm above which cortex draws branches of the carotids, mean and spread over
# patients: in trees traced in people, next to none lie below the ends of the carotids.
FLOOR = (6.0, 7.0)
CAROTID_TRUNKS = ("A2", "M2")
LONGEST_STEP = 16.0  # mm
ROUGHNESS = 0.35  # spread of the logarithm of a step's cost
# Of distance already travelled: 0 gives the shortest net, 1 each tip its own shortest way.
PATH_WEIGHT = 0.3


def grow(graph: Graph, richness: float, rng: np.random.Generator) -> None:
    """Add cortical branches to the named arteries, each in the territory that it reaches first.

    richness : factor on the number of their tips.
    """
    floor = rng.normal(*FLOOR)
    for side in SIDES:
        names = [name for name in graph.sprouting if name.startswith(side)]
        cerebral = [name for name in names if kind(name) in CEREBRAL]
        points, is_cortex = _hemisphere(rng)
        _grow_part(graph, cerebral, _on(side, points), is_cortex, richness, rng, floor)
        points = _cerebellum(rng)
        cerebellar = [name for name in names if name not in cerebral]
        is_cortex = np.ones(len(points), dtype=bool)
        _grow_part(graph, cerebellar, _on(side, points), is_cortex, richness, rng)


def _on(side: str, points: np.ndarray) -> np.ndarray:
    return points * [1.0 if side == "left" else -1.0, 1.0, 1.0]


def _hemisphere(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) on the left hemisphere, and which of them are cortex to be fed.

    The rest, insula and Sylvian fissure, is where middle cerebral arteries pass on their way out.
    """
    outer = _shell(rng, SURFACE_POINTS, cerebellar=False)
    x, y, z = outer.T
    brain_stem = (z < 2) & (x < 12) & (y > -22) & (y < 45)
    outer = outer[(x > 3) & ~brain_stem]
    medial = _medial_wall(rng)
    back, up = rng.uniform(0, 1, (2, INSULAR_POINTS))
    insula = np.stack([35.5 + 3 * up, -10 + 40 * back, -2 + 20 * back + 14 * up], axis=1)
    back, out = rng.uniform(0, 1, (2, FISSURE_POINTS))
    lips = np.stack([52 + 6 * back, -22 + 62 * back, -4 + 28 * back], axis=1)
    floor = np.stack([36.5 + 2 * back, -10 + 42 * back, 20 * back], axis=1)
    fissure = floor + out[:, None] * (lips - floor)
    points = np.concatenate([outer, medial, insula, fissure])
    return points, np.arange(len(points)) < len(outer) + len(medial)


def _medial_wall(rng: np.random.Generator) -> np.ndarray:
    """Points on the wall beside the falx, above and around the corpus callosum."""
    x = rng.uniform(2, 5, MEDIAL_POINTS)
    y = rng.uniform(-60, 95, MEDIAL_POINTS)
    z = rng.uniform(-8, 77, MEDIAL_POINTS)
    in_wall = ((y - 17) / 76) ** 2 + ((z - 20) / np.where(z > 20, 54, 30)) ** 2 < 1
    in_callosum = ((y - 12) / 43) ** 2 + ((z - 12) / 30) ** 2 < 1
    below = (y > -10) & (z < 3)
    return np.stack([x, y, z], axis=1)[in_wall & ~in_callosum & ~below]


def _cerebellum(rng: np.random.Generator) -> np.ndarray:
    points = _shell(rng, CEREBELLAR_POINTS, cerebellar=True)
    return points[points[:, 1] > 28]


def _shell(rng: np.random.Generator, count: int, cerebellar: bool) -> np.ndarray:
    """Points in the outer layer of the left half of the brain."""
    direction = rng.standard_normal((count, 3))
    direction[:, 0] = np.abs(direction[:, 0])
    centre = CEREBELLUM_CENTRE if cerebellar else CEREBRUM_CENTRE
    depth = rng.uniform(0.93, 1.0, (count, 1))
    return centre + direction * (depth / level(centre + direction, cerebellar)[:, None])


def is_grown(name: str) -> bool:
    """Whether an artery, such as "left M2 superior", is or feeds a territory that is grown."""
    return kind(name) in (*TIPS, *BEYOND.values())


def level(points: np.ndarray, cerebellar: bool) -> np.ndarray:
    """1 on the surface of the cerebrum or cerebellum, less inside; grows in proportion outwards."""
    centre, semi_axes = (
        (CEREBELLUM_CENTRE, CEREBELLUM) if cerebellar else (CEREBRUM_CENTRE, CEREBRUM)
    )
    way = points - centre
    axes = np.broadcast_to(semi_axes, way.shape).copy()
    if not cerebellar:
        axes[way[:, 2] < 0, 2] = CEREBRUM_DOWN
    return np.sum(np.abs(way / axes) ** ROUNDNESS, axis=1) ** (1 / ROUNDNESS)


def on_midline(back: float) -> np.ndarray:
    """The place (3,) on the cerebrum's upper midline `back` mm behind the head's origin."""
    limit = 0.9 * CEREBRUM[1]
    y = float(np.clip(back - CEREBRUM_CENTRE[1], -limit, limit))
    rise = (1 - abs(y / CEREBRUM[1]) ** ROUNDNESS) ** (1 / ROUNDNESS)
    return CEREBRUM_CENTRE + [0.0, y, CEREBRUM[2] * rise]


def confine(points: np.ndarray, base: np.ndarray, name: str) -> np.ndarray:
    """Keep points (n, 3) of an artery no farther out than the brain or than `base`, on its side."""
    cerebellar = kind(name) not in CEREBRAL
    centre = CEREBELLUM_CENTRE if cerebellar else CEREBRUM_CENTRE
    allowed = np.maximum(level(base, cerebellar), 1.0)
    shrink = np.minimum(1.0, allowed / level(points, cerebellar))
    inside = centre + (points - centre) * shrink[:, None]
    # What starts on the other side, such as an artery from across the midline, may stay there.
    own = _on(name.split()[0], np.ones(3))[0]
    strays = (own * base[:, 0] > 0) & (own * inside[:, 0] < 0)
    inside[strays, 0] *= -1
    return inside


def _grow_part(
    graph: Graph,
    names: list[str],
    points: np.ndarray,
    is_cortex: np.ndarray,
    richness: float,
    rng: np.random.Generator,
    floor: float = -np.inf,
) -> None:
    """Share one part of the brain among the arteries that reach it, and grow each."""
    sources = [node for name in names for node in graph.sprouting[name]]
    kinds = np.array([kind(name) for name in names for _ in graph.sprouting[name]])
    ground = np.concatenate([np.array(graph.nodes)[sources], points])
    costs = _network(ground, len(sources), rng)
    reach, _, nearest = dijkstra(
        costs,
        directed=False,
        indices=np.arange(len(sources)),
        min_only=True,
        return_predecessors=True,
    )
    fed = np.concatenate([np.zeros(len(sources), bool), is_cortex])
    for own in dict.fromkeys(kinds.tolist()):
        mine = np.flatnonzero(np.isfinite(reach) & (kinds[np.maximum(nearest, 0)] == own))
        nodes = np.full(len(mine), -1)
        trunk = mine < len(sources)
        nodes[trunk] = np.array(sources)[mine[trunk]]
        tree = _Tree(graph, ground[mine], nodes)
        tips = round(richness * rng.integers(TIPS[own][0], TIPS[own][1] + 1))
        lowest = floor if own in CAROTID_TRUNKS else -np.inf
        drawn = np.flatnonzero(fed[mine] & (ground[mine, 2] > lowest))
        tree.grow(costs[mine][:, mine].tocsr(), drawn, tips, rng)


def _network(ground: np.ndarray, trunk: int, rng: np.random.Generator) -> csr_array:
    """Symmetric costs in mm between neighbours; none along the first `trunk` points."""
    gaps, near = cKDTree(ground).query(ground, NEIGHBOURS + 1)
    rows = np.repeat(np.arange(len(ground)), NEIGHBOURS)
    columns, gaps = near[:, 1:].ravel(), gaps[:, 1:].ravel()
    along_trunk = (rows < trunk) & (columns < trunk)
    keep = (rows < columns) & (gaps < LONGEST_STEP) & (gaps > 0) & ~along_trunk
    rows, columns, gaps = rows[keep], columns[keep], gaps[keep]
    costs = gaps * np.exp(ROUGHNESS * rng.standard_normal(len(gaps)))
    half = csr_array((costs, (rows, columns)), shape=(len(ground),) * 2)
    return half.maximum(half.T)


class _Tree:
    """The branches of one artery while they grow over its territory."""

    def __init__(self, graph: Graph, points: np.ndarray, nodes: np.ndarray) -> None:
        self.graph, self.points, self.nodes = graph, points, nodes
        self.travelled = np.zeros(len(points))
        # Trunk points lie on a course: two ways already lead from each.
        self.ways = np.where(nodes >= 0, 2, 0)
        owner = {node: name for name, path in graph.sprouting.items() for node in path}
        self.artery = [owner.get(node, "") for node in nodes.tolist()]

    def grow(
        self, costs: csr_array, cortex: np.ndarray, tips: int, rng: np.random.Generator
    ) -> None:
        """Add branches to tips drawn among `cortex`, each far from what is there already."""
        if not len(cortex):  # another artery reaches all of it first
            return
        gaps = cKDTree(self.points[self.nodes >= 0]).query(self.points[cortex])[0]
        for _ in range(tips):
            tip = int(cortex[np.argmax(gaps * rng.uniform(0.75, 1.0, len(gaps)))])
            path = self._way_to(tip, costs)
            if len(path) > 1:
                self._add(path)
            gaps = np.minimum(gaps, cKDTree(self.points[path]).query(self.points[cortex])[0])

    def _way_to(self, tip: int, costs: csr_array) -> list[int]:
        """Points from where the new branch leaves the tree to its tip."""
        far, before = dijkstra(costs, directed=False, indices=tip, return_predecessors=True)
        # Three ways at most meet in a point: arteries fork in two.
        open_points = np.flatnonzero((self.nodes >= 0) & (self.ways < 3) & np.isfinite(far))
        total = far[open_points] + PATH_WEIGHT * self.travelled[open_points]
        path = [int(open_points[np.argmin(total)])]
        while path[-1] != tip:
            path.append(int(before[path[-1]]))
        # From the last point of the tree on the way, so that no loop closes.
        path = path[max(i for i, point in enumerate(path) if self.nodes[point] >= 0) :]
        return path if self.ways[path[0]] < 3 else [tip]

    def _add(self, path: list[int]) -> None:
        side, trunk, *_ = self.artery[path[0]].split()
        name = f"{side} {BEYOND.get(trunk, trunk)}"
        self.ways[path[0]] += 1
        for before, point in pairwise(path):
            self.nodes[point] = len(self.graph.nodes)
            self.graph.nodes.append(self.points[point])
            self.graph.edges.append((int(self.nodes[before]), int(self.nodes[point])))
            self.graph.arteries.append(name)
            self.artery[point], self.ways[point] = name, 2
            step = np.linalg.norm(self.points[point] - self.points[before])
            self.travelled[point] = self.travelled[before] + step
        self.ways[path[-1]] = 1
