"""Surfaces lofted over the cross-sections of a centreline, with round ends."""

from __future__ import annotations

import numpy as np

from ...geometry.views import Views
from .contours import contour, half_widths

CORNERS = 24  # of a ring
CAP = np.deg2rad([15.0, 30.0, 45.0, 60.0, 75.0])  # latitudes of the rings of an end


def tube(
    line: np.ndarray, images: np.ndarray, views: Views, level: float, voxel: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (n, 3) mm and triangles (m, 3), outwards, of a vessel, and its radii (points,) mm.

    line : (points, 3) mm; a single point becomes a blob. images : (views, i, j). level : brightness
    of a border. voxel : edge of one in mm.
    """
    tangents, normals = frames(line)
    binormals = np.cross(tangents, normals)
    across, widths = half_widths(images, views, level, line, tangents, voxel)
    directions = np.arange(CORNERS) * 2 * np.pi / CORNERS
    polar = np.empty((len(line), CORNERS))
    for number, (sides, distances) in enumerate(zip(across, widths, strict=True)):
        seen = np.isfinite(distances[:, 0])
        angles = np.arctan2(sides[seen] @ binormals[number], sides[seen] @ normals[number])
        ring = contour(np.concatenate([angles, angles + np.pi]), distances[seen].T.ravel())
        order = np.argsort(angle := np.arctan2(ring[:, 1], ring[:, 0]))
        radius = np.hypot(*ring.T)[order]
        polar[number] = np.interp(directions, angle[order], radius, period=2 * np.pi)
    shape = normals[:, None] * np.cos(directions)[:, None]
    shape = shape + binormals[:, None] * np.sin(directions)[:, None]
    return *loft(line, tangents, polar[..., None] * shape), polar.mean(axis=1)


def frames(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit tangents (n, 3) of a line (n, 3), along z of a single point, and normals.

    Normals are carried along with as little turning as there can be.
    """
    if len(line) == 1:
        return np.array([[0.0, 0.0, 1.0]]), np.array([[1.0, 0.0, 0.0]])
    tangents = np.gradient(line, axis=0)
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-12)
    normals = np.empty_like(line)
    before = np.eye(3)[np.abs(tangents[0]).argmin()]
    for number, tangent in enumerate(tangents):
        before = before - (before @ tangent) * tangent
        before = normals[number] = before / np.linalg.norm(before)
    return tangents, normals


def loft(
    line: np.ndarray, tangents: np.ndarray, rings: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A closed surface over rings (n, corners, 3) about the points of a line (n, 3).

    Its ends are half ellipsoids, as long as their ring is wide in the mean. Returns vertices and
    triangles.
    """
    count = rings.shape[1]
    start, stop = (np.linalg.norm(rings[end], axis=1).mean() * tangents[end] for end in (0, -1))
    before = [line[0] - np.sin(a) * start + np.cos(a) * rings[0] for a in CAP[::-1]]
    after = [line[-1] + np.sin(a) * stop + np.cos(a) * rings[-1] for a in CAP]
    every = np.stack([*before, *(line[:, None] + rings), *after])
    poles = np.stack([line[0] - start, line[-1] + stop])
    corner = np.arange(every.shape[0] * count).reshape(-1, count)
    ahead = np.roll(corner, -1, axis=1)
    quads = corner[:-1], ahead[:-1], corner[1:], ahead[1:]
    a, b, c, d = (part.ravel() for part in quads)
    first, last = corner.size, corner.size + 1
    fans = [
        np.stack([np.full(count, first), ahead[0], corner[0]], axis=1),
        np.stack([np.full(count, last), corner[-1], ahead[-1]], axis=1),
    ]
    walls = np.concatenate([np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)])
    return np.concatenate([every.reshape(-1, 3), poles]), np.concatenate([walls, *fans])
