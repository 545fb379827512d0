"""Means over patients and differences of methods, with 95 % intervals of Student's t.

Patients are the unit. Training seeds, where there are several, are a second crossed factor, so that
an interval speaks of the method trained anew; with one seed it speaks of this trained network. No
percentile bootstrap: of five patients its intervals hold the mean in 84 % of cases, not in 95 %.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from .scales import IDENTITY, bounds

LEAST_PATIENTS = 3  # for an interval; two leave a t of one degree of freedom, 12.7 standard errors
QUANTILE = 0.975
ROUNDING = 1e-12  # of the values' size; what differs less is equal


def mean_interval(values: np.ndarray, scale: str = IDENTITY) -> tuple[float, float, float]:
    """Arithmetic mean over patients (and seeds) and its interval: mean, low, high.

    values : (patients,) or (patients, seeds). scale : where the interval is symmetric (`scales`).

    Below `LEAST_PATIENTS` there is no interval, low and high are NaN; nor is there one of equal
    values, which say nothing about how far others would lie.
    """
    mean = float(np.mean(values))
    error, freedom = standard_error(values)
    if not error > 0:
        return mean, np.nan, np.nan
    reach = float(stdtrit(freedom, QUANTILE)) * error
    return mean, *bounds(mean, reach, scale)


def paired_difference(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Mean difference, first less second, over the same patients, and its interval.

    first, second : as `differences` takes them.
    """
    return mean_interval(differences(first, second))


def unpaired_difference(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Difference of the means of other patients, first less second, and its interval (Welch 1947).

    first, second : (patients,) or (patients, seeds); patients differ, and their number may; the
    seeds are those of the same trainings.

    As of `mean_interval`, there is none below `LEAST_PATIENTS` on either side, nor where neither
    side varies. With several seeds, their part is the variance of the seeds' differences, and what
    is left over after patients and seeds is taken off, as in `standard_error`: a training that is
    good on both sides says nothing about the difference.

    Raises ValueError when the seeds differ in number.
    """
    samples = _two_axes(first), _two_axes(second)
    if samples[0].shape[1] != samples[1].shape[1]:
        raise ValueError(f"not the same seeds: {samples[0].shape[1]} and {samples[1].shape[1]}")
    apart = float(samples[0].mean() - samples[1].mean())
    if min(map(len, samples)) < LEAST_PATIENTS:
        return apart, np.nan, np.nan
    parts = [(values.mean(axis=1).var(ddof=1) / len(values), len(values) - 1) for values in samples]
    of_patients = sum(part for part, _ in parts)
    variance, seeds = of_patients, samples[0].shape[1]
    if seeds > 1:
        by_seed = samples[0].mean(axis=0) - samples[1].mean(axis=0)
        of_seeds = by_seed.var(ddof=1) / seeds
        of_residual = sum(map(_residual, samples))
        parts.append((of_seeds, seeds - 1))
        variance = max(of_patients + of_seeds - of_residual, of_patients, of_seeds)
    size = max(np.abs(values).max() for values in samples)
    if not variance > (ROUNDING * size) ** 2:
        return apart, np.nan, np.nan
    freedom = variance**2 / sum(part**2 / own for part, own in parts)
    reach = float(stdtrit(max(freedom, min(own for _, own in parts)), QUANTILE) * np.sqrt(variance))
    return apart, apart - reach, apart + reach


def _residual(values: np.ndarray) -> float:
    """Variance that the mean, (patients, seeds), has from what neither factor explains."""
    patients, seeds = values.shape
    left = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    return float((left**2).sum() / ((patients - 1) * (seeds - 1)) / values.size)


def differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """First less second, (patients, seeds); 0 where they are equal up to rounding.

    first, second : (patients,) or (patients, seeds), patients in the same order. One seed
    beside several is of a method without anything random: it has the same value at every seed.

    Raises ValueError when their patients, or several seeds of both, differ in number.
    """
    first, second = _two_axes(first), _two_axes(second)
    if len(first) != len(second):
        raise ValueError(f"not the same patients: {len(first)} and {len(second)} values")
    seeds = {first.shape[1], second.shape[1]} - {1}
    if len(seeds) > 1:
        raise ValueError(f"not the same seeds: {first.shape[1]} and {second.shape[1]}")
    apart = first - second
    return np.where(np.abs(apart) <= ROUNDING * np.maximum(abs(first), abs(second)), 0, apart)


def standard_error(values: np.ndarray) -> tuple[float, float]:
    """Standard error of the mean over patients and seeds, and its degrees of freedom.

    values : (patients,) or (patients, seeds).

    With P patients and S > 1 seeds the variance of the mean is that of two crossed random factors,
    var(patients' means) / P + var(seeds' means) / S - residual mean square / (P S), with
    Satterthwaite's degrees of freedom. It is at least that of either factor alone, and the
    degrees of freedom at least those of the smaller factor: the difference may come out near 0.

    (NaN, NaN) below `LEAST_PATIENTS`, and 0 where all values are equal.
    """
    values = _two_axes(values)
    patients, seeds = values.shape
    if patients < LEAST_PATIENTS:
        return np.nan, np.nan
    if np.ptp(values) <= ROUNDING * np.abs(values).max():
        return 0.0, np.nan
    by_patient, by_seed = values.mean(axis=1), values.mean(axis=0)
    of_patients = by_patient.var(ddof=1) / patients
    if seeds == 1:
        return float(np.sqrt(of_patients)), patients - 1
    of_seeds = by_seed.var(ddof=1) / seeds
    cells = (patients - 1) * (seeds - 1)
    residual = values - by_patient[:, None] - by_seed + values.mean()
    of_residual = (residual**2).sum() / cells / values.size
    variance = max(of_patients + of_seeds - of_residual, of_patients, of_seeds)
    parts = of_patients**2 / (patients - 1), of_seeds**2 / (seeds - 1), of_residual**2 / cells
    return float(np.sqrt(variance)), max(variance**2 / sum(parts), min(patients, seeds) - 1)


def by_seed(measured: pd.DataFrame) -> dict[tuple[str, int, str], pd.DataFrame]:
    """Values by (metric, views, method): a row per patient, a column per training seed.

    measured : long form with method, views, seed, patient, metric, value. Patients for whom one of
    a method's seeds has no value are left out of that method's table. Keys are in order of
    appearance.
    """
    keys = ["metric", "views", "method"]
    wide = measured.set_index([*keys, "patient", "seed"])["value"].unstack("seed")
    tables = {}
    for key, rows in wide.groupby(keys, sort=False).indices.items():
        values = wide.to_numpy()[rows]
        seeds = ~np.isnan(values).all(axis=0)
        patients = ~np.isnan(values[:, seeds]).any(axis=1)
        names = wide.index.get_level_values("patient")[rows[patients]]
        tables[key] = pd.DataFrame(values[patients][:, seeds], names, wide.columns[seeds])
    order = measured[keys].drop_duplicates().itertuples(index=False, name=None)
    return {key: tables[key] for key in order}


def common_patients(first: pd.DataFrame, second: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Values of the patients that both tables of `by_seed` have, in the same order."""
    if not first.index.equals(second.index):
        both = first.index.intersection(second.index)
        first, second = first.loc[both], second.loc[both]
    return first.to_numpy(), second.to_numpy()


def _two_axes(values: np.ndarray) -> np.ndarray:
    """(patients, seeds) of float64."""
    values = np.asarray(values, dtype=np.float64)
    return values.reshape(len(values), -1)
