"""Volumes and masks of the page, whose slices are looked through."""

from __future__ import annotations

import math

import numpy as np

from .packing import pack, pack_bits

MOST_VOXELS = 10 * 96**3  # of all patients' volumes in the page: about 7 MB
LONGEST_EDGE = 96  # voxels
GREYS = 64
WINDOW = (1.0, 99.8)  # percentiles of the intensities that are black and white


def step_between(shape: tuple[int, ...], patients: int) -> int:
    """Every how many-th voxel along each axis is shown, for the page to stay small."""
    step = max(1, math.ceil(max(shape) / LONGEST_EDGE))
    while patients * math.prod(math.ceil(size / step) for size in shape) > MOST_VOXELS:
        step += 1
    return step


def grey_slices(volume: np.ndarray, step: int) -> dict[str, object]:
    """Every step-th voxel (x, y, z) in `GREYS` levels, and the shape that is shown."""
    shown = volume[::step, ::step, ::step]
    low, high = np.percentile(shown, WINDOW)
    shares = (shown - low) / max(float(high - low), np.finfo(np.float32).tiny)
    greys = np.rint(np.clip(shares, 0, 1) * (GREYS - 1)).astype(np.uint8)
    return {"shape": list(greys.shape), "greys": pack(greys)}


def mask_slices(mask: np.ndarray, step: int) -> str:
    """The same voxels of a mask, packed."""
    return pack_bits(mask[::step, ::step, ::step])
