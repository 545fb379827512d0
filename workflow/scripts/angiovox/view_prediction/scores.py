"""How near predicted views are to views that were taken."""

from __future__ import annotations

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ..metrics.overlap import ratios

SIGMA = 1.5  # pixels of SSIM's Gaussian window (Wang et al. 2004, section III.B)


def view_scores(
    found: np.ndarray, truth: np.ndarray, full_scale: float, vessel: float
) -> dict[str, float]:
    """PSNR in dB, SSIM, and Dice of the pixels that show a vessel.

    Parameters
    ----------
    found, truth : (i, j), at least 11 pixels along each axis.
    full_scale : the range of values that PSNR and SSIM relate errors to, alike for all patients.
    vessel : the least value of a pixel that shows one.

    PSNR is infinite where both are equal. Source of SSIM: Wang et al., IEEE Trans Image Process
    13(4), 2004.

    Raises ValueError when shapes differ.
    """
    if found.shape != truth.shape:
        raise ValueError(f"shapes differ: {found.shape} and {truth.shape}")
    window = {"gaussian_weights": True, "sigma": SIGMA, "use_sample_covariance": False}
    with np.errstate(divide="ignore"):
        psnr = peak_signal_noise_ratio(truth, found, data_range=full_scale)
    return {
        "psnr": float(psnr),
        "ssim": float(structural_similarity(truth, found, data_range=full_scale, **window)),
        "dice": ratios(found >= vessel, truth >= vessel)["dice"],
    }
