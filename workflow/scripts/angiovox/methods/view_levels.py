"""What brightness, or what contrast, stands for vessel in views: found on training patients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from skimage.filters import threshold_otsu

from ..method import Measurement, Training
from ..projectors import line_integral, mip
from .thresholding import best_threshold


def silhouette_level(patients: Training) -> tuple[float, float]:
    """Brightness from which on silhouettes agree best with those of the training masks.

    Returns it with the mean IoU of the silhouettes.
    """
    return best_threshold(_scored(patients))


def brightness(views: Measurement, some: np.ndarray | slice = np.s_[:]) -> np.ndarray:
    """Some of the projections in [0, 1], where 1/2 is the Otsu level of all that were given."""
    # A level of the range would move with a patient's brightest point; Otsu's does not.
    projections = views.inputs["projections"]
    low, otsu = projections.min(), threshold_otsu(projections.ravel())
    scaled = (projections[some] - low) / max(2 * (otsu - low), 1e-6)
    return np.clip(scaled, 0, 1).astype(np.float32)


def contrast_in_masks(patients: Training) -> tuple[float, float]:
    """Attenuation per mm that makes line integrals of the training masks those that were measured.

    Returns it, by least squares over all patients and pixels, with the share of the measured
    variance that it explains.
    """
    products = np.zeros(3)
    for measured, mask in patients:
        seen = line_integral.line_integral(mask, measured.grid, measured.views)
        given = measured.inputs["projections"]
        products += [np.vdot(seen, given), np.vdot(seen, seen), np.vdot(given, given)]
    cross, own, theirs = products
    return float(cross / own), float(cross**2 / (own * theirs))


def _scored(patients: Training) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Brightness of each training patient's views, and the silhouettes of its mask."""
    for views, mask in patients:
        volume = mask.astype(np.float32)
        if views.views is None:
            shadows = mip.project_max(volume, views.angles)
        else:
            shadows = line_integral.project_max(volume, views.grid, views.views)
        yield brightness(views), shadows >= 0.5
