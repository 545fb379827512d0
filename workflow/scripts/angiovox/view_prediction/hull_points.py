"""Points of the visual hull, where detectors see them, and where rays enter and leave the hull."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry.parallel_beam import rotation_table
from ..method import Measurement
from ..methods.view_levels import brightness
from ..projectors.backprojection import back_project

HITS = 2  # of a ray with the hull: where it enters first, and where it leaves last


@dataclass(frozen=True)
class HullPoints:
    """The voxels of a visual hull as points.

    voxels : (n, 3) indices. shape : of the volume, (x, y, z); the detector is as wide as x.
    """

    voxels: np.ndarray
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, given: Measurement, level: float) -> HullPoints:
        """The hull of the views that are given, maxima of a parallel beam.

        level : brightness of a silhouette's pixels, where 1/2 is Otsu's level.
        """
        depth = given.shape[1]
        bound = back_project(brightness(given), given.angles, depth)[1]
        return cls(np.argwhere(bound >= level), bound.shape)

    @property
    def detector(self) -> tuple[int, int]:
        """Pixels of a view, (i, j)."""
        return self.shape[0], self.shape[2]

    def columns(self, angles: np.ndarray) -> np.ndarray:
        """Where points fall on the detector's first axis, (views, n) float32 in pixels.

        angles : (views,) degrees. On the second axis they fall on their z.
        """
        across, along = (np.array(self.shape[:2]) - 1) / 2
        cos, sin = rotation_table(angles).T[:, :, None]
        x, y = self.voxels[:, 0] - across, self.voxels[:, 1] - along
        return np.float32(across + cos * x - sin * y)

    def occupancy(self) -> np.ndarray:
        """The hull as a volume (x, y, z) bool."""
        inside = np.zeros(self.shape, bool)
        inside[tuple(self.voxels.T)] = True
        return inside

    def hits(self, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and last place of each ray in the hull.

        Returns places (views, HITS, i, j, 3) float32 in voxel indices, and whether there is one,
        (views, i, j) bool; places of rays without one mean nothing.
        """
        met, ends = zip(*(self._hits(turn) for turn in rotation_table(angles)), strict=True)
        return np.stack(ends), np.stack(met)

    def _hits(self, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rays of one view that meet the hull, (i, j), and where, (HITS, i, j, 3)."""
        (cos, sin), (nx, ny, nz) = turn, self.shape
        u, v = np.indices((nx, ny), dtype=np.float64)
        u, v = u - (nx - 1) / 2, v - (ny - 1) / 2
        place = np.stack([cos * u + sin * v + (nx - 1) / 2, cos * v - sin * u + (ny - 1) / 2], -1)
        nearest = np.rint(place).astype(int)
        visible = ((nearest >= 0) & (nearest < (nx, ny))).all(axis=-1)
        x, y = np.where(visible[..., None], nearest, 0).transpose(2, 0, 1)
        inside = self.occupancy()[x, y] & visible[..., None]  # (u, v, z)
        first, last = inside.argmax(axis=1), ny - 1 - inside[:, ::-1].argmax(axis=1)
        columns = np.arange(nx)[:, None]
        z = np.broadcast_to(np.arange(nz, dtype=np.float64), (nx, nz))[..., None]
        ends = [np.concatenate([place[columns, depth], z], -1) for depth in (first, last)]
        return inside.any(axis=1), np.float32(ends)
