"""Projections as square images in [0, 1], for networks that go from images to a cube of voxels.

Such a network has one edge, in pixels and in voxels. A study's cubes, of an edge that can be halved
often enough, come through unchanged.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..method import Measurement

DARKEST_RANGE = 1e-6  # of a view without contrast, which is then black


def network_edge(shape: tuple[int, ...], halvings: int) -> int:
    """The least edge that holds a volume and stays at 2 or more after a number of halvings."""
    stride = 2**halvings
    return stride * max(2, -(-max(shape) // stride))


# ASSUME: each view is scaled to [0, 1] by its own range, line integrals and maxima alike: X2CT
# divides each X-ray by its largest value, and the darkest of a maximum projection is not 0.
def images(measurement: Measurement, edge: int) -> np.ndarray:
    """The views, (views, edge, edge) float32, the detector along the first axis, z the second."""
    views = measurement.inputs["projections"].astype(np.float32)
    low, high = (bound(views, axis=(1, 2), keepdims=True) for bound in (np.min, np.max))
    return resized((views - low) / np.maximum(high - low, DARKEST_RANGE), (edge, edge))


def cube(mask: np.ndarray, edge: int) -> np.ndarray:
    """A mask on the network's grid, (edge, edge, edge) float32: 1 for vessel, 0 for the rest."""
    return (resized(mask.astype(np.float32)[None], 3 * (edge,))[0] >= 0.5).astype(np.float32)


# ASSUME: what such networks see and give of other grids, and of a C-arm's detector, is resampled
# linearly over the whole field of view; X2CT resizes its X-rays and volumes.
def resized(stack: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A stack of images or volumes, linearly resampled over the same field of view."""
    if stack.shape[1:] == shape:
        return stack
    mode = "bilinear" if len(shape) == 2 else "trilinear"
    return functional.interpolate(torch.from_numpy(stack)[:, None], shape, mode=mode)[:, 0].numpy()


def probabilities(found: Tensor, shape: tuple[int, int, int]) -> np.ndarray:
    """A network's cube, (1, 1, edge, edge, edge), as probabilities of a patient's shape."""
    found = found.float().clamp(0, 1).cpu()
    return resized(found[0].numpy(), shape)[0]
