"""The hull's points of one patient on a device, with the views as images of the canvas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..method import Measurement
from .hull_points import HullPoints
from .intensities import intensity_scale, scaled_projections
from .point_images import canvas, image_pyramid

# ASSUME: pixels of 0.3 of the given views' range show a vessel, for the IoU in the training's log.
SHOWN = 0.3


class PointScene:
    """Points, given views and where both meet.

    columns, images : of the given views, (views, n) and (views, 1, i, j) between 0 and 1. rows :
    (n,) of the points. canvas : (i, j) that the networks see, of which the detector is the corner.
    """

    def __init__(self, given: Measurement, level: float, levels: int, device: str = "cpu"):
        self.scale, self.levels, self.device = intensity_scale(given), levels, device
        self.points = HullPoints.of(given, level)
        self.canvas = canvas(self.points.detector, levels - 1)
        self.rows = torch.from_numpy(self.points.voxels[:, 2]).to(device)
        self.columns = self.columns_at(given.angles)
        self.images = self.enlarged(scaled_projections(given, self.scale))

    def columns_at(self, angles: np.ndarray) -> Tensor:
        """Where points fall in views at some angles in degrees, (views, n)."""
        return torch.from_numpy(self.points.columns(angles)).to(self.device)

    def enlarged(self, images: np.ndarray) -> Tensor:
        """Images (views, i, j) on the canvas, (views, 1, i, j); 0 beyond the detector."""
        more = [c - d for c, d in zip(self.canvas, self.points.detector, strict=True)]
        tensor = torch.from_numpy(images)[:, None].to(self.device)
        return functional.pad(tensor, (0, more[1], 0, more[0]))

    def pyramid(self, values: Tensor, columns: Tensor) -> list[Tensor]:
        """Images of the points' values at all scales (see `point_images.image_pyramid`)."""
        return image_pyramid(values, columns, self.rows, self.canvas, self.levels)

    def on_detector(self, images: Tensor) -> Tensor:
        """What lies on the detector of images (views, 1, i, j) of the canvas, (views, i, j)."""
        i, j = self.points.detector
        return images[:, 0, :i, :j]

    def in_units(self, images: Tensor) -> np.ndarray:
        """Images (views, 1, i, j) of the canvas as views (views, i, j) in the patient's units."""
        low, span = self.scale
        return np.float32(low + span * self.on_detector(images).cpu().numpy())


def widths(channels: int, factors: Sequence[int]) -> list[int]:
    """Features of each level of a network."""
    return [channels * factor for factor in factors]
