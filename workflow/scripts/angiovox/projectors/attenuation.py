"""Attenuation of X-rays: what a line integral of water and of contrast is, and what noise adds."""

from __future__ import annotations

import numpy as np

# ASSUME: attenuation per mm at about 60 keV, of water and of blood with undiluted contrast.
WATER, CONTRAST = 0.0205, 0.045


def noisy(integrals: np.ndarray, photons: float, seed: int) -> np.ndarray:
    """Line integrals as a subtraction of counted photons has them.

    A frame with contrast is divided by a mask frame and the logarithm taken; both have the noise of
    their counts. Where a pixel counts none, it is taken for one.

    Parameters
    ----------
    integrals : attenuation by contrast, without noise. photons : expected in a pixel of the mask.
    seed : of the noise.

    Returns
    -------
    float32, of the same shape.
    """
    rng = np.random.default_rng(seed)
    mask = rng.poisson(photons, integrals.shape)
    frame = rng.poisson(photons * np.exp(-integrals.astype(np.float64)))
    return np.log(np.maximum(mask, 1) / np.maximum(frame, 1)).astype(np.float32)
