"""The sphere that is deformed, and how sharply a mesh is folded."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import ConvexHull
from torch import Tensor

from ..meshes import sides

GOLDEN = (1 + 5**0.5) / 2


def icosphere(subdivisions: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A unit sphere out of an icosahedron whose triangles are cut into four, several times.

    Returns vertices (10 * 4^n + 2, 3), 642 after three times, and triangles, outwards.
    """
    signs = [(s, t) for s in (-1, 1) for t in (-1, 1)]
    corners = [np.roll([0.0, s, t * GOLDEN], turn) for turn in range(3) for s, t in signs]
    vertices = _on_sphere(np.array(corners))
    triangles = ConvexHull(vertices).simplices.astype(np.int64)
    inwards = np.linalg.det(vertices[triangles]) < 0
    triangles[inwards] = triangles[inwards, ::-1]
    for _ in range(subdivisions):
        vertices, triangles = _subdivided(vertices, triangles)
    return vertices, triangles


def _subdivided(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    edges, which = sides(triangles)
    a, b, c = triangles.T
    ab, bc, ca = (which + len(vertices)).T
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    middles = _on_sphere(vertices[edges].mean(axis=1))
    finer = np.concatenate([np.stack(part, axis=1) for part in parts])
    return np.concatenate([vertices, middles]), finer


def _on_sphere(points: np.ndarray) -> np.ndarray:
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def folding(vertices: Tensor, wings: Tensor) -> Tensor:
    """Sum over edges of (cos + 1)^2 of the angle between the two triangles, (batch,).

    A flat place adds 0, a right angle 1 (Kato 2018, section 4.2). vertices : (batch, n, 3).
    wings : (edges, 4) of `meshes.wings`.
    """
    start, stop, one, other = vertices[:, wings].unbind(dim=2)
    along = torch.nn.functional.normalize(stop - start, dim=2)
    across = [point - start for point in (one, other)]
    across = [v - (v * along).sum(dim=2, keepdim=True) * along for v in across]
    cosine = torch.nn.functional.cosine_similarity(*across, dim=2)
    return (cosine + 1).square().sum(dim=1)
