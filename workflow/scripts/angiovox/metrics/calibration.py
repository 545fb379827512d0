"""Whether a probability of 0.8 is right in 8 of 10 voxels."""

from __future__ import annotations

import numpy as np

from .overlap import chunks

BINS = 10  # equal ones
# Nearly all voxels are background that any method calls background; over those the error would be
# nothing. So it is taken over voxels that somebody holds for vessel, method or truth. A vessel
# below this probability counts, and counts as missed in full.
LEAST = 0.01


def reliability(
    probability: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reliability curve over the voxels with a probability of at least `LEAST`, and the truth's.

    Parameters
    ----------
    probability : (x, y, z) in [0, 1].
    truth : (x, y, z) bool.

    Returns
    -------
    Of each of `BINS` equal bins of probability, the last with 1: number of voxels, their mean
    probability, the share of them that is vessel. The latter two are 0 for a bin without voxels.
    """
    counts, sums, vessels = np.zeros(BINS), np.zeros(BINS), np.zeros(BINS)
    for guess, vessel in chunks(probability, truth):
        judged = (guess >= LEAST) | vessel
        part = guess[judged]
        number = np.minimum((part * BINS).astype(int), BINS - 1)
        counts += np.bincount(number, minlength=BINS)
        sums += np.bincount(number, part, BINS)
        vessels += np.bincount(number, vessel[judged], BINS)
    filled = np.maximum(counts, 1)
    return counts.astype(int), sums / filled, vessels / filled


def expected_error(counts: np.ndarray, means: np.ndarray, shares: np.ndarray) -> float:
    """Expected calibration error of a reliability curve: mean gap of its bins, by their voxels.

    0 without any voxel.
    """
    gaps = counts @ np.abs(means - shares)
    return float(gaps / max(counts.sum(), 1))
