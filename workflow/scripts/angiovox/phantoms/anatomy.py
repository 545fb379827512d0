"""The named cerebral arteries of one patient, joined along their courses into a graph.

Lengths in mm, patient axes (x left, y posterior, z superior), origin between the ends of the
internal carotids.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.interpolate import CubicSpline

from ..vessels.graph import along
from .circle_of_willis import SIDES, Variant
from .courses import Course, draw_courses

NODE_SPACING = 2.5  # mm between the nodes of a named artery
SIZE_SPREAD = 0.03  # of the base between patients, along each axis


def kind(name: str) -> str:
    """The artery without its side and part: M2 for "left M2 superior"."""
    words = name.split()
    return words[1] if words[0] in SIDES else words[0]


@dataclass
class Graph:
    """Arteries while they are being built: nodes in mm and flow-directed edges by artery."""

    nodes: list[np.ndarray] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    arteries: list[str] = field(default_factory=list)  # of each edge
    sprouting: dict[str, list[int]] = field(default_factory=dict)  # nodes by artery
    paths: dict[str, list[int]] = field(default_factory=dict)  # nodes of the named arteries
    ends: dict[str, tuple] = field(default_factory=dict)  # first and last control points
    radii: dict[str, tuple[float, float]] = field(default_factory=dict)  # prescribed ones

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.arteries))

    @property
    def artery_of(self) -> dict[tuple[int, int], str]:
        return dict(zip(self.edges, self.arteries, strict=True))

    def add_path(self, name: str, start: int | None, points: np.ndarray, end: int | None) -> None:
        path = [start] if start is not None else []
        last = len(points) if end is None else len(points) - 1
        for point in points[len(path) : last]:
            path.append(len(self.nodes))
            self.nodes.append(np.asarray(point, dtype=float))
        path += [end] if end is not None else []
        self.edges += list(pairwise(path))
        self.arteries += [name] * (len(path) - 1)
        self.paths[name] = path


def build(rng: np.random.Generator, variant: Variant) -> Graph:
    """Graph of the named arteries of one patient."""
    graph = Graph()
    size = rng.normal(1.0, SIZE_SPREAD, 3)
    for course in draw_courses(rng, variant):
        _add(graph, course, size, rng)
    return graph


def _add(graph: Graph, course: Course, size: np.ndarray, rng: np.random.Generator) -> None:
    mirror = np.array([-1.0 if course.name.startswith("right") else 1.0, 1.0, 1.0])
    given = np.array(course.control) * mirror
    control = (given + rng.normal(0, course.spread, given.shape)) * size
    start = end = None
    if course.host is not None:
        start = _leaving(graph, course.host, given[0], size)
        control[0] = graph.nodes[start]
    if course.ends_at is not None:
        end = graph.paths[course.ends_at][0]
        control[-1] = graph.nodes[end]
    graph.add_path(course.name, start, _through(control), end)
    graph.ends[course.name] = (given[0], given[-1])
    if course.radii is not None:
        graph.radii[course.name] = course.radii
    if course.sprouts_after is not None:
        path = graph.paths[course.name]
        graph.sprouting[course.name] = path[int(course.sprouts_after * (len(path) - 1)) + 1 :]


def _leaving(graph: Graph, host_name: str, place: np.ndarray, size: np.ndarray) -> int:
    """Node of the host at which a course begins: an end that both name, or the nearest one."""
    host = graph.paths[host_name]
    for node, end in zip((host[0], host[-1]), graph.ends[host_name], strict=True):
        if np.allclose(end, place):
            return node
    gaps = [np.linalg.norm(graph.nodes[node] - place * size) for node in host]
    return host[int(np.argmin(gaps))]


def _through(control: np.ndarray) -> np.ndarray:
    """Points about NODE_SPACING apart on a smooth curve through the control points."""
    far = along(control)
    count = max(3, round(far[-1] / NODE_SPACING) + 1)
    if len(control) == 2:
        return np.linspace(control[0], control[1], count)
    return CubicSpline(far, control)(np.linspace(0, far[-1], count))
