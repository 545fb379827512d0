"""Views: where the source and each detector pixel are, for cone and parallel beams alike.

Points are (x, y, z) mm in patient coordinates, x to the left, y to posterior, z to superior. A
source is homogeneous, (x, y, z, 1) where it is a point; of a parallel beam it is (x, y, z, 0), the
vector from each pixel to where its ray begins. So one set of formulas serves both:

    pixel(i, j) = origin + i u + j v          start of its ray = xyz + (1 - w) pixel(i, j)

and a point X = (a u + b v + c origin) + t source, in homogeneous coordinates, is seen at the
detector index (a / c, b / c). Projections are (views, i, j), pixel centres at integer indices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .grid import Grid
from .parallel_beam import rotation_table

WIDTHS = {"source": 4, "origin": 3, "u": 3, "v": 3}


@dataclass(frozen=True, eq=False)
class Views:
    """Geometry of some views, as read-only arrays.

    Attributes
    ----------
    source : (views, 4) homogeneous source. origin : (views, 3) centre of pixel (0, 0), mm.
    u, v : (views, 3) steps from a pixel to the next along either axis of the detector, mm.
    detector : pixels (i, j) along u and v.

    Raises
    ------
    ValueError : arrays of other shapes, numbers that are not finite, a detector without pixels.
    """

    source: np.ndarray
    origin: np.ndarray
    u: np.ndarray
    v: np.ndarray
    detector: tuple[int, int]

    def __post_init__(self) -> None:
        count = len(self.source)
        for name, width in WIDTHS.items():
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.shape != (count, width):
                raise ValueError(f"{name} of shape {array.shape}, expected {(count, width)}")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} has numbers that are not finite")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if len(self.detector) != 2 or min(self.detector) < 1:
            raise ValueError(f"a detector of {self.detector} pixels: at least one along each axis")

    @classmethod
    def of_rays(cls, starts: np.ndarray, stops: np.ndarray) -> Views:
        """Make a list of rays, each as a view of one pixel.

        starts, stops : (rays, 3) mm. Results are (rays, 1, 1). Such views have no `matrices`.

        Raises ValueError for a ray that ends where it starts.
        """
        starts = np.asarray(starts, dtype=np.float64)
        none = np.zeros_like(starts)
        source = np.pad(starts, ((0, 0), (0, 1)), constant_values=1)
        views = cls(source, stops, none, none, (1, 1))
        empty = (starts == views.origin).all(axis=1)
        if empty.any():
            ray = int(empty.argmax())
            raise ValueError(f"ray {ray} ends where it starts, at {starts[ray]} mm")
        return views

    @classmethod
    def join(cls, parts: Sequence[Views]) -> Views:
        """Put views one after the other, as those of two planes of a biplane system.

        Raises ValueError where detectors have different numbers of pixels.
        """
        detectors = {part.detector for part in parts}
        if len(detectors) != 1:
            raise ValueError(f"detectors of {sorted(detectors)} pixels cannot share an array")
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in WIDTHS}
        return cls(**arrays, detector=parts[0].detector)

    def as_dict(self) -> dict[str, list]:
        """Its arrays as lists, for a file of JSON."""
        arrays = {name: getattr(self, name).tolist() for name in WIDTHS}
        return arrays | {"detector": list(self.detector)}

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, chosen: slice | Sequence[int] | np.ndarray) -> Views:
        """Select views by a slice, a list of indices, or a mask."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in WIDTHS})

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the projections, (views, i, j)."""
        return len(self), *self.detector

    @property
    def matrices(self) -> np.ndarray:
        """Projection matrices (views, 3, 4): (x, y, z, 1) in mm to (a, b, c); pixel (a, b) / c.

        c is positive before the source and 1 on the detector; it is 1 everywhere in a parallel
        beam.
        """
        system = np.zeros((len(self), 4, 4))
        for column, name in enumerate(("u", "v", "origin")):
            system[:, :3, column] = getattr(self, name)
        system[:, 3, 2] = 1
        system[:, :, 3] = self.source
        return np.linalg.inv(system)[:, :3]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Detector indices (views, points, 2), fractional, of points (points, 3) in mm."""
        points = np.pad(np.asarray(points, np.float64), ((0, 0), (0, 1)), constant_values=1)
        seen = points @ self.matrices.transpose(0, 2, 1)
        return seen[..., :2] / seen[..., 2:]

    def rays(self, first: int = 0, last: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Starts and stops (rays, 3) in mm of a range of all rays, numbered as in C order."""
        ray = np.arange(first, np.prod(self.shape) if last is None else last)
        return ray_ends(*(getattr(self, name) for name in WIDTHS), self.detector, ray)

    def moved(self, poses: np.ndarray) -> Views:
        """Move source and detector of each view together, as a rigid body.

        poses : (views, 6), rotation vector about the origin of the patient's coordinates in radians
        and translation in mm, that take a point p to R p + t. Moving the gantry is moving the
        patient the other way.

        Raises ValueError for another shape.
        """
        from scipy.spatial.transform import Rotation  # slow to import

        poses = np.asarray(poses, dtype=np.float64)
        if poses.shape != (len(self), 6):
            raise ValueError(f"poses of shape {poses.shape}, expected {(len(self), 6)}")
        turn, shift = Rotation.from_rotvec(poses[:, :3]).as_matrix(), poses[:, 3:]
        position, weight = self.source[:, :3], self.source[:, 3:]
        position, origin, u, v = (
            (turn @ vectors[:, :, None])[:, :, 0]
            for vectors in (position, self.origin, self.u, self.v)
        )
        source = np.hstack([position + weight * shift, weight])
        return replace(self, source=source, origin=origin + shift, u=u, v=v)


def ray_ends(
    source: Any, origin: Any, u: Any, v: Any, detector: tuple[int, int], ray: Any
) -> tuple[Any, Any]:
    """Starts and stops (rays, 3) in mm of rays by their numbers (rays,), as in C order.

    source, origin, u, v : as in `Views`; arrays of numpy, or tensors of torch with their gradients.
    """
    view, pixel = ray // (detector[0] * detector[1]), ray % (detector[0] * detector[1])
    i, j = pixel // detector[1], pixel % detector[1]
    stops = origin[view] + i[:, None] * u[view] + j[:, None] * v[view]
    return source[view, :3] + (1 - source[view, 3:]) * stops, stops


def parallel_views(angles: np.ndarray, grid: Grid) -> Views:
    """The study's parallel beam as views: pixel (i, j) sees what lies behind voxels x = i, z = j.

    Parameters
    ----------
    angles : (views,) degrees, in the sense of `parallel_beam.rotation_table`: right anterior
        oblique, so that an angle theta is a C-arm's primary angle of -theta.
    grid : pixels are as many and as wide as its voxels along x and z. Rays begin and end outside.
    """
    table = rotation_table(angles)
    cos, sin, zero = table[:, 0], table[:, 1], np.zeros(len(table))
    u, depth = np.stack([cos, -sin, zero], axis=1), np.stack([sin, cos, zero], axis=1)
    u *= grid.voxel_size[0]
    v = np.broadcast_to([0, 0, grid.voxel_size[2]], u.shape)
    nx, _, nz = grid.shape
    middle = np.asarray(grid.centre) - grid.diagonal * depth
    origin = middle - (nx - 1) / 2 * u - (nz - 1) / 2 * v
    source = np.hstack([2 * grid.diagonal * depth, zero[:, None]])
    return Views(source, origin, u, v, (nx, nz))
