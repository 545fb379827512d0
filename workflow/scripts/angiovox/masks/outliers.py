"""Voxels far from all others: a coil, a clip or padding, which stretch the histogram of Otsu."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..io.quantization import QuantizedVolume
from .otsu import Quality

PADDED = 0.05  # share of voxels of the lowest value from which on they are padding
TOP = 0.999  # share of voxels that none of the bright ones far out is among
SPREAD = 0.841  # share below a standard deviation above the median, of normal noise
DEVIATIONS = 5.0  # of noise below the median
BEYOND_TOP = 0.5  # of the way from the median to the top, so that no vessel is cut off
FAR = 1.0  # widths of the window


@dataclass(frozen=True)
class Outliers:
    """How many voxels lie far out, the volume's extremes, and a window without them."""

    voxels: int
    extremes: tuple[float, float]
    window: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.extremes
        return (
            f"{self.voxels} of its voxels ({low:g} to {high:g}) lie far from all others: set "
            f"masks.window to [{self.window[0]:g}, {self.window[1]:g}]"
        )


def find(volume: QuantizedVolume) -> Outliers | None:
    """Voxels so far out that Otsu's histogram of 256 bins has few left for the others; None for
    none. Background is taken for half of the voxels at least, what a grid is padded with apart."""
    codes, counts = np.unique(volume.codes, return_counts=True)
    if len(codes) < 2:
        return None
    padded = int(counts[0] > PADDED * volume.codes.size)
    shares = np.cumsum(counts[padded:]) / counts[padded:].sum()

    def quantile(share: float) -> float:
        return volume.dequantized(float(codes[padded + np.searchsorted(shares, share)]))

    median, above, top = quantile(0.5), quantile(SPREAD), quantile(TOP)
    spread = max(above - median, (top - median) / 20)
    window = _rounded(median - DEVIATIONS * spread, top + BEYOND_TOP * (top - median))
    values = volume.dequantized(codes.astype(float))
    extremes = float(values[0]), float(values[-1])
    width = window[1] - window[0]
    if width <= 0 or max(window[0] - extremes[0], extremes[1] - window[1]) < FAR * width:
        return None
    outside = (values < window[0]) | (values > window[1])
    return Outliers(int(counts[outside].sum()), extremes, window)


def explained(quality: Quality, volume: QuantizedVolume, window: Sequence[float] | None) -> Quality:
    """The quality of an implausible mask, with the window that would leave voxels far out aside."""
    found = None if quality.plausible or window is not None else find(volume)
    return replace(quality, reason=f"{quality.reason}; {found}") if found else quality


def _rounded(low: float, high: float) -> tuple[float, float]:
    """Limits in whole hundredths of the next power of ten of their distance, outwards."""
    if high <= low:
        return low, high
    step = 10.0 ** np.floor(np.log10(high - low)) / 10
    return float(np.floor(low / step) * step), float(np.ceil(high / step) * step)
