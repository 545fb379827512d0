"""Views of a method's volume of probabilities, as bright as the views that were given."""

from __future__ import annotations

import numpy as np

from ..method import Measurement
from ..projectors.mip import project_max


def rendered(volume: np.ndarray, given: Measurement, wanted: Measurement) -> np.ndarray:
    """Maximum projections of a volume (x, y, z) at the wanted angles: (views, i, j) float32.

    given : the views that the volume was made from, which say how bright its values are: with the
    line that least squares draws from the volume's projections at their angles to them.
    """
    # ASSUME: the brightness of a method's probability follows from a line fitted to the given
    # views; no method says how bright its voxels are.
    known = project_max(volume, given.angles).ravel().astype(np.float64)
    truth = given.inputs["projections"].ravel().astype(np.float64)
    spread = known - known.mean()
    varies = np.vdot(spread, spread)
    slope = float(np.vdot(spread, truth) / varies) if varies > 0 else 0.0
    offset = truth.mean() - slope * known.mean()
    return np.float32(offset + slope * project_max(volume, wanted.angles))
