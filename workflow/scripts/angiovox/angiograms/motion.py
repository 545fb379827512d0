"""Motion of the head between mask and contrast, taken out of a subtracted image.

Where the head moved by less than an edge is wide, the subtraction has what the mask's gradient
times the shift gives. The shift may differ over the image as a turn or a change of distance has
it; vessels, which no gradient of the mask explains, are given less weight from step to step.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SMOOTHING = 1.5  # pixels, standard deviation: noise of the mask is in the subtraction too
STEPS = 6
TUKEY = 4.7  # standard deviations from which on a pixel has no weight (biweight, 95 % efficient)
EVERY = 3  # pixels along either axis that the fit looks at


def without_motion(
    subtracted: np.ndarray, mask: np.ndarray, measured: np.ndarray | None = None
) -> np.ndarray:
    """Take a smooth displacement of the mask, and a constant, out of a subtraction.

    Parameters
    ----------
    subtracted : (i, j) logarithm of the mask less that of the frame with contrast. mask : (i, j)
        logarithm of the mask. measured : (i, j) bool; None for all pixels.

    Returns
    -------
    (i, j) float32; without change where too few pixels were measured.
    """
    known = np.ones(mask.shape, bool) if measured is None else measured
    filled = np.where(known, mask, np.median(mask[known]) if known.any() else 0)
    # Edges of what was not measured are no edges of the head.
    inner = ndimage.binary_erosion(known, iterations=int(4 * SMOOTHING), border_value=1)
    terms = _terms(filled)
    chosen = np.zeros_like(known)
    chosen[::EVERY, ::EVERY] = inner[::EVERY, ::EVERY]
    if chosen.sum() < 10 * len(terms):
        return subtracted.astype(np.float32)
    columns = np.stack([term[chosen] for term in terms], axis=1)
    weights = _fitted(columns, subtracted[chosen])
    model = sum(weight * term for weight, term in zip(weights, terms, strict=True))
    return (subtracted - model * inner - weights[0] * ~inner).astype(np.float32)


def _terms(mask: np.ndarray) -> list[np.ndarray]:
    """A constant, and the gradient along both axes, alone and times either coordinate."""
    places = np.meshgrid(*(np.linspace(-1, 1, edge) for edge in mask.shape), indexing="ij")
    slopes = [ndimage.gaussian_filter(mask, SMOOTHING, order=order) for order in ((1, 0), (0, 1))]
    varying = [slope * place for slope in slopes for place in places]
    return [np.ones_like(mask), *slopes, *varying]


def _fitted(columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weights of columns (n, k) that explain values (n,), but for outliers."""
    scales = np.maximum(np.sqrt(np.mean(columns**2, axis=0)), 1e-12)
    columns = columns / scales
    remaining, weights = values - np.median(values), np.zeros(columns.shape[1])
    for _ in range(STEPS):
        deviation = max(1.4826 * float(np.median(np.abs(remaining))), 1e-12)
        trust = np.clip(1 - (remaining / (TUKEY * deviation)) ** 2, 0, None) ** 2
        weighted = columns * trust[:, None]
        normal = weighted.T @ columns + 1e-6 * len(values) * np.eye(len(weights))
        weights = np.linalg.solve(normal, weighted.T @ values)
        remaining = values - columns @ weights
    return weights / scales
