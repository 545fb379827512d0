"""Volumes whose line integrals are known in closed form."""

import numpy as np
from angiovox.geometry.grid import Grid

# Centres (mm), half axes (mm) and heights of paraboloids in ellipsoids: nothing is symmetric.
BLOBS = (
    ((6.0, -8.0, 5.0), (9.0, 6.0, 7.0), 1.0),
    ((-10.0, 4.0, -6.0), (5.0, 8.0, 6.0), 0.6),
    ((2.0, 11.0, 9.0), (6.0, 5.0, 4.5), 0.8),
)


def blob_volume(grid: Grid, turn: np.ndarray | None = None) -> np.ndarray:
    """height * (1 - r^2) within each ellipsoid, all turned about the origin by a matrix (3, 3)."""
    points = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    points = points if turn is None else points @ turn
    volume = np.zeros(grid.shape)
    for centre, axes, height in BLOBS:
        radius = (((points - centre) / axes) ** 2).sum(axis=-1)
        volume += height * np.maximum(0, 1 - radius)
    return volume


def blob_integrals(starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Line integrals (rays,) in mm: two thirds of the greatest value times the chord."""
    total = np.zeros(len(starts))
    for centre, axes, height in BLOBS:
        start, along = (starts - centre) / axes, (stops - starts) / axes
        square = (along**2).sum(axis=1)
        nearest = start - along * ((start * along).sum(axis=1) / square)[:, None]
        greatest = np.maximum(0, 1 - (nearest**2).sum(axis=1))
        chord = 2 * np.sqrt(greatest / square) * np.linalg.norm(stops - starts, axis=1)
        total += height * 2 / 3 * greatest * chord
    return total
