"""The opposite view as the mirrored one: exact in a parallel beam, a first guess in a cone beam."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError
from ..method import Context, Measurement
from .predictor import UntrainedPredictor

if TYPE_CHECKING:
    import numpy as np

# ASSUME: views within 5 degrees of 180 degrees apart count as opposite ones.
MAX_DEVIATION_DEGREES = 5.0


class Mirror(UntrainedPredictor):
    """The given view with its detector mirrored. Nothing is learnt."""

    name = "mirror"
    title = "Mirrored view"
    reference = "Symmetry of maxima and line integrals along a line"

    def predict(
        self, state: dict, given: Measurement, wanted: Measurement, context: Context
    ) -> np.ndarray:
        """Mirror the views that are opposite to those that are wanted."""
        return mirrored(given, wanted)


def mirrored(given: Measurement, wanted: Measurement) -> np.ndarray:
    """For each wanted view the given one opposite to it, its detector mirrored: (views, i, j).

    Raises InputError where a wanted view has no opposite one among those given.
    """
    chosen = [_opposite(given.angles, float(angle)) for angle in wanted.angles]
    return given.inputs["projections"][chosen][:, ::-1]


def _opposite(angles: np.ndarray, wanted: float) -> int:
    """Index of the angle that is 180 degrees from the wanted one, in degrees."""
    off = abs((angles - wanted) % 360 - 180)
    if off.min() > MAX_DEVIATION_DEGREES:
        listed = ", ".join(f"{angle:.4g}" for angle in angles)
        raise InputError(
            f"the view at {wanted:.4g} degrees is predicted from the opposite one, at "
            f"{wanted % 360 - 180:.4g} degrees; given are {listed}"
        )
    return int(off.argmin())
