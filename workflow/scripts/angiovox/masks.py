"""Otsu masks and whether they can be vessels (paper, section 2.1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu

from .errors import InputError

EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)  # 26-connectivity


@dataclass(frozen=True)
class Limits:
    """What a vessel mask may look like; outside them it is called implausible."""

    min_fraction: float
    max_fraction: float
    min_largest_component: float


@dataclass(frozen=True)
class Quality:
    """Figures of one mask; `reason` is empty for a plausible one."""

    threshold: float
    fraction: float
    components: int
    largest_component: float
    plausible: bool
    reason: str

    def as_dict(self) -> dict:
        return asdict(self)


def otsu_mask(volume: np.ndarray) -> tuple[np.ndarray, float]:
    """Binary mask (x, y, z) above Otsu's threshold of the whole volume, and that threshold.

    Raises InputError for a volume with NaN or infinity, or of one value.
    """
    if not np.isfinite(volume).all():
        bad = int(np.size(volume) - np.isfinite(volume).sum())
        raise InputError(f"{bad} of {volume.size} voxels are NaN or infinite")
    if volume.min() == volume.max():
        raise InputError(f"every voxel has the value {float(volume.min()):g}: nothing to segment")
    # ASSUME: Otsu's threshold is scikit-image's; the paper credits scikit-learn, which has none.
    threshold = float(threshold_otsu(volume))
    return volume > threshold, threshold


def assess(mask: np.ndarray, threshold: float, limits: Limits) -> Quality:
    """Foreground fraction and components of a mask, and whether they are plausible for vessels."""
    labels, components = ndimage.label(mask, structure=EVERY_NEIGHBOUR)
    voxels = int(mask.sum())
    largest = int(np.bincount(labels.ravel())[1:].max()) / voxels if components else 0.0
    fraction = voxels / mask.size
    reason = _implausible(fraction, largest, limits)
    return Quality(threshold, fraction, components, largest, not reason, reason)


def _implausible(fraction: float, largest: float, limits: Limits) -> str:
    if fraction > limits.max_fraction:
        return f"foreground {fraction:.1%} is above {limits.max_fraction:.1%}: air, bone or tissue"
    if fraction < limits.min_fraction:
        return f"foreground {fraction:.3%} is below {limits.min_fraction:.3%}: hardly any vessel"
    if largest < limits.min_largest_component:
        return f"largest component holds {largest:.0%} of the mask: scattered, perhaps noise"
    return ""
