"""The centreline of a reconstruction as a graph with radii."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..geometry.grid import Grid
from ..io.atomic import atomic_file, save_rows
from ..vessels.graph import branches
from ..vessels.radii import radii
from ..vessels.skeleton import centreline
from .certainty import at_points, voxel_certainty

LEVEL = 0.5  # of the probability
# ASSUME: a branch that ends within a voxel of its trunk's wall is a bump of the mask.
SPUR_VOXELS = 1.0
SMOOTHING_STEPS = 3  # a point takes half its place and a quarter of each neighbour's
COLUMNS = (
    "branch", "from", "to", "length_mm", "radius_mean_mm", "radius_min_mm", "radius_max_mm",
    "certainty_mean", "certainty_min",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Centreline:
    """A graph of vessels.

    Attributes
    ----------
    points : (n, 3) mm from the isocentre in LPS. radii : (n,) mm. certainty : (n,) in [0, 1].
    paths : of point numbers, one for each branch between forks and tips. Forks are points that
        several paths end in.
    """

    points: np.ndarray
    radii: np.ndarray
    certainty: np.ndarray
    paths: tuple[np.ndarray, ...]

    def rows(self) -> list[dict[str, float | int]]:
        """One row a branch, by `COLUMNS`; from and to are numbers of points. Lengths in mm."""
        return [self._row(number, path) for number, path in enumerate(self.paths)]

    def _row(self, number: int, path: np.ndarray) -> dict[str, float | int]:
        steps = np.linalg.norm(np.diff(self.points[path], axis=0), axis=1)
        radius, certainty = self.radii[path], self.certainty[path]
        values = (steps.sum(), radius.mean(), radius.min(), radius.max())
        known = (certainty.mean(), certainty.min())
        numbers = [round(float(value), 3) for value in (*values, *known)]
        ends = [number, int(path[0]), int(path[-1])]
        return dict(zip(COLUMNS, [*ends, *numbers], strict=True))


def vessel_centreline(
    probability: np.ndarray, state: np.ndarray, calibrated: np.ndarray, grid: Grid
) -> Centreline:
    """Centreline of the voxels whose probability reaches 0.5; arguments as `vessel_surface`.

    Lengths are of a smoothed line, radii of the mask (`vessels.radii`). Components of one voxel and
    closed loops without a fork have no branch and are left out.
    """
    mask = probability >= LEVEL
    line = centreline(mask)
    thickness = radii(mask, line, np.array(grid.voxel_size))
    segments = _segments(line)
    places = grid.to_mm(line)
    paths = branches(segments)
    while spurs := _spurs(paths, segments, places, thickness, grid):
        segments = _without(segments, spurs)  # which may join two branches, or leave a spur
        paths = branches(segments)
    smooth = _smoothed(places, paths)
    certainty = at_points(places, voxel_certainty(state, calibrated), probability, grid)
    used, renumbered = np.unique(np.concatenate([*paths, np.zeros(0, int)]), return_inverse=True)
    ends = np.cumsum([len(path) for path in paths])[:-1]
    numbered = tuple(np.split(renumbered, ends)) if paths else ()
    return Centreline(smooth[used], thickness[used], certainty[used], numbered)


def _segments(line: np.ndarray) -> np.ndarray:
    """Pairs (m, 2) of a centreline's points that touch, without the shortcuts of a corner.

    Where three points touch one another the longest side goes, of equal ones the last.
    """
    from scipy.spatial import KDTree

    if len(line) < 2:
        return np.zeros((0, 2), int)
    pairs = KDTree(line).query_pairs(1, p=np.inf, output_type="ndarray")
    length = np.abs(np.diff(line[pairs], axis=1)[:, 0]).sum(axis=1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], length))
    touching: list[dict[int, int]] = [{} for _ in line]
    kept = []
    for rank, (a, b) in enumerate(pairs[order].tolist()):
        # What touches both was joined to both by shorter sides, or by equal ones before.
        if not touching[a].keys() & touching[b].keys():
            kept.append((a, b))
            touching[a][b] = touching[b][a] = rank
    return np.array(kept, int).reshape(-1, 2)


def _spurs(
    paths: list[np.ndarray],
    segments: np.ndarray,
    places: np.ndarray,
    radius: np.ndarray,
    grid: Grid,
) -> list[np.ndarray]:
    """The shortest path of each fork that leads to a tip hardly outside the fork's own radius."""
    degree = np.bincount(segments.ravel(), minlength=len(places))
    shortest: dict[int, tuple[float, np.ndarray]] = {}
    for path in paths:
        ends = path[[0, -1]]
        if sorted(degree[ends] > 1) != [False, True]:
            continue
        fork = int(ends[np.argmax(degree[ends])])
        length = float(np.linalg.norm(np.diff(places[path], axis=0), axis=1).sum())
        reach = radius[fork] + SPUR_VOXELS * min(grid.voxel_size)
        if length <= min(reach, shortest.get(fork, (np.inf, path))[0]):
            shortest[fork] = length, path
    return [path for _, path in shortest.values()]


def _without(segments: np.ndarray, paths: Iterable[np.ndarray]) -> np.ndarray:
    gone = {frozenset(pair) for path in paths for pair in pairwise(path)}
    return np.array([pair for pair in segments if frozenset(pair) not in gone]).reshape(-1, 2)


def _smoothed(places: np.ndarray, paths: list[np.ndarray]) -> np.ndarray:
    """Points with the stairs of voxels taken off; forks and tips stay."""
    smooth = places.copy()
    for path in paths:
        for _ in range(SMOOTHING_STEPS):
            along = smooth[path]
            smooth[path[1:-1]] = along[1:-1] / 2 + (along[:-2] + along[2:]) / 4
    return smooth


def write_centreline(folder: str | Path, graph: Centreline) -> tuple[str, str]:
    """Write centreline.vtp (LPS, mm) and centreline.csv into a folder; returns their names.

    Points of the VTP carry `radius` (mm) and `certainty`, lines the number of their `branch`.
    """
    from ..masks.surfaces import write_tagged_vtp

    with atomic_file(Path(folder) / "centreline.vtp") as temporary:
        write_tagged_vtp(as_polydata(graph), temporary)
    rows = graph.rows()
    if rows:
        save_rows(Path(folder) / "centreline.csv", rows)
    else:
        with atomic_file(Path(folder) / "centreline.csv") as temporary:
            temporary.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    return "centreline.vtp", "centreline.csv"


def as_polydata(graph: Centreline):
    """The graph as VTK's polylines."""
    import pyvista

    cells = [np.concatenate([[len(path)], path]) for path in graph.paths]
    mesh = pyvista.PolyData()
    if cells:
        mesh = pyvista.PolyData(graph.points, lines=np.concatenate(cells))
        mesh.point_data["radius"] = graph.radii
        mesh.point_data["certainty"] = graph.certainty
        mesh.cell_data["branch"] = np.arange(len(graph.paths))
    return mesh
