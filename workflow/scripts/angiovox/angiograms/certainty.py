"""How certain a place of a reconstruction is, as a number and as a colour."""

from __future__ import annotations

import numpy as np

from ..geometry.grid import Grid

EMPTY, UNDECIDED, VESSEL = range(3)  # states of a voxel
# From blue to yellow, lightness rising evenly, the same to colour-blind eyes (Nuñez et al. 2018).
COLOURS = "cividis"


def voxel_certainty(state: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Certainty (x, y, z) float32 in [0, 1] that a voxel is vessel.

    1 where the measurement decides for a vessel, the calibrated probability where it leaves the
    voxel undecided, 0 where it decides against one.

    state : (x, y, z) uint8. probability : (x, y, z) calibrated.
    """
    certainty = np.where(state == UNDECIDED, probability, np.float32(0))
    certainty[state == VESSEL] = 1
    return certainty.astype(np.float32, copy=False)


def at_points(
    points: np.ndarray, values: np.ndarray, weights: np.ndarray, grid: Grid
) -> np.ndarray:
    """Weighted trilinear mean (n,) of a volume at points (n, 3) mm; 0 where all weights are.

    values, weights : (x, y, z), weights not negative.
    """
    low = np.floor(grid.to_index(points)).astype(int)
    share = (grid.to_index(points) - low).astype(np.float32)
    total, norm = (np.zeros(len(points), np.float32) for _ in range(2))
    for corner in np.ndindex(2, 2, 2):
        places = np.clip(low + corner, 0, np.array(grid.shape) - 1)
        near = np.where(corner, share, 1 - share).prod(axis=1) * weights[tuple(places.T)]
        total += near * values[tuple(places.T)]
        norm += near
    return np.divide(total, norm, out=np.zeros_like(total), where=norm > 0)


def colours(certainty: np.ndarray) -> np.ndarray:
    """Colours (..., 3) uint8 sRGB of certainties (...) in [0, 1]."""
    from matplotlib import colormaps  # slow to import

    return colormaps[COLOURS](np.asarray(certainty, dtype=np.float64), bytes=True)[..., :3]
