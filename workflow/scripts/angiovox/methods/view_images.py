"""Views of a patient as images, and where places of the volume lie on them, in any beam."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ..geometry.grid import Grid
from ..geometry.imaging import LINE_INTEGRAL
from ..geometry.views import Views, parallel_views
from ..method import Measurement
from ..projectors import line_integral, mip
from ..projectors.imaging import fractions


def evenly_spread(count: int, most: int | None = None) -> np.ndarray:
    """Indices of at most so many of some views, first and last among them; None for all."""
    return np.unique(np.linspace(0, count - 1, min(count, most or count)).round().astype(int))


def images(measurement: Measurement, some: np.ndarray) -> np.ndarray:
    """Some of the projections as float32 in [0, 1], (views, i, j).

    Maxima are scaled by the range of all that were given, line integrals as `imaging.fractions`.
    """
    projections = measurement.inputs["projections"]
    if measurement.imaging is not None and measurement.imaging.kind == LINE_INTEGRAL:
        return fractions(projections[some])
    low, high = projections.min(), projections.max()
    return ((projections[some] - low) / max(high - low, 1e-6)).astype(np.float32)


def geometry(measurement: Measurement) -> tuple[Grid, Views]:
    """Grid and views of the projections; voxels are of 1 mm where no grid is known."""
    grid = measurement.grid
    if measurement.views is not None:
        return grid, measurement.views
    grid = Grid(measurement.shape, (1.0, 1.0, 1.0)) if grid is None else grid
    return grid, parallel_views(measurement.angles, grid)


def index_matrices(measurement: Measurement, some: np.ndarray) -> np.ndarray:
    """Projection matrices (views, 3, 4) float32 from voxel indices to detector indices.

    They are homogeneous, as `geometry.views.Views.matrices`.
    """
    grid, views = geometry(measurement)
    to_mm = np.diag([*grid.voxel_size, 1.0])
    to_mm[:3, 3] = grid.first
    return (views[some].matrices @ to_mm).astype(np.float32)


def projected(places: Tensor, matrices: Tensor) -> Tensor:
    """Detector indices (views, points, 2) of places (points, 3) in voxel indices.

    matrices : (views, 3, 4) of `index_matrices`.
    """
    seen = places @ matrices[:, :, :3].transpose(1, 2) + matrices[:, None, :, 3]
    return seen[..., :2] / seen[..., 2:]


def silhouettes(volume: np.ndarray, measurement: Measurement, some: np.ndarray) -> np.ndarray:
    """Where some views show a volume (x, y, z) of at least 0.5, (views, i, j) bool."""
    volume = np.asarray(volume, dtype=np.float32)
    if measurement.views is None:
        return mip.project_max(volume, measurement.angles[some]) >= 0.5
    grid, views = geometry(measurement)
    return line_integral.project_max(volume, grid, views[some]) >= 0.5
