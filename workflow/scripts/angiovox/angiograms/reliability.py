"""Probabilities that are right on average where views decide nothing.

A straight line through logits (Platt 1999, Probabilistic outputs for support vector machines):
monotone, so that no order changes, and two numbers, which patients held back from training fix.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

LARGEST, BINS = 12.0, 1200  # of |logit|; beyond, a probability is as good as 0 or 1
SLOPES = (0.05, 20.0)


@dataclass(frozen=True)
class LogitScale:
    """Logits become slope * logit + offset; 1 and 0 change nothing. The slope is positive."""

    slope: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not (self.slope > 0 and np.isfinite([self.slope, self.offset]).all()):
            raise ValueError(f"a slope of {self.slope} and an offset of {self.offset}")

    def applied(self, probability: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, float32, of the same shape; 0 and 1 stay."""
        from scipy.special import expit, logit

        score = logit(np.asarray(probability, np.float64))
        return expit(self.slope * score + self.offset).astype(np.float32)

    def as_dict(self) -> dict[str, float]:
        """Both numbers, for a file of JSON."""
        return asdict(self)


def load_scale(path: str | Path, views: int) -> LogitScale:
    """The scale of a view count from a file {"2": {"slope": ..., "offset": ...}, ...}; of a count
    that the file lacks, that of the nearest."""
    found = json.loads(Path(path).read_text(encoding="utf-8"))
    nearest = min(found, key=lambda count: abs(int(count) - views))
    return LogitScale(**found[nearest])


def fit_scale(examples: Iterable[tuple[np.ndarray, np.ndarray]]) -> LogitScale:
    """Find the scale under which truths are likeliest.

    Parameters
    ----------
    examples : of each patient, probabilities and whether it is vessel (bool), of its undecided
        voxels alone. 0, 1 and what is as good as those is left out.

    Raises
    ------
    ValueError : no voxel of vessel, or none but vessel, among them.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    counts = sum((logit_counts(*example) for example in examples), np.zeros((2, BINS), int))
    if not counts.any(axis=1).all():
        raise ValueError("a scale needs voxels of vessel and of background to be fitted to")
    middles = (np.arange(BINS) + 0.5) * (2 * LARGEST / BINS) - LARGEST
    empty, vessel = counts / counts.sum()

    def surprise(numbers: np.ndarray) -> tuple[float, np.ndarray]:
        score = np.exp(numbers[0]) * middles + numbers[1]
        cost = vessel @ np.logaddexp(0, -score) + empty @ np.logaddexp(0, score)
        slope = (vessel + empty) * expit(score) - vessel
        return float(cost), np.array([slope @ middles * np.exp(numbers[0]), slope.sum()])

    bounds = [tuple(np.log(SLOPES)), (-LARGEST, LARGEST)]
    options = {"ftol": 1e-14, "gtol": 1e-10}
    log_slope, offset = minimize(
        surprise, np.zeros(2), jac=True, bounds=bounds, method="L-BFGS-B", options=options
    ).x
    return LogitScale(float(np.exp(log_slope)), float(offset))


def logit_counts(probability: np.ndarray, vessel: np.ndarray) -> np.ndarray:
    """Count voxels (2, BINS) by whether they are vessel (0, 1) and by bin of their logit."""
    from scipy.special import logit

    score = logit(np.asarray(probability, np.float64).ravel())
    within = np.abs(score) < LARGEST
    number = ((score[within] + LARGEST) * (BINS / (2 * LARGEST))).astype(int)
    number += BINS * np.asarray(vessel, bool).ravel()[within]
    return np.bincount(number, minlength=2 * BINS).reshape(2, BINS)
