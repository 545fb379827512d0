"""Branches of a reconstruction, and how much of each rests on the prior."""

from __future__ import annotations

import numpy as np

from ..geometry.grid import Grid
from ..vessels.graph import branches
from ..vessels.morphometry import SHORTEST_BRANCH
from ..vessels.radii import radii
from ..vessels.skeleton import centreline

LEAST_PROBABILITY = 0.5


def branch_rows(
    probability: np.ndarray,
    calibrated: np.ndarray,
    undecided: np.ndarray,
    located: np.ndarray,
    grid: Grid,
) -> list[dict[str, float]]:
    """Measure each branch of a reconstruction and what of it the views decide.

    A voxel of probability 0.5 or more belongs to the branch whose centreline is nearest.

    Parameters
    ----------
    probability : (x, y, z), whose voxels from 0.5 on are vessel. calibrated : the same, made right
        on average. undecided, located : (x, y, z) bool, see `knowability.Knowledge`.

    Returns
    -------
    Rows from the thickest branch on: branch (1, 2, ...), x_mm, y_mm, z_mm of the middle of its
    centreline, length_mm, radius_mm (mean), voxels, undecided and located (shares of its voxels),
    probability (mean calibrated one).
    """
    from scipy.spatial import KDTree

    mask = probability >= LEAST_PROBABILITY
    line = centreline(mask)
    size = np.array(grid.voxel_size)
    paths = paths_of(line, size)
    if not paths:
        return []
    radius = radii(mask, line, size)
    voxels = np.argwhere(mask)
    places = np.concatenate(paths)
    owners = np.repeat(np.arange(len(paths)), [len(path) for path in paths])
    own = owners[KDTree(line[places] * size).query(voxels * size)[1]]
    at = tuple(voxels.T)
    counts = np.bincount(own, minlength=len(paths))
    shares = {
        name: np.bincount(own, values[at], len(paths)) / np.maximum(counts, 1)
        for name, values in (
            ("undecided", undecided), ("located", located), ("probability", calibrated))
    }  # fmt: skip
    rows = []
    for number, path in enumerate(paths):
        points = grid.to_mm(line[path])
        place = dict(zip(("x_mm", "y_mm", "z_mm"), points[len(path) // 2].tolist(), strict=True))
        length = np.linalg.norm(np.diff(points, axis=0), axis=1).sum()
        measures = {"length_mm": float(length), "radius_mm": float(radius[path].mean())}
        known = {name: float(values[number]) for name, values in shares.items()}
        rows.append(place | measures | {"voxels": int(counts[number])} | known)
    rows.sort(key=lambda row: (-row["radius_mm"], -row["length_mm"]))
    return [{"branch": number} | row for number, row in enumerate(rows, 1)]


def paths_of(line: np.ndarray, voxel_mm: np.ndarray) -> list[np.ndarray]:
    """Paths along a centreline's voxels (n, 3) between forks and tips, as numbers of voxels.

    Spurs shorter than `SHORTEST_BRANCH` that leave a fork are taken away once.
    """
    segments = joined(line, voxel_mm)
    paths = branches(segments)
    degree = np.bincount(segments.ravel(), minlength=len(line))

    def is_spur(path: np.ndarray) -> bool:
        length = np.linalg.norm(np.diff(line[path] * voxel_mm, axis=0), axis=1).sum()
        return length < SHORTEST_BRANCH and sorted(degree[path[[0, -1]]] > 1) == [False, True]

    dropped = {(min(pair), max(pair)) for path in paths if is_spur(path)
               for pair in zip(path[:-1].tolist(), path[1:].tolist(), strict=True)}  # fmt: skip
    kept = [pair for pair in segments.tolist() if tuple(sorted(pair)) not in dropped]
    return branches(np.array(kept, dtype=int).reshape(-1, 2))


def joined(line: np.ndarray, voxel_mm: np.ndarray) -> np.ndarray:
    """Pairs (m, 2) of neighbouring voxels of a centreline, without the long side of triangles.

    At a fork all voxels touch each other: of three that do, the two shorter sides are enough.
    """
    from scipy.spatial import KDTree

    if len(line) < 2:
        return np.zeros((0, 2), int)
    pairs = np.sort(KDTree(line).query_pairs(1, p=np.inf, output_type="ndarray"), axis=1)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    steps = np.linalg.norm((line[pairs[:, 0]] - line[pairs[:, 1]]) * voxel_mm, axis=1)
    # Sides of one length: the later pair counts as the longer one.
    order = {tuple(pair): rank for rank, pair in enumerate(pairs[np.argsort(steps, kind="stable")]
             .tolist())}  # fmt: skip
    beside: dict[int, set[int]] = {}
    for a, b in pairs.tolist():
        beside.setdefault(a, set()).add(b)
        beside.setdefault(b, set()).add(a)

    def rank(a: int, b: int) -> int:
        return order[min(a, b), max(a, b)]

    kept = [
        (a, b)
        for a, b in pairs.tolist()
        if not any(max(rank(a, c), rank(c, b)) < rank(a, b) for c in beside[a] & beside[b])
    ]
    return np.array(kept, dtype=int).reshape(-1, 2)
