"""Measure how much of a vessel tree a deformed sphere can hold at best.

The 642 vertices of `methods.neural_mesh_renderer` are moved freely, without a network or views,
towards the surface of a phantom's mask: by the squared distances from each vertex to the nearest
point of the surface and from each of its points to the nearest vertex (chamfer distance). What is
left is the cost of one closed sphere of so many vertices, and none of learning.

python benchmarks/sphere_deformation.py [phantoms]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from angiovox.methods.meshes import occupancy
from angiovox.methods.neural_mesh_renderer.network import RADIUS, to_indices
from angiovox.methods.neural_mesh_renderer.sphere import icosphere

STEPS, RATE = 300, 0.02
SHAPE, VOXEL_MM = 64, 0.75


def best_dice(mask: np.ndarray, steps: int = STEPS) -> float:
    """Dice of a mask (x, y, z) bool and the sphere that is fitted to its surface."""
    surface = marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5)[0] - 1
    aims = torch.from_numpy((surface + 0.5) / np.array(mask.shape) * 2 - 1)
    tree, (sphere, triangles) = cKDTree(aims.numpy()), icosphere()
    vertices = torch.from_numpy(RADIUS * sphere).requires_grad_()
    optimizer = torch.optim.Adam([vertices], RATE)
    for _ in range(steps):
        places = vertices.detach().numpy()
        to_surface = vertices - aims[tree.query(places)[1]]
        to_mesh = vertices[cKDTree(places).query(aims.numpy())[1]] - aims
        loss = sum(distance.square().sum(dim=1).mean() for distance in (to_surface, to_mesh))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    indices = to_indices(vertices, mask.shape).detach().numpy()
    found = occupancy(indices, triangles, mask.shape) >= 0.5
    return float(2 * (found & mask).sum() / (found.sum() + mask.sum()))


def phantom_mask(seed: int) -> np.ndarray:
    """Voxels of a phantom that are filled to at least a half, on the default study's grid."""
    from angiovox.phantoms import acquisition

    return acquisition.acquire(seed, 3 * (SHAPE,), VOXEL_MM).share >= 0.5


if __name__ == "__main__":
    torch.set_num_threads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    for seed in range(1, count + 1):
        print(f"phantom of seed {seed}: Dice {best_dice(phantom_mask(seed)):.3f}", flush=True)
