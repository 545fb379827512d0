"""What attenuates X-rays beside contrast: heads without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..geometry.grid import Grid
from ..projectors.attenuation import WATER
from ..vessels.graph import Pose
from .head import Head, plain_ct

HEAD_MM, HEAD_VOXEL = 225.0, 1.5  # edge of the head's grid and of its voxels
HEAD_BLUR = 1.0  # voxels, standard deviation: steps of bone would show where the head moves
# ASSUME: around arteries that come without a head lies an ellipsoid of water of a head's size, the
# isocentre in its middle: a beam as weak as behind a head, without bone.
WATER_HEAD = (80.0, 97.0, 90.0)  # mm, half axes (x, y, z)


@dataclass(frozen=True, eq=False)
class Background:
    """Attenuation per mm (x, y, z) on its grid."""

    volume: np.ndarray
    grid: Grid


def phantom_head(pose: Pose, seed: int) -> Background:
    """A phantom's head as CT has it."""
    grid = _grid(pose.origin)
    units = plain_ct(Head.draw(np.random.default_rng([seed, 3]), pose), *_axes(grid))
    units = ndimage.gaussian_filter(np.maximum(units + 1000, 0), HEAD_BLUR)
    return Background(units * np.float32(WATER / 1000), grid)


def water_head() -> Background:
    """An ellipsoid of water about the isocentre."""
    grid = _grid(np.zeros(3))
    squares = [(axis / half) ** 2 for axis, half in zip(_axes(grid), WATER_HEAD, strict=True)]
    inside = (sum(squares) <= 1).astype(np.float32)
    return Background(ndimage.gaussian_filter(inside, HEAD_BLUR) * np.float32(WATER), grid)


def _grid(centre: np.ndarray) -> Grid:
    count = int(HEAD_MM / HEAD_VOXEL)
    return Grid((count,) * 3, (HEAD_VOXEL,) * 3, tuple(map(float, centre)))


def _axes(grid: Grid) -> list[np.ndarray]:
    """Places of voxels in mm along each axis, as broadcastable arrays."""
    axes = [grid.first[axis] + HEAD_VOXEL * np.arange(grid.shape[axis]) for axis in range(3)]
    return np.meshgrid(*[axis.astype(np.float32) for axis in axes], indexing="ij", sparse=True)
