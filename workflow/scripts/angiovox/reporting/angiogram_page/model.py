"""The turnable model of the page, as numbers that its viewer reads."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np

from ...angiograms.centreline import Centreline
from ...angiograms.certainty import colours

if TYPE_CHECKING:
    import pyvista

SCALE_MM = 0.01  # of a 16-bit step: 0.3 m either way
DECIDED = 0.5  # mean share of a triangle's corners from which on it counts as certain
LEVELS = 256
BACKGROUND, LINE_COLOUR = "#d9dde3", "#c2185b"


def payload(
    mesh: pyvista.PolyData | None, graph: Centreline, first: tuple[float, float]
) -> dict[str, object]:
    """What `viewer.js` shows.

    mesh : of `surface.vessel_surface`. graph : its centreline. first : primary and secondary angle
    to look from at first.
    """
    palette = ["#" + bytes(rgb).hex() for rgb in colours(np.linspace(0, 1, LEVELS))]
    points, triangles, level, certain = np.zeros((0, 3)), np.zeros((0, 3), int), np.zeros(0), 0
    if mesh is not None:
        points, triangles = np.asarray(mesh.points), mesh.regular_faces
        is_certain = mesh.point_data["decided"][triangles].mean(axis=1) >= DECIDED
        triangles = triangles[np.argsort(~is_certain, kind="stable")]
        certain = int(is_certain.sum())
        level = np.rint(mesh.point_data["certainty"] * (LEVELS - 1))
    pairs = [np.stack([path[:-1], path[1:]], axis=1).ravel() for path in graph.paths]
    line = graph.points[np.concatenate(pairs)] if pairs else np.zeros((0, 3))
    return {
        "points": _steps(points),
        "triangles": _text(triangles.astype("<u4")),
        "certain": certain,
        "certainty": _text(level.astype("u1")),
        "line": _steps(line),
        "scale": SCALE_MM,
        "palette": palette,
        "background": BACKGROUND,
        "line_colour": LINE_COLOUR,
        "first": list(first),
    }


def _steps(points: np.ndarray) -> str:
    limit = np.iinfo(np.int16).max
    return _text(np.clip(np.rint(points / SCALE_MM), -limit, limit).astype("<i2"))


def _text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
