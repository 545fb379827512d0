"""How much contrast a voxel holds, as a subtraction of a mask frame would leave it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from ..io.quantization import QuantizedVolume


def contrast_share(
    volume: QuantizedVolume, mask: np.ndarray, window: Sequence[float] | None = None
) -> np.ndarray:
    """Share of undiluted contrast in each voxel, (x, y, z) float32.

    1 is the mean intensity of the vessel mask, 0 the median of all that is not vessel; voxels
    outside the window, such as bone, are taken for subtracted and have 0. Noise stays on both sides
    of 0.

    Parameters
    ----------
    volume : (x, y, z). mask : of vessels, of the same shape. window : as in `otsu.otsu_mask`.

    Raises
    ------
    InputError : the mask has no voxel, or all.
    """
    if mask.all() or not mask.any():
        raise InputError("a mask without voxels, or of all, tells no contrast from the rest")
    values = volume.values()
    counts = ~mask
    if window is not None:
        inside = (values >= window[0]) & (values <= window[1])
        counts &= inside
    # ASSUME: what lies around vessels has no contrast, and vessels on average are full of it.
    background = np.median(values[counts]) if counts.any() else values.min()
    share = (values - background) / np.float32(values[mask].mean() - background)
    return share if window is None else np.where(inside, share, np.float32(0))
