"""What can be said of methods from a few patients: intervals, paired differences, ranks.

Patients are the unit. Every interval is the 95 % percentile interval of a bootstrap over patients,
and every method sees the same resamples.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

PERCENTILES = (2.5, 97.5)


def resamples_of(patients: int, resamples: int, seed: int) -> np.ndarray:
    """Indices of patients drawn with replacement, (resamples, patients)."""
    return np.random.default_rng(seed).integers(0, patients, (resamples, patients))


def mean_interval(values: np.ndarray, resamples: int, seed: int) -> tuple[float, float, float]:
    """Mean over patients and its interval: mean, low, high.

    values : (patients,). One patient gives no interval: low and high are NaN.
    """
    mean, low, high = _with_intervals(np.asarray(values, dtype=np.float64), resamples, seed)
    return float(mean), float(low), float(high)


def paired_difference(
    first: np.ndarray, second: np.ndarray, resamples: int, seed: int
) -> tuple[float, float, float]:
    """Mean difference, first less second, over the same patients, and its interval.

    first, second : (patients,), in the same order. One patient gives no interval: NaN.

    Raises ValueError when their lengths differ.
    """
    if np.shape(first) != np.shape(second):
        raise ValueError(f"not the same patients: {np.shape(first)} and {np.shape(second)} values")
    return mean_interval(np.subtract(first, second), resamples, seed)


def by_patient(measured: pd.DataFrame, metric: str, views: int) -> pd.DataFrame:
    """Values of one metric at one number of views: a row per method, a column per patient.

    measured : long form with method, views, seed, patient, metric, value. Seeds of a training are
    averaged within a patient. Patients for whom a method has no value are left out.
    """
    chosen = measured[(measured["metric"] == metric) & (measured["views"] == views)]
    wide = chosen.pivot_table(index="method", columns="patient", values="value", aggfunc="mean")
    return wide.reindex(chosen["method"].unique()).dropna(axis=1)


def standings(values: pd.DataFrame, higher: bool, resamples: int, seed: int) -> pd.DataFrame:
    """Where each method stands at one metric and number of views.

    Parameters
    ----------
    values : a row per method, a column per patient (`by_patient`).
    higher : whether higher values are better.

    Returns
    -------
    A row per method: mean, low, high; rank, rank_low, rank_high (1 is best, of equal means the
    average rank); difference, difference_low, difference_high to the method with the best mean, on
    the same patients; and tied, whether that method is not shown to be better: the
    difference's interval holds 0, or there is none (one patient: NaN).

    Raises
    ------
    ValueError : no method, or no patient that all methods have.
    """
    if not values.size:
        raise ValueError(f"nothing to compare: {len(values)} methods, {values.shape[1]} patients")
    given = values.to_numpy(dtype=np.float64)
    better = given if higher else -given
    best = int(np.argmax(better.mean(axis=1)))
    differences = _with_intervals(given - given[best], resamples, seed)
    table = {
        **dict(zip(("mean", "low", "high"), _with_intervals(given, resamples, seed), strict=True)),
        **_ranks(better, resamples, seed),
        "difference": differences[0],
        "difference_low": differences[1],
        "difference_high": differences[2],
        "tied": ~((differences[1] > 0) | (differences[2] < 0)),
    }
    return pd.DataFrame(table, index=values.index)


def _ranks(better: np.ndarray, resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Ranks of methods by their mean, and their interval, from (methods, patients)."""
    low, high = _interval(rankdata(-_means(better, resamples, seed), axis=0), better.shape[-1])
    return {"rank": rankdata(-better.mean(axis=-1)), "rank_low": low, "rank_high": high}


def _with_intervals(
    values: np.ndarray, resamples: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means over the last axis, patients, with their intervals."""
    low, high = _interval(_means(values, resamples, seed), values.shape[-1])
    return values.mean(axis=-1), low, high


def _means(values: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Means over each resample of the patients, (..., resamples)."""
    return values[..., resamples_of(values.shape[-1], resamples, seed)].mean(axis=-1)


def _interval(draws: np.ndarray, patients: int) -> np.ndarray:
    """Low and high of the last axis; NaN where one patient leaves nothing to resample."""
    low_high = np.percentile(draws, PERCENTILES, axis=-1)
    return low_high if patients > 1 else np.full_like(low_high, np.nan)
