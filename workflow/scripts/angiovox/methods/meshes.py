"""Closed triangle meshes that methods deform: their edges, and the voxels they enclose.

Vertices are (n, 3) in voxel indices, triangles (m, 3) of their numbers, outwards by the right-hand
rule.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..geometry.grid import Grid
from ..projectors.surface_occupancy import surface_occupancy


def sides(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges (edges, 2) of a mesh, and the number of the edge after each corner, (m, 3)."""
    ends = np.sort(np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=-1), axis=-1)
    edges, which = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    return edges, which.reshape(-1, 3)


def wings(triangles: np.ndarray) -> np.ndarray:
    """Of each edge its two ends and the vertices opposite to it, (edges, 4).

    Raises ValueError where an edge is not one of two triangles.
    """
    edges, which = sides(triangles)
    counts = np.bincount(which.ravel(), minlength=len(edges))
    if (counts != 2).any():
        raise ValueError(f"{(counts != 2).sum()} of {len(edges)} edges are not of two triangles")
    opposite = np.roll(triangles, 1, axis=1).ravel()
    order = np.argsort(which.ravel(), kind="stable")
    return np.hstack([edges, opposite[order].reshape(-1, 2)])


def occupancy(vertices: np.ndarray, triangles: np.ndarray, shape: tuple) -> np.ndarray:
    """Share (x, y, z) float32 of each voxel that the mesh encloses."""
    half = tuple((edge - 1) / 2 for edge in shape)  # index 0 at 0 mm
    return surface_occupancy(vertices, triangles, Grid(shape, (1.0, 1.0, 1.0), half))


def overlap(vertices: Tensor, triangles: np.ndarray, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Voxels in both, and in either, of meshes (batch, n, 3) and masks (batch, x, y, z)."""
    hits = union = 0
    for mesh, mask in zip(
        vertices.detach().float().cpu().numpy(), masks.cpu().numpy(), strict=True
    ):
        found = occupancy(mesh.astype(np.float64), triangles, mask.shape) >= 0.5
        hits += int((found & (mask > 0)).sum())
        union += int((found | (mask > 0)).sum())
    return torch.tensor(hits), torch.tensor(union)
