"""Whether a probability of 0.8 is right in 8 of 10 voxels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..training.temperature import fit_temperatures, logit_counts
from .overlap import chunks

BINS = 10  # equal ones


def reliability(
    probability: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reliability curve over all voxels.

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
    for part, vessel in chunks(probability, truth):
        number = np.minimum((part * BINS).astype(int), BINS - 1)
        counts += np.bincount(number, minlength=BINS)
        sums += np.bincount(number, part, BINS)
        vessels += np.bincount(number, vessel, BINS)
    filled = np.maximum(counts, 1)
    return counts.astype(int), sums / filled, vessels / filled


def expected_error(counts: np.ndarray, means: np.ndarray, shares: np.ndarray) -> float:
    """Calibration error of a reliability curve, in voxels for each voxel of vessel.

    It is the sum over bins of |expected - true number of vessel voxels|, by the true number: 0 for
    probabilities that are right on average in each bin, 1 for a volume of zeros. A mean over all
    voxels, the usual expected calibration error, is next to nothing here, for nearly all are
    background; one over voxels above some probability overlooks a faint haze that adds up to more
    than all vessels. By 1 where the truth is empty.
    """
    gaps = counts @ np.abs(means - shares)
    return float(gaps / max(counts @ shares, 1))


def calibrate(examples: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """Fit temperatures on patients held back from training, and measure what they are worth.

    examples : of each patient, of whom there is one at least, the probabilities and the mask.

    Returns
    -------
    vessel, background : the temperatures, of all patients. patients : how many. error : their mean
    calibration error before. error_calibrated : after, each patient with temperatures of the
    others; None for one alone.
    """
    counts = [logit_counts(*example) for example in examples]
    whole = sum(counts)
    fitted = fit_temperatures(whole)
    after = [
        _error(fit_temperatures(whole - own).calibrated(probability), truth)
        for own, (probability, truth) in zip(counts, examples, strict=True)
    ]
    return {
        "vessel": fitted.vessel,
        "background": fitted.background,
        "patients": len(examples),
        "error": float(np.mean([_error(*example) for example in examples])),
        "error_calibrated": float(np.mean(after)) if len(examples) > 1 else None,
    }


def _error(probability: np.ndarray, truth: np.ndarray) -> float:
    return expected_error(*reliability(probability, truth))
