"""The template surface, and where its vertices belong in a patient.

Places are (n, 3) in [0, 1] between the faces of a volume, so that they serve volumes of any shape.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree
from skimage.measure import block_reduce, marching_cubes

from ...errors import InputError

BISECTIONS = 12  # of the template's level


# ASSUME: vessel trees have no common anatomy to model by hand, as livers have. The template is the
# surface of the mean training mask at the level that encloses as many voxels as a mean patient has.
def template(mean: np.ndarray, cell: int) -> tuple[np.ndarray, np.ndarray]:
    """Closed surface of a mean mask (x, y, z): places of its vertices, and triangles, outwards.

    cell : voxels along the edge of the blocks that are averaged before; more give fewer vertices.

    Raises InputError for masks without a vessel.
    """
    if not mean.any():
        raise InputError("igcn: no training mask has a vessel; the template needs one")
    coarse = block_reduce(mean, cell, np.mean)
    low, high = 0.0, float(coarse.max())
    for _ in range(BISECTIONS):
        level = (low + high) / 2
        too_large = enclosed(*_surface(coarse, level)) > coarse.sum()
        low, high = (level, high) if too_large else (low, level)
    vertices, triangles = _surface(coarse, level)
    return (vertices + 0.5) * cell / np.array(mean.shape), triangles


def enclosed(vertices: np.ndarray, triangles: np.ndarray) -> float:
    """Volume within a closed surface, in the units of its vertices cubed."""
    return float(np.linalg.det(vertices[triangles]).sum() / 6)


def displacements(places: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """From each place to the nearest vertex of a mask's surface, (n, 3) float32; 0 where none is.

    mask : (x, y, z) bool.
    """
    # ASSUME: without corresponding points, a vertex belongs to the nearest one of the patient's
    # surface; branches that are nearest to no vertex are not asked for.
    if not mask.any():
        return np.zeros(places.shape, np.float32)
    vertices, _ = _surface(mask.astype(np.float32), 0.5)
    aims = (vertices + 0.5) / np.array(mask.shape)
    _, nearest = cKDTree(aims).query(places)
    return (aims[nearest] - places).astype(np.float32)


def neighbours(triangles: np.ndarray) -> np.ndarray:
    """Pairs (2, pairs) of vertices that share an edge, each both ways round."""
    ends = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return np.unique(np.concatenate([ends, ends[:, ::-1]]), axis=0).T


def to_indices(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Voxel indices of places in a volume of this shape."""
    return places * np.array(shape) - 0.5


def _surface(volume: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices in the volume's own indices, and triangles, closed where the volume ends."""
    padded = np.pad(volume, 1)
    found = marching_cubes(padded, level=level, gradient_direction="ascent")
    return found[0].astype(np.float64) - 1, found[1].astype(np.int64)
