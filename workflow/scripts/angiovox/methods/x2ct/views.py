"""The two orthogonal views of X2CT, brought into the axes of the volume."""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from ...method import Measurement
from ..xray_images import images

# ASSUME: views within 5 degrees of frontal and lateral count as orthogonal ones.
MAX_DEVIATION_DEGREES = 5.0
MIRRORED = (1, 2)  # quarter turns at which the detector runs towards -y, or -x


def orthogonal_pair(measurement: Measurement, edge: int) -> np.ndarray:
    """A frontal and a lateral view, (2, edge, edge) float32: of x and z, and of y and z.

    A view from behind, or from the other side, is mirrored, so that its first axis runs along the
    volume's (`geometry.parallel_beam.rotation_table`).

    Raises InputError for other views than one frontal and one lateral.
    """
    quarters = np.rint(measurement.angles / 90).astype(int)
    off = np.abs(measurement.angles - 90 * quarters)
    if sorted(quarters % 2) != [0, 1] or off.max() > MAX_DEVIATION_DEGREES:
        angles = ", ".join(f"{angle:.4g}" for angle in measurement.angles)
        raise InputError(
            f"X2CT reconstructs from a frontal and a lateral view, at 0 and 90 degrees; these are "
            f"at {angles}"
        )
    views = images(measurement, edge)
    straight = [
        view[::-1] if quarter % 4 in MIRRORED else view
        for view, quarter in zip(views, quarters, strict=True)
    ]
    frontal, lateral = (straight[i] for i in np.argsort(quarters % 2))
    return np.stack([frontal, lateral])
