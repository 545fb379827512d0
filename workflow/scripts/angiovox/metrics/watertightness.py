"""Whether the surface of a reconstruction is watertight, and of how many closed pieces it is."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.measure import marching_cubes


def surface_triangles(mask: np.ndarray) -> np.ndarray:
    """Triangles (m, 3) of vertex numbers by marching cubes, as `masks.surfaces.surface` has them.

    mask : (x, y, z) bool. Vessels cut by the grid's edge are closed.
    """
    if not mask.any():
        return np.empty((0, 3), dtype=np.int64)
    return marching_cubes(np.pad(mask, 1), level=0.5)[1].astype(np.int64)


def open_edges(triangles: np.ndarray) -> float:
    """Share of the edges that are not of exactly two triangles; 0 for a watertight surface.

    An edge of one triangle borders a hole. One of four is where two pieces touch: there no inside
    is told from the outside. Without triangles there are none.
    """
    _, counts = np.unique(_edges(triangles), axis=0, return_counts=True)
    return float((counts != 2).mean()) if len(counts) else 0.0


def shells(triangles: np.ndarray) -> int:
    """Number of pieces that hang together by vertices: outer surfaces, and those of cavities."""
    used, numbers = np.unique(triangles, return_inverse=True)
    first, second = _edges(numbers.reshape(-1, 3)).T
    links = coo_array((np.ones(len(first), dtype=bool), (first, second)), 2 * (len(used),))
    return int(connected_components(links, directed=False)[0]) if len(used) else 0


def watertightness(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Open edges and shells of the found mask's surface, and how far from the truth's shells.

    found, truth : (x, y, z) bool. An empty mask has no shell and no open edge.
    """
    triangles, pieces = surface_triangles(found), shells(surface_triangles(truth))
    own = shells(triangles)
    return {
        "open_edges": open_edges(triangles),
        "shells": float(own),
        "shells_error": float(abs(own - pieces)),
    }


def _edges(triangles: np.ndarray) -> np.ndarray:
    """Ends (3 m, 2) of all triangles' edges, the lower number first."""
    ends = np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=-1)
    return np.sort(ends, axis=-1).reshape(-1, 2)
