"""Where metrics rank methods alike, and which prefer a result that has lost more of the vessels.

A result *has lost vessels* against another one of the same patient where that one finds more of the
true centreline and no smaller share of what it shows is true. A metric that prefers the first would
mislead: nothing that a surgeon looks for is better in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from .registry import LOWER, METRICS
from .scales import LOGIT
from .statistics import mean_interval

OF_SLICES = ("slice_psnr_db", "slice_ssim", "slice_gmsd")
OF_PROJECTIONS = ("projection_psnr_db", "projection_ssim", "projection_gmsd")
OF_MASKS = ("pixel_accuracy", "iou", "nsd_1mm", "cldice")
FOUND, REAL = "topology_sensitivity", "topology_precision"
OF_VESSELS = (FOUND, "centreline_recall_thin", "lesion_recall", REAL)
COMPARED = (*OF_SLICES, *OF_PROJECTIONS, *OF_MASKS, *OF_VESSELS)
TRADITIONAL = ("slice_psnr_db", "slice_ssim")  # by which a misleading pair is chosen to be shown
# ASSUME: vessels are lost from 0.02 of the centreline on; below, the thinning may decide.
LEAST_LOSS = 0.02
DECIMALS = 12  # what differs less is equal


@dataclass(frozen=True)
class MisleadingPair:
    """Two results of a patient: PSNR and SSIM of slices prefer one, which has lost vessels."""

    patient: str
    preferred: str
    better: str


def oriented(per_patient: pd.DataFrame, methods: Sequence[str], views: int) -> pd.DataFrame:
    """Values of the metrics that are compared, mean over seeds, higher always better.

    per_patient : method, views, seed, patient, metric, value.

    Returns a row per metric and patient whom all the methods have, a column per method, in the
    order of `COMPARED` and `methods`. Methods without any value are left out, metrics too.
    """
    rows = per_patient[(per_patient["views"] == views) & per_patient["metric"].isin(COMPARED)]
    table = rows[rows["method"].isin(methods)]
    values = table.groupby(["metric", "patient", "method"])["value"].mean().unstack("method")
    values = values.reindex(columns=[name for name in methods if name in values]).dropna()
    order = pd.Index(COMPARED).get_indexer(values.index.get_level_values("metric"))
    values = values.iloc[np.argsort(order, kind="stable")]
    lower = values.index.get_level_values("metric").map(lambda name: METRICS[name].better == LOWER)
    return values.mul(np.where(lower, -1.0, 1.0), axis=0).round(DECIMALS)


def ranks(values: pd.DataFrame) -> pd.DataFrame:
    """Rank of each method's mean over patients by each metric: 1 is best, equal means share.

    values : as `oriented` returns them. Returns a row per metric, a column per method.
    """
    means = values.groupby(level="metric", sort=False).mean().round(DECIMALS)
    return means.rank(axis=1, ascending=False)


def kendall(ranked: pd.DataFrame) -> pd.DataFrame:
    """Kendall's tau-b between the ranks of the methods by each two metrics, (metrics, metrics).

    ranked : as `ranks` returns them. NaN where a metric has all methods equal, or there is one.
    """
    rows = ranked.to_numpy()
    taus = [[_tau(first, second) for second in rows] for first in rows]
    return pd.DataFrame(taus, ranked.index, ranked.index)


def misled(values: pd.DataFrame) -> pd.DataFrame:
    """How often each metric prefers, of two results of a patient, the one that has lost vessels.

    values : as `oriented` returns them.

    Returns a row per metric: patients that have such pairs, pairs, those of which the metric
    prefers the wrong result (wrong), and the mean over patients of their share with its 95 %
    interval (share, low, high); NaN without any pair.
    """
    lost = {patient: pair for patient, pair in _lost(values).items() if pair.any()}
    return pd.DataFrame(
        {metric: _wrong(part.droplevel("metric"), lost) for metric, part in _by_metric(values)}
    ).T.astype({"patients": int, "pairs": int, "wrong": int})


def summary(values: pd.DataFrame) -> pd.DataFrame:
    """A row per metric: its title, methods, patients, what `misled` and `kendall` say of it.

    values : as `oriented` returns them. Kendall's tau with the metric x is in the column tau_x.
    """
    ranked, wrong = ranks(values), misled(values)
    measured = values.groupby(level="metric", sort=False).size()
    known = pd.DataFrame(
        {
            "title": [METRICS[name].title for name in ranked.index],
            "methods": ranked.shape[1],
            "patients": measured.reindex(ranked.index),
        },
        ranked.index,
    )
    wrong = wrong.rename(columns={"patients": "patients_with_pairs"})
    return known.join(wrong).join(kendall(ranked).add_prefix("tau_")).reset_index()


def of_patient(values: pd.DataFrame, patient: str) -> pd.DataFrame:
    """The values of one patient as they are measured: a row per metric, a column per method."""
    own = values.xs(patient, level="patient")
    return own.mul([-1.0 if METRICS[name].better == LOWER else 1.0 for name in own.index], axis=0)


def worst_pair(values: pd.DataFrame) -> MisleadingPair | None:
    """The pair with the largest loss of centreline of those that PSNR and SSIM order wrongly.

    Both of slices prefer the result that has lost vessels. None where there is no such pair.
    """
    tables = {metric: part.droplevel("metric") for metric, part in _by_metric(values)}
    if not {FOUND, REAL, *TRADITIONAL} <= set(tables):
        return None
    worst, choice = 0.0, None
    for patient, lost in _lost(values).items():
        if not all(patient in tables[metric].index for metric in TRADITIONAL):
            continue
        for metric in TRADITIONAL:
            lost = lost & (_gaps(tables[metric].loc[patient]) > 0)
        loss = np.where(lost, -_gaps(tables[FOUND].loc[patient]), 0)
        if loss.max(initial=0) > worst:
            worst = loss.max()
            first, second = np.unravel_index(loss.argmax(), loss.shape)
            choice = MisleadingPair(patient, values.columns[first], values.columns[second])
    return choice


def _by_metric(values: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [*values.groupby(level="metric", sort=False)]


def _gaps(row: pd.Series) -> np.ndarray:
    """Value of the row's method less that of the column's, (methods, methods)."""
    values = row.to_numpy()
    return values[:, None] - values[None, :]


def _lost(values: pd.DataFrame) -> dict[str, np.ndarray]:
    """By patient whether the row's method has lost vessels against the column's."""
    metrics = values.index.get_level_values("metric")
    if not {FOUND, REAL} <= set(metrics):
        return {}
    found, real = values.loc[FOUND], values.loc[REAL]
    return {
        patient: (_gaps(found.loc[patient]) <= -LEAST_LOSS) & (_gaps(real.loc[patient]) <= 0)
        for patient in found.index.intersection(real.index)
    }


def _wrong(table: pd.DataFrame, lost: dict[str, np.ndarray]) -> dict[str, float]:
    patients = [patient for patient in lost if patient in table.index]
    pairs = [int(lost[patient].sum()) for patient in patients]
    wrong = [int((lost[p] & (_gaps(table.loc[p]) > 0)).sum()) for p in patients]
    counts = {"patients": len(patients), "pairs": sum(pairs), "wrong": sum(wrong)}
    if not patients:
        return counts | dict.fromkeys(("share", "low", "high"), np.nan)
    shares = np.array(wrong) / np.array(pairs)
    return counts | dict(zip(("share", "low", "high"), mean_interval(shares, LOGIT), strict=True))


def _tau(first: np.ndarray, second: np.ndarray) -> float:
    return float(kendalltau(first, second).statistic) if len(first) > 1 else np.nan
