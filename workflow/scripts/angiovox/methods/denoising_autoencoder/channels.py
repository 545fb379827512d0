"""The network's input channels: the grey back-projection, and that of the views' silhouettes."""

from __future__ import annotations

import numpy as np
from skimage.filters import threshold_otsu

from ...errors import InputError
from ...method import Measurement
from ...projectors.backprojection import back_project

CODES = np.float32(65535)  # of which a stored 1 is made


def stacked(measurement: Measurement, channels: str) -> np.ndarray:
    """The network's input, (channels, x, y, z) float32 in [0, 1].

    channels : "grey", the back-projected sum as it is stored; "silhouettes", the share of the views
    in whose silhouette a voxel lies; or "both", in this order.
    """
    parts = []
    if channels in ("grey", "both"):
        stored = measurement.inputs["sum"]
        is_coded = stored.dtype == np.uint16
        parts.append(stored.astype(np.float32) / CODES if is_coded else stored)
    if channels in ("silhouettes", "both"):
        shown = silhouettes(measurement).astype(np.float32)
        total, _ = back_project(shown, measurement.angles, measurement.shape[1])
        parts.append(total / np.float32(len(shown)))
    return np.stack(parts)


def silhouettes(measurement: Measurement) -> np.ndarray:
    """Where the views show a vessel: (views, detector, z) bool.

    Raises InputError for another beam than the parallel one of maxima.
    """
    if measurement.views is not None:
        imaging = measurement.imaging
        raise InputError(
            "dae: projection_weight, and input_channels other than grey, take maxima of a parallel "
            f"beam; this study has kind: {imaging.kind} and beam: {imaging.beam}"
        )
    projections = measurement.inputs["projections"]
    # ASSUME: the paper names a binary thresholding of the images and no method; Otsu's level over
    # all views that were given, as its masks have Otsu's of the volume.
    return projections > threshold_otsu(projections)
