"""Surfaces of truth and reconstructions, as numbers that the page's viewer reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...geometry.affine import voxel_sizes
from ...masks import surfaces
from ...masks.proximity import is_near
from .packing import pack, pack_bits, pack_plain

if TYPE_CHECKING:
    import pyvista

LEVEL = 0.5  # of the probability
SMOOTHING_STEPS = 5  # takes off the stairs; see `masks.surfaces.surface` for what it costs
STEPS_IN_VOXEL = 64  # of points, on a lattice
# The page of the default study, of 400 surfaces, is to stay below 30 MB: a triangle takes 5 bytes.
TRIANGLES_IN_ALL = 2_000_000
FEWEST_TRIANGLES, MOST_TRIANGLES = 500, 40_000  # of a surface
DEVIATION_VOXELS = 0.2


@dataclass(frozen=True)
class Surface:
    """A surface in the page. points : (n, 3) LPS mm. triangles : (m, 3), outwards.

    step : mm between the places that a point may take in the page.
    """

    points: np.ndarray
    triangles: np.ndarray
    step: float

    def payload(self) -> dict[str, Any]:
        """Points in whole steps from their box's corner, and triangles.

        Of each triangle the lowest index, in ascending order, and how far the two others are above.
        """
        low = self.points.min(axis=0)
        codes = np.rint((self.points - low) / self.step).astype(np.uint16)
        first, second, third = _ascending(self.triangles).T
        return {
            "low": [round(float(edge), 4) for edge in low],
            "step": self.step,
            "points": pack(codes.T),
            "triangles": [pack(first), pack_plain(second - first), pack_plain(third - first)],
        }


def _ascending(triangles: np.ndarray) -> np.ndarray:
    """The same triangles, (m, 3) uint32, each turned to begin with its lowest index; sorted."""
    turns = (triangles.argmin(axis=1)[:, None] + np.arange(3)) % 3
    turned = np.take_along_axis(triangles, turns, axis=1).astype(np.uint32)
    return turned[np.lexsort(turned.T[::-1])]


def most_triangles(count: int) -> int:
    """How many triangles each of the page's surfaces, count of them, may have."""
    return int(np.clip(TRIANGLES_IN_ALL // max(count, 1), FEWEST_TRIANGLES, MOST_TRIANGLES))


def truth_surface(
    mask: np.ndarray, volume: np.ndarray, affine: np.ndarray, most: int
) -> Surface | None:
    """The surface of a ground truth, (x, y, z) with its volume.

    affine : (4, 4) voxel indices to RAS mm. most : triangles.
    """
    mesh = surfaces.truth_surface(mask, volume, affine, SMOOTHING_STEPS)
    return _thinned(mesh, affine, most)


def reconstructed_surface(probability: np.ndarray, affine: np.ndarray, most: int) -> Surface | None:
    """The surface of the probability's level 0.5; None where no voxel reaches it."""
    mesh = surfaces.level_surface(probability, affine, LEVEL, smoothing_steps=SMOOTHING_STEPS)
    return _thinned(mesh, affine, most)


def beyond(own: Surface | None, mask: np.ndarray, affine: np.ndarray) -> str:
    """Which points of a surface are further than a voxel from a mask's vessels, packed."""
    points = np.zeros((0, 3)) if own is None else own.points
    return pack_bits(~is_near(mask, points, affine))


def _thinned(mesh: pyvista.PolyData | None, affine: np.ndarray, most: int) -> Surface | None:
    if mesh is None:
        return None
    thinned = surfaces.decimate(mesh, affine, most, DEVIATION_VOXELS)
    step = float(voxel_sizes(affine).min()) / STEPS_IN_VOXEL
    return Surface(np.asarray(thinned.points), thinned.regular_faces, step)
