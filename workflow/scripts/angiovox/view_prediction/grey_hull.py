"""The visual hull in grey, seen from the wanted angles: a bound, and no fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..method import Context, Measurement
from .predictor import UntrainedPredictor

if TYPE_CHECKING:
    import numpy as np


class GreyHull(UntrainedPredictor):
    """Maximum projection of the minimum of back-projections. Nothing is learnt.

    A maximum along a ray bounds each voxel on it, so that a view of the minimum over views bounds
    the true view from above, up to interpolation.
    """

    name = "grey_hull"
    title = "Visual hull in grey"
    reference = "A maximum bounds each voxel of its ray"

    def predict(
        self, state: dict, given: Measurement, wanted: Measurement, context: Context
    ) -> np.ndarray:
        """Back-project the given views, and project their minimum."""
        from ..projectors.backprojection import back_project
        from ..projectors.mip import project_max
        from .intensities import require_parallel_maxima

        require_parallel_maxima(self.name, given)
        depth = given.shape[1]
        bound = back_project(given.inputs["projections"], given.angles, depth)[1]
        return project_max(bound, wanted.angles)
