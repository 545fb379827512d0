"""Views of a parallel beam, each spread along its rays into a channel of its own."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...method import Measurement
from ...projectors.torch_projectors import back_project


def scaled_views(measurement: Measurement) -> np.ndarray:
    """The projections, each scaled to [0, 1] by its own range: (views, detector, z) float32.

    Raises InputError for another beam than the parallel one of maxima.
    """
    if measurement.views is not None:
        imaging = measurement.imaging
        raise InputError(
            "self_supervised: it compares maxima along parallel rays slab by slab; this study has "
            f"projection.kind: {imaging.kind} and projection.beam: {imaging.beam}"
        )
    # ASSUME: a view is scaled as a whole, before slabs are cut from it.
    views = measurement.inputs["projections"]
    low, high = (extreme(axis=(1, 2), keepdims=True) for extreme in (views.min, views.max))
    return ((views - low) / np.maximum(high - low, 1e-6)).astype(np.float32)


def spread_views(views: Tensor, angles: np.ndarray, depth: int) -> Tensor:
    """Repeat each view along its rays: (views, x, y, z) of (views, detector, z), 0 where unseen.

    angles : (views,) degrees. depth : of the y axis.
    """
    pairs = zip(views, angles, strict=True)
    return torch.stack([back_project(view[None], [at], depth)[0] for view, at in pairs])
