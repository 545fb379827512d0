"""When contrast arrives in vessels of which only a mask is known."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, eye_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from ..geometry.grid import Grid
from ..vessels.graph import Arteries
from ..vessels.radii import radii
from ..vessels.skeleton import centreline
from .bolus import arrival_times, speed

# ASSUME: contrast enters a mask by one vessel: where, of its longest connected centreline, the
# lowest tenth in height is thickest. It runs along the centreline from there.
INLET_HEIGHT = 0.1
SMOOTHING = 2  # times: from voxel to voxel a way may zigzag, and be 1.4 times as long


def mask_arrival(mask: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) in mm of a mask's centreline, and the seconds (n,) until contrast is there.

    mask : (x, y, z) bool with at least one voxel. grid : where it lies, z to superior.
    """
    tree = _graph(mask, grid)
    seconds = arrival_times(tree, [inlet(tree)])
    # ASSUME: parts of a mask that do not hang together with the inlet are filled across the gap, in
    # a straight line from the nearest point that does, at the speed of their own calibre.
    apart = ~np.isfinite(seconds)
    if apart.any():
        gaps, nearest = KDTree(tree.points[~apart]).query(tree.points[apart])
        seconds[apart] = seconds[~apart][nearest] + gaps / speed(tree.radii[apart])
    return tree.points, seconds


def inlet(tree: Arteries) -> int:
    """The point of a centreline's graph where contrast enters."""
    count = len(tree.points)
    links = coo_array((np.ones(len(tree.segments)), tree.segments.T), shape=(count, count))
    _, part = connected_components(links, directed=False)
    own = np.flatnonzero(part == np.argmax(np.bincount(part)))
    height = tree.points[own, 2]
    low = own[height <= height.min() + INLET_HEIGHT * np.ptp(height)]
    return int(low[np.argmax(tree.radii[low])])


def _graph(mask: np.ndarray, grid: Grid) -> Arteries:
    """A mask's centreline, smoothed; segments join voxels that touch."""
    line = centreline(mask)
    pairs = KDTree(line).query_pairs(1, p=np.inf, output_type="ndarray")
    count = len(line)
    touching = coo_array((np.ones(len(pairs)), pairs.T), shape=(count, count)).tocsr()
    touching = touching + touching.T + eye_array(count)
    points, shares = line.astype(float), 1 / touching.sum(axis=1)
    for _ in range(SMOOTHING):
        points = shares[:, None] * (touching @ points)
    return Arteries(
        points=grid.to_mm(points),
        radii=radii(mask, line, np.asarray(grid.voxel_size)),
        contrast=np.ones(len(line)),
        segments=pairs,
        artery=np.zeros(len(pairs), dtype=int),
        names=("centreline",),
    )
