"""Epipolar geometry of two views: corresponding lines, and where rays meet."""

from __future__ import annotations

import itertools

import numpy as np

from ...errors import InputError
from ...geometry.views import Views

LEAST_SINE = 0.1  # of the angle between two views whose surfaces are made to intersect


def widest_pair(views: Views) -> tuple[int, int]:
    """The two views whose central rays are nearest to a right angle.

    Raises InputError where all of them look along one line.
    """
    rays = views.source[:, :3] / np.linalg.norm(views.source[:, :3], axis=1, keepdims=True)
    pairs = list(itertools.combinations(range(len(views)), 2))
    sines = [np.linalg.norm(np.cross(rays[a], rays[b])) for a, b in pairs]
    if not max(sines, default=0.0) >= LEAST_SINE:
        raise InputError(
            f"{len(views)} views within {np.rad2deg(np.arcsin(LEAST_SINE)):.0f} degrees of one "
            "line: surfaces through their centrelines do not intersect; choose other views"
        )
    return pairs[int(np.argmax(sines))]


def height(points: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Which plane through both sources each point (n, 3) in mm lies in, (n,).

    Points in one plane lie on corresponding epipolar lines. It is the plane's distance in mm from
    the isocentre, measured halfway round the pencil of planes; in a parallel beam about z, z up to
    the sign. sources : (2, 4), homogeneous.
    """
    _, _, rows = np.linalg.svd(sources)
    first, second = rows[2:]  # two of the planes through both
    through = first * second[3] - second * first[3]  # the isocentre
    across = first * first[3] + second * second[3]  # the one furthest from it
    homogeneous = np.pad(points, ((0, 0), (0, 1)), constant_values=1)
    share = (homogeneous @ through) / (homogeneous @ across)
    return share * across[3] / np.linalg.norm(through[:3])


def on_detector(view: Views, pixels: np.ndarray) -> np.ndarray:
    """Places (n, 3) in mm of fractional detector indices (n, 2) of a single view."""
    return view.origin[0] + pixels[:, :1] * view.u[0] + pixels[:, 1:] * view.v[0]


def directions(view: Views, points: np.ndarray) -> np.ndarray:
    """Unit vectors (n, 3) from points (n, 3) in mm to the source of a single view."""
    towards = view.source[0, :3] - view.source[0, 3] * points
    return towards / np.linalg.norm(towards, axis=1, keepdims=True)


def meeting(
    first: Views, pixels: np.ndarray, second: Views, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where the rays of two views' pixels (n, 2) come closest: middles (n, 3), gaps (n,), in mm."""
    p, q = on_detector(first, pixels), on_detector(second, others)
    d, e = directions(first, p), directions(second, q)
    both, gap = (d * e).sum(axis=1), q - p
    along_d, along_e = (gap * d).sum(axis=1), (gap * e).sum(axis=1)
    scale = 1 - both**2
    p = p + ((along_d - both * along_e) / scale)[:, None] * d
    q = q + ((both * along_d - along_e) / scale)[:, None] * e
    return (p + q) / 2, np.linalg.norm(p - q, axis=1)
