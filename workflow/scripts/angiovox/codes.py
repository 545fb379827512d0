"""Volumes as 16-bit codes: what files hold, and what back-projection sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVELS = 65535  # the largest code
CHUNK = 2**20  # voxels encoded at a time: no copy of the whole in 32 bits


@dataclass(frozen=True)
class Codes:
    """A volume as codes * slope + intercept; codes are uint16 from 0 to 65,535."""

    codes: np.ndarray
    slope: float
    intercept: float


def encode(volume: np.ndarray) -> Codes:
    """The nearest codes of finite values; the lowest value has code 0. Keeps the order of axes.

    Whole numbers that fit keep a slope of 1 and are exact. Otherwise the codes span the range of
    the values, and the largest error is 1 / 131,070 of it, beside float32's own. An array of uint16
    is taken for codes already.

    Raises ValueError for NaN or infinity.
    """
    if volume.dtype == np.uint16:
        return Codes(volume, 1.0, 0.0)
    low, high = float(volume.min()), float(volume.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("a volume with NaN or infinity cannot be encoded")
    whole = high - low <= LEVELS and low.is_integer() and _all_whole(volume)
    slope = 1.0 if whole or high == low else (high - low) / LEVELS
    codes = np.empty_like(volume, dtype=np.uint16, subok=False)
    flat, source = codes.ravel(order="K"), volume.ravel(order="K")
    for start in range(0, flat.size, CHUNK):
        part = source[start : start + CHUNK].astype(np.float64)
        flat[start : start + CHUNK] = np.rint((part - low) / slope)
    return Codes(codes, slope, low)


def _all_whole(volume: np.ndarray) -> bool:
    flat = volume.ravel(order="K")
    chunks = (flat[start : start + CHUNK] for start in range(0, flat.size, CHUNK))
    return all(np.array_equal(chunk, np.rint(chunk)) for chunk in chunks)


def decode(codes: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Values of codes, float32, in the same order of axes. Codes may lie in a mapped file."""
    values = np.empty_like(codes, dtype=np.float32, subok=False)
    flat, source = values.ravel(order="K"), codes.ravel(order="K")
    for start in range(0, flat.size, CHUNK):
        part = source[start : start + CHUNK].astype(np.float64)
        flat[start : start + CHUNK] = part * slope + intercept
    return values
