"""The grid of voxels that a reconstruction fills, in millimetres about the isocentre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .affine import LPS_TO_RAS, voxel_sizes


@dataclass(frozen=True)
class Grid:
    """Voxels along the patient's axes.

    Attributes
    ----------
    shape : (x, y, z) voxels. voxel_size : edge lengths (x, y, z) of a voxel in mm.
    centre : where the grid's centre lies, (x, y, z) mm from the isocentre; voxel centres are at
        integer indices, so this is the place of index (shape - 1) / 2.

    Raises
    ------
    ValueError : a shape below 1, or a voxel size that is not positive.
    """

    shape: tuple[int, int, int]
    voxel_size: tuple[float, float, float]
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if any(len(part) != 3 for part in (self.shape, self.voxel_size, self.centre)):
            raise ValueError("a grid's shape, voxel_size and centre have 3 numbers each (x, y, z)")
        if min(self.shape) < 1:
            raise ValueError(f"a grid of shape {self.shape}: at least one voxel along each axis")
        if not (min(self.voxel_size) > 0 and np.isfinite(self.voxel_size).all()):
            raise ValueError(f"voxels of {self.voxel_size} mm: sizes are positive")

    @classmethod
    def from_affine(cls, shape: tuple[int, int, int], affine: np.ndarray) -> Grid:
        """Make the grid of a volume file whose world origin is the isocentre.

        Parameters
        ----------
        shape : (x, y, z) voxels. affine : (4, 4) RAS affine in mm, x to the left, y to posterior.

        Raises
        ------
        ValueError : the axes are oblique, or run in other directions.
        """
        lps = LPS_TO_RAS @ affine
        sizes = np.diag(lps)[:3]
        if not (sizes > 0).all() or not np.allclose(lps[:3, :3], np.diag(sizes), atol=1e-6):
            raise ValueError(f"axes do not run to left, posterior, superior:\n{lps[:3, :3]}")
        centre = (lps @ [*(np.asarray(shape) - 1) / 2, 1])[:3]
        return cls(tuple(shape), tuple(sizes.tolist()), tuple(centre.tolist()))

    @classmethod
    def centred(cls, shape: tuple[int, int, int], affine: np.ndarray) -> Grid:
        """Make the grid of a volume file whose centre is the isocentre.

        shape : (x, y, z) voxels. affine : (4, 4) RAS affine in mm; only voxel sizes are taken.
        """
        return cls(tuple(shape), tuple(voxel_sizes(affine).tolist()))

    @property
    def first(self) -> np.ndarray:
        """Centre of voxel (0, 0, 0) in mm, shape (3,)."""
        half = (np.asarray(self.shape) - 1) / 2
        return np.asarray(self.centre) - np.asarray(self.voxel_size) * half

    @property
    def affine(self) -> np.ndarray:
        """RAS affine (4, 4) in mm with the isocentre as origin, as NIfTI wants it."""
        lps = np.diag([*self.voxel_size, 1.0])
        lps[:3, 3] = self.first
        return LPS_TO_RAS @ lps

    @property
    def diagonal(self) -> float:
        """Length of the grid's diagonal in mm, from edge to edge of the outermost voxels."""
        return float(np.linalg.norm(np.multiply(self.shape, self.voxel_size)))

    def to_index(self, points: np.ndarray) -> np.ndarray:
        """Voxel indices (..., 3), fractional, of points (..., 3) in mm."""
        return (points - self.first) / np.asarray(self.voxel_size)

    def to_mm(self, indices: np.ndarray) -> np.ndarray:
        """Points (..., 3) in mm of voxel indices (..., 3)."""
        return self.first + np.asarray(indices) * np.asarray(self.voxel_size)
