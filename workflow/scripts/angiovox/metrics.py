"""How well a reconstruction agrees with the truth (paper, section 3)."""

from __future__ import annotations

import numpy as np

from .codes import CHUNK

THRESHOLD = 0.5  # of the probability, inclusive


def binary(probability: np.ndarray) -> np.ndarray:
    """The reconstruction as a mask, bool: at least 0.5 is vessel (paper, section 3)."""
    return probability >= THRESHOLD


def evaluate(probability: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Every metric of one patient.

    Parameters
    ----------
    probability : (x, y, z) in [0, 1]; at least 0.5 counts as vessel.
    truth : (x, y, z) bool.

    Returns
    -------
    iou, dice, pixel_accuracy; mse and mae of the probabilities and of the binary volume. Where
    both volumes are empty, iou and dice are 1: they agree.

    Raises
    ------
    ValueError : shapes differ.
    """
    if probability.shape != truth.shape:
        raise ValueError(f"shapes differ: {probability.shape} and {truth.shape}")
    hits, total, squared, absolute = _sums(probability, truth)
    wrong = (total - 2 * hits) / truth.size
    # ASSUME: the paper's MSE and MAE differ, which binary volumes cannot do, so both are reported
    # on probabilities as well as on binary volumes, where they are one number.
    return {
        "iou": hits / (total - hits) if total else 1.0,
        "dice": 2 * hits / total if total else 1.0,
        "pixel_accuracy": 1 - wrong,
        "mse_probability": squared / truth.size,
        "mae_probability": absolute / truth.size,
        "mse_binary": wrong,
        "mae_binary": wrong,
    }


def _sums(probability: np.ndarray, truth: np.ndarray) -> tuple[int, int, float, float]:
    """Hits, vessel in either volume, and squared and absolute errors, without a copy of either."""
    hits = total = 0
    squared = absolute = 0.0
    chunks = np.nditer(
        (probability, truth),
        flags=["external_loop", "buffered"],
        op_dtypes=[np.float64, bool],
        casting="safe",
        buffersize=CHUNK,
    )
    for guess, vessel in chunks:
        found = binary(guess)
        hits += int(np.count_nonzero(found & vessel))
        total += int(np.count_nonzero(found)) + int(np.count_nonzero(vessel))
        error = guess - vessel
        squared += float(error @ error)
        absolute += float(np.abs(error).sum())
    return hits, total, squared, absolute


def overlap(mask: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """How a mask overlaps with the truth, both (x, y, z) bool: iou, dice, precision, recall.

    A ratio whose denominator is 0 is 1: nothing was asked for and nothing is wrong.

    Raises ValueError when shapes differ.
    """
    if mask.shape != truth.shape:
        raise ValueError(f"shapes differ: {mask.shape} and {truth.shape}")
    hits = int(np.count_nonzero(mask & truth))
    found, wanted = int(np.count_nonzero(mask)), int(np.count_nonzero(truth))
    ratios = {
        "iou": (hits, found + wanted - hits),
        "dice": (2 * hits, found + wanted),
        "precision": (hits, found),
        "recall": (hits, wanted),
    }
    return {name: part / whole if whole else 1.0 for name, (part, whole) in ratios.items()}


def mean_interval(values: np.ndarray, resamples: int, seed: int) -> tuple[float, float, float]:
    """Mean over patients and its bootstrap 95 % percentile interval.

    values : (patients,). One patient, or equal values, give no interval: low and high are NaN
    for one patient and the mean itself for equal values.
    """
    from scipy.stats import bootstrap  # takes longer to import than a volume to evaluate

    values = np.asarray(values, dtype=np.float64)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    result = bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return mean, float(result.confidence_interval.low), float(result.confidence_interval.high)
