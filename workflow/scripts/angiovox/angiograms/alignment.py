"""Where a trial's truth lies for a method that looks from other places than the C-arm stood at.

Angiograms say nothing of a rigid motion that all views share: a patient and a C-arm that are moved
together look the same. So a result is compared with the truth where the views that it was made
from show it best, and no method is charged for what no angiogram could tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..geometry.grid import Grid
from ..geometry.views import Views
from ..metrics.lesions import Sphere, placed
from ..metrics.overlap import binary
from ..phantoms.lesion_placement import Lesion
from ..vessels.graph import Arteries
from ..vessels.voxelize import occupancy
from .trials import Trial

MOST_POINTS = 400  # of the arteries, for the motion between two sets of views


@dataclass(frozen=True, eq=False)
class Truth:
    """What a reconstruction is compared with, in the axes of the views that it was made from.

    share : (x, y, z) float32 of artery in each voxel. arteries : about the isocentre, mm. lesions :
    as planted; spheres : where they lie in the grid. motion : (6,) from the arteries' own axes,
    rotation vector in radians and translation in mm.
    """

    share: np.ndarray
    arteries: Arteries
    lesions: tuple[Lesion, ...]
    spheres: tuple[Sphere, ...]
    grid: Grid
    motion: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        """Voxels (x, y, z) bool that are artery by half or more."""
        return binary(self.share)


def truth(trial: Trial, views: Views | None = None) -> Truth:
    """What a trial shows, where a method that has looked from some views would see it.

    views : those that the method took for the C-arm's, calibrated or not; None for those of the
        header.
    """
    views = trial.angiograms.views if views is None else views
    grid = trial.grid
    motion = shared_motion(points_within(trial.arteries.points, grid), trial.true_views, views)
    arteries = replace(trial.arteries, points=moved(trial.arteries.points, motion))
    share, _ = occupancy(arteries.moved(-np.asarray(grid.centre)), grid.shape, grid.voxel_size[0])
    positions = [moved(np.array([one.position]), motion)[0] for one in trial.lesions]
    records = [
        {"position": position, "measures": one.measures}
        for position, one in zip(positions, trial.lesions, strict=True)
    ]
    spheres = tuple(placed(records, grid.affine))
    return Truth(share, arteries, trial.lesions, spheres, grid, motion)


def shared_motion(points: np.ndarray, true: Views, views: Views) -> np.ndarray:
    """Rigid motion (6,) of points after which other views see them nearest to where the true ones
    did: rotation vector in radians and translation in mm, least squares over detector pixels.

    points : (n, 3) mm; all views see them from before the source.
    """
    from scipy.optimize import least_squares

    seen = true.project(points)

    def apart(motion: np.ndarray) -> np.ndarray:
        return (views.project(moved(points, motion * SCALE)) - seen).ravel()

    return least_squares(apart, np.zeros(6), method="lm").x * SCALE


# A radian moves the field's rim as far as 50 mm do: unknowns of one size.
SCALE = np.array([1 / 50] * 3 + [1.0] * 3)


def moved(points: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Points (n, 3) after a rigid motion (6,) about the origin."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(motion[:3]).apply(points) + motion[3:]


def points_within(points: np.ndarray, grid: Grid, most: int = MOST_POINTS) -> np.ndarray:
    """At most so many of points (n, 3) in mm that lie in a grid, evenly in their order."""
    index = grid.to_index(points)
    inside = points[((index >= 0) & (index <= np.array(grid.shape) - 1)).all(axis=1)]
    return inside[:: -(-max(len(inside), 1) // most)]
