"""The motion of all views together, which no view can tell: what they show stays where it was."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from ...geometry.grid import Grid
from ...geometry.views import Views

ACROSS, SHARE = 3, 0.5  # points along each axis; how much of the field they span


def anchored(views: Views, poses: np.ndarray, grid: Grid) -> np.ndarray:
    """Move all views as one body so that points of the field stay in place.

    A point is projected by the views of the header and found again, by least squares, from the
    moved ones. The rigid motion that takes those back to the points, as well as it can, moves all.

    poses : (views, 6) of at least two views from the header. Returns (views, 6).
    """
    steps = np.linspace(-SHARE / 2, SHARE / 2, ACROSS)
    shares = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    points = shares * grid.shape * grid.voxel_size + grid.centre
    found = triangulate(views.moved(poses), views.project(points))
    rotation, shift = rigid_motion(found, points)
    turns = Rotation.from_matrix(rotation) * Rotation.from_rotvec(poses[:, :3])
    return np.concatenate([turns.as_rotvec(), poses[:, 3:] @ rotation.T + shift], axis=1)


def triangulate(views: Views, pixels: np.ndarray) -> np.ndarray:
    """Points (points, 3) in mm nearest to the rays through pixels (views, points, 2)."""
    normal, target = np.zeros((pixels.shape[1], 3, 3)), np.zeros((pixels.shape[1], 3))
    for view in range(len(views)):
        source = views.source[view, :3]
        ray = views.origin[view] + pixels[view] @ np.stack([views.u[view], views.v[view]]) - source
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        across = np.eye(3) - ray[:, :, None] * ray[:, None, :]
        normal += across
        target += across @ source
    return np.linalg.solve(normal, target[:, :, None])[:, :, 0]


def rigid_motion(points: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (3, 3) and shift (3,) that take points (n, 3) nearest to targets (n, 3)."""
    middle, target = points.mean(axis=0), targets.mean(axis=0)
    rotation = Rotation.align_vectors(targets - target, points - middle)[0].as_matrix()
    return rotation, target - rotation @ middle
