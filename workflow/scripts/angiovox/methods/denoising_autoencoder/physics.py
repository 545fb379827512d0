"""Terms of the loss that know of X-rays and of vessels: projections, and radii within a range.

Radii alone, and not curvatures. Along a centreline a curvature needs the order of its points, which
a skeleton gives and no gradient passes. The mean curvature of the probability's level sets has a
gradient, but of a tube it is half the inverse radius, which is penalised already, and second
differences of arteries one or two voxels wide measure the voxels' stairs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...projectors.torch_projectors import project_max

# ASSUME: the paper speaks of a dictionary of valid vessel geometries; here it is a range of radii,
# each measured over 9 voxels, without the thinnest and the widest hundredth of a training mask.
PROB_EPS = 1e-4  # probabilities stay this far from 0 and 1
WINDOW = 9  # voxels that a local radius is measured over, along each axis
LEAST_RADIUS = 0.1  # voxels; what is empty has a logarithm too
SHARE = 0.01  # of a mask's voxels that lie below the range of radii, and above it


def projection_loss(probability: Tensor, silhouettes: Tensor, angles: np.ndarray) -> Tensor:
    """Mean cross-entropy of the probabilities' maxima along the rays and of silhouettes.

    probability : (x, y, z). silhouettes : (views, detector, z), 0 and 1. angles : (views,) degrees.
    """
    maxima = project_max(probability, angles).clamp(PROB_EPS, 1 - PROB_EPS)
    return functional.binary_cross_entropy(maxima, silhouettes.to(maxima.dtype))


def local_radius(probability: Tensor) -> Tensor:
    """Twice the volume by the surface within a window: of a tube its radius, in voxels.

    probability : (x, y, z). The surface is the total variation, which a blur does not change
    (coarea formula). Returns (x, y, z), from `LEAST_RADIUS` to `WINDOW`.
    """
    squares = torch.full_like(probability, 1e-8)
    for axis in range(3):  # replicated: what the field cuts has no surface there
        first = probability.narrow(axis, 0, 1)
        last = probability.narrow(axis, probability.shape[axis] - 1, 1)
        wide = torch.cat([first, probability, last], dim=axis)
        ahead = wide.narrow(axis, 2, probability.shape[axis])
        behind = wide.narrow(axis, 0, probability.shape[axis])
        squares = squares + ((ahead - behind) / 2).square()
    volume, surface = _windowed(probability), _windowed(squares.sqrt())
    return (2 * volume / surface).clamp(LEAST_RADIUS, WINDOW)


def _windowed(tensor: Tensor) -> Tensor:
    """Means over windows of `WINDOW`, one axis after the other; outside counts nothing."""
    result = tensor[None]
    for axis in range(3):
        kernel = [WINDOW if axis == other else 1 for other in range(3)]
        margin = [edge // 2 for edge in kernel]
        result = functional.avg_pool3d(result, kernel, 1, margin, count_include_pad=False)
    return result[0]


@dataclass(frozen=True)
class RadiusRange:
    """The local radii, in voxels, that the vessels of the training patients have."""

    least: float
    most: float

    @classmethod
    def of(cls, masks: Iterable[np.ndarray]) -> RadiusRange:
        """The widest range over masks (x, y, z), each without the `SHARE` at both its ends.

        Raises ValueError where all masks are empty.
        """
        ends = []
        for mask in masks:
            if mask.any():
                radius = local_radius(torch.from_numpy(mask.astype(np.float32))).numpy()
                ends.append(np.quantile(radius[mask], [SHARE, 1 - SHARE]))
        if not ends:
            raise ValueError("geometry_weight: no training mask has a vessel to measure")
        return cls(float(np.min(ends)), float(np.max(ends)))

    def loss(self, probability: Tensor) -> Tensor:
        """Mean over the vessel of the squared logarithm of how far a radius is out of range.

        probability : (x, y, z).
        """
        radius = local_radius(probability)
        thin = (self.least / radius).log().clamp(min=0)
        wide = (radius / self.most).log().clamp(min=0)
        return (probability * (thin + wide).square()).sum() / probability.sum().clamp(min=PROB_EPS)
