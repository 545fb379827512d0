"""Volumes as 16-bit codes: what files hold, and what back-projection sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVELS = 65535  # the largest code
FRACTION = float(np.float32(1 / LEVELS))  # slope of values in [0, 1]; NIfTI has 32 bits for it
CHUNK = 2**16  # voxels in work at a time: they stay in the processor's cache


@dataclass(frozen=True)
class QuantizedVolume:
    """A volume as codes * slope + intercept; codes are uint16 from 0 to 65,535.

    Files that others wrote may hold other numbers, which are read as codes all the same.
    """

    codes: np.ndarray
    slope: float = FRACTION
    intercept: float = 0.0

    def values(self) -> np.ndarray:
        """Float32, in the same order of axes in memory."""
        return dequantize(self.codes, self.slope, self.intercept)

    @property
    def is_fractions(self) -> bool:
        """Whether the codes stand for values in [0, 1], 65,535 for 1."""
        return self.codes.dtype == np.uint16 and (self.slope, self.intercept) == (FRACTION, 0)

    def dequantized(self, code: float) -> float:
        """What a code stands for, or a place between two codes."""
        return code * self.slope + self.intercept

    def code_of(self, value: float) -> float:
        """The code that stands for a value, or its place between two codes."""
        return float((value - self.intercept) / self.slope)


def quantize(volume: np.ndarray) -> QuantizedVolume:
    """The nearest codes of finite values; the lowest value has code 0. Keeps the order of axes.

    Whole numbers that fit are exact: their slope is a power of 1/2, and they span half of all codes
    at least, so that interpolated ones lose little. Otherwise codes span the range of the values,
    and the largest error is 1 / 131,070 of it, beside float32's own. An array of uint16 is taken
    for codes already.

    Raises ValueError for NaN or infinity.
    """
    if volume.dtype == np.uint16:
        return QuantizedVolume(volume, slope=1.0)
    low, high = float(volume.min()), float(volume.max())
    if not np.isfinite([low, high]).all():  # NaN, where there is one, is both
        raise ValueError("a volume with NaN or infinity cannot be encoded")
    span = high - low
    if span <= LEVELS and all(np.array_equal(c, np.rint(c)) for c in chunks(volume)):
        slope = 0.5 ** int(np.log2(LEVELS / max(span, 1)))
    else:
        slope = span / LEVELS if span else 1.0
    return QuantizedVolume(_rounded(volume, slope, low), slope, low)


def requantize(volume: QuantizedVolume, values: np.ndarray) -> QuantizedVolume:
    """Codes of values that are in a volume's own codes, such as maxima of them."""
    inner = quantize(values)
    intercept = volume.dequantized(inner.intercept)
    return QuantizedVolume(inner.codes, inner.slope * volume.slope, intercept)


def quantize_fractions(volume: np.ndarray) -> QuantizedVolume:
    """Codes of values in [0, 1], of which 65,535 stands for 1; the largest error is 1 / 131,070.

    Raises ValueError for values outside [0, 1] or NaN.
    """
    low, high = float(volume.min()), float(volume.max())
    if not (low >= 0 and high <= 1):
        raise ValueError(f"values from {low} to {high}, expected [0, 1]")
    return QuantizedVolume(_rounded(volume, 1 / LEVELS, 0.0))


def dequantize(stored: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """stored * slope + intercept, float32, in the same order of axes. May lie in a mapped file."""
    values = np.empty_like(stored, dtype=np.float32, subok=False)
    for part, source in zip(chunks(values), chunks(stored), strict=True):
        part[:] = source.astype(np.float64) * slope + intercept
    return values


def _rounded(volume: np.ndarray, slope: float, low: float) -> np.ndarray:
    codes = np.empty_like(volume, dtype=np.uint16, subok=False)
    for part, source in zip(chunks(codes), chunks(volume), strict=True):
        part[:] = np.rint((source.astype(np.float64) - low) / slope)
    return codes


def chunks(array: np.ndarray):
    """Pieces of an array in its own order: views of it, where it lies in one piece."""
    flat = np.asarray(array).ravel(order="K")
    return (flat[start : start + CHUNK] for start in range(0, flat.size, CHUNK))
