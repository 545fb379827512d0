"""Random turns, flips, scales and intensities of a training pair, on its device.

A flip that keeps the study's views is the one about the bisector of their arc: it swaps the first
view with the last. The views of the pair move with it, so that its projections stay projections.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

# ASSUME: heads are turned and scaled by no more than patients of one cohort differ; the paper names
# rotations and no range.
TURN_DEGREES = 15.0
LARGEST_SCALE = 1.1
LARGEST_GAIN = 1.1
LARGEST_GAMMA = 1.25


def draw(rng: np.random.Generator, angles: np.ndarray) -> np.ndarray:
    """Draw a change of a pair: (6,) turn in degrees, flips in the plane and along z, scale, gain
    and gamma; all chance comes from `rng`.

    angles : (views,) degrees.
    """
    in_plane, along_z = rng.choice([-1.0, 1.0], 2)
    turn = rng.uniform(-TURN_DEGREES, TURN_DEGREES)
    if in_plane < 0:  # x is mirrored; the turn brings the mirrored arc back onto itself
        turn -= angles[0] + angles[-1]
    factors = [_factor(rng, most) for most in (LARGEST_SCALE, LARGEST_GAIN, LARGEST_GAMMA)]
    return np.array([turn, in_plane, along_z, *factors])


def _factor(rng: np.random.Generator, most: float) -> float:
    """As likely x as 1 / x."""
    return math.exp(rng.uniform(-1, 1) * math.log(most))


def moved_volume(volume: Tensor, change: np.ndarray) -> Tensor:
    """Flip, turn about z and scale (channels, x, y, z) about its centre; 0 comes from outside."""
    turn, in_plane, along_z, scale = change[:4]
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    # Of a voxel's place in the result, the place that it comes from.
    back = np.array([[in_plane * cos, in_plane * sin, 0], [-sin, cos, 0], [0, 0, along_z]]) / scale
    return _sampled(volume, back)


def moved_views(views: Tensor, angles: np.ndarray, change: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """The silhouettes (views, detector, z) of a moved volume, 0 or 1, and their angles."""
    turn, in_plane, along_z, scale = change[:4]
    moved = _sampled(views.float(), np.diag([in_plane, along_z]) / scale)
    return (moved >= 0.5).to(views.dtype), in_plane * angles - turn


def changed_intensity(grey: Tensor, change: np.ndarray) -> Tensor:
    """Values in [0, 1] to the power of gamma, times the gain, within [0, 1]."""
    gain, gamma = change[4:]
    return (grey.pow(float(gamma)) * float(gain)).clamp(0, 1)


def _sampled(tensor: Tensor, back: np.ndarray) -> Tensor:
    """Linear interpolation of (channels, *edges) at places `back` gives, about the centre."""
    half = np.array([max(edge - 1, 1) / 2 for edge in tensor.shape[1:]])
    matrix = back * half / half[:, None]  # in units of half edges
    matrix = matrix[::-1, ::-1].copy()  # PyTorch names the last axis first
    with_shift = np.hstack([matrix, np.zeros((len(matrix), 1))])
    at = torch.from_numpy(with_shift).to(tensor)
    grid = functional.affine_grid(at[None], (1, *tensor.shape), align_corners=True)
    return functional.grid_sample(tensor[None], grid, align_corners=True)[0]
