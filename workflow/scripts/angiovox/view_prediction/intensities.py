"""The range of a patient's projections that networks see as 0 to 1."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..geometry.imaging import LINE_INTEGRAL
from ..method import Measurement
from ..projectors.attenuation import CONTRAST
from ..projectors.imaging import FULL_MM


def intensity_scale(given: Measurement) -> tuple[float, float]:
    """What is 0, and how much more is 1, for the network: of line integrals alike for all patients.

    Maxima have the range of the views that are given. Nothing is clipped.
    """
    if given.imaging is not None and given.imaging.kind == LINE_INTEGRAL:
        return 0.0, FULL_MM * CONTRAST
    low, high = (float(bound(given.inputs["projections"])) for bound in (np.min, np.max))
    return low, max(high - low, 1e-6)


def scaled_projections(views: Measurement, scale: tuple[float, float]) -> np.ndarray:
    """Projections (views, i, j) float32 in units of a scale (see `intensity_scale`)."""
    low, span = scale
    return np.float32((views.inputs["projections"] - low) / span)


def require_parallel_maxima(predictor: str, given: Measurement) -> None:
    """Raise InputError, naming the predictor, for all but maxima of a parallel beam about z."""
    if given.imaging is not None and not given.imaging.is_papers:
        kind, beam = given.imaging.kind, given.imaging.beam
        raise InputError(
            f"{predictor} predicts maxima of a parallel beam, these are of kind {kind} in a {beam} "
            "beam"
        )
