"""From the views of a patient to vessels: graph, surface, and shares of voxels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.spatial import KDTree

from ...method import Centreline, Context, Measurement, Reconstruction
from ...training.per_patient import optimise
from ..meshes import occupancy
from ..view_images import evenly_spread, geometry, images
from .branches import skeleton
from .lofting import tube
from .matching import centrelines

REACH = 1.0  # voxels


class Tubes:
    """The tubes made so far, which a checkpoint holds: vertices, triangles, radii of each."""

    def __init__(self) -> None:
        self.parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def state_dict(self) -> dict[str, Any]:
        rows = [torch.from_numpy(array) for part in self.parts for array in part]
        return {str(number): row for number, row in enumerate(rows)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        rows = [state[str(number)].cpu().numpy() for number in range(len(state))]
        self.parts = [tuple(rows[k : k + 3]) for k in range(0, len(rows), 3)]


def reconstructed(
    measurement: Measurement, level: float, sigmas: list[float], least: float, context: Context
) -> Reconstruction:
    """Match the views' branches and loft a surface over each centreline.

    level : brightness of a vessel's border, in images in [0, 1]. sigmas, least : of the vesselness.
    """
    grid, views = geometry(measurement)
    shown = images(measurement, evenly_spread(len(views), len(views)))
    voxel = min(grid.voxel_size)
    skeletons = [skeleton(image, level, sigmas, least) for image in shown]
    lines = centrelines(skeletons, shown >= level, views, voxel)
    tubes = Tubes()

    def step(number: int) -> float:
        tubes.parts.append(tube(lines[number], shown, views, level, voxel))
        return float(tubes.parts[-1][2].mean())

    optimise({"tubes": tubes}, step, len(lines), context)
    vertices, triangles, radii = _joined(tubes.parts)
    vertices = grid.to_index(vertices)
    points = np.concatenate([*lines, np.zeros((0, 3))])
    graph = Centreline(grid.to_index(points), radii / voxel, _segments(lines, radii, voxel))
    share = np.minimum(occupancy(vertices, triangles, measurement.shape), 1)
    return Reconstruction(share, (vertices, triangles), graph)


def _joined(parts: list) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, triangles and radii of all tubes, one after the other."""
    starts = np.cumsum([0, *(len(part[0]) for part in parts)])
    vertices = np.concatenate([*(part[0] for part in parts), np.zeros((0, 3))])
    shifted = [part[1] + start for part, start in zip(parts, starts[:-1], strict=True)]
    triangles = np.concatenate([*shifted, np.zeros((0, 3), int)])
    return vertices, triangles, np.concatenate([*(part[2] for part in parts), np.zeros(0)])


# ASSUME: a tip joins the nearest point of another centreline that is within its radius and a voxel.
def _segments(lines: list[np.ndarray], radii: np.ndarray, voxel: float) -> np.ndarray:
    """Pairs (m, 2) of points: those that follow each other, and tips with what they join."""
    lengths = [len(line) for line in lines]
    owner = np.repeat(np.arange(len(lines)), lengths)
    pairs = {(k, k + 1) for k in range(len(owner) - 1) if owner[k] == owner[k + 1]}
    if len(lines) > 1:
        points = np.concatenate(lines)
        tree, stops = KDTree(points), np.cumsum(lengths)
        for tip in np.union1d(stops - lengths, stops - 1).tolist():
            near = np.array(tree.query_ball_point(points[tip], radii.max() + REACH * voxel))
            near = near[owner[near] != owner[tip]]
            gap = np.linalg.norm(points[near] - points[tip], axis=1) - radii[near]
            if (gap <= REACH * voxel).any():
                pairs.add(tuple(sorted((tip, int(near[gap.argmin()])))))
    return np.array(sorted(pairs), int).reshape(-1, 2)
