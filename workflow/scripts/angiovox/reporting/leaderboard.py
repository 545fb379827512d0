"""What each method is worth at each number of views, on the same patients, and how sure that is."""

from __future__ import annotations

from itertools import product

import pandas as pd

from ..metrics.registry import HIGHER, METRICS
from ..metrics.statistics import by_patient, paired_difference, standings

REFERENCES = ("dae", "hull")  # the paper's network, and plain geometry
BOUNDS = ("", "_low", "_high")


def leaderboard(per_patient: pd.DataFrame, resamples: int, seed: int) -> pd.DataFrame:
    """Every method at every metric and number of views, in long form.

    Parameters
    ----------
    per_patient : method, views, seed, patient, metric, value.
    resamples, seed : of the bootstrap over patients.

    Returns
    -------
    metric, better (higher or lower), views, method, patients, seeds; all columns of
    `metrics.statistics.standings`; and for each of the references the method's paired difference to
    it, with its interval. Metrics that only describe are left out, and so are patients that one of
    the methods has no value for.
    """
    seeds = per_patient.groupby("method")["seed"].nunique()
    parts = []
    measured = set(per_patient["metric"])
    judged = {name: METRICS[name] for name in METRICS if METRICS[name].better and name in measured}
    counts = sorted(per_patient["views"].unique(), reverse=True)
    for (name, metric), views in product(judged.items(), counts):
        values = by_patient(per_patient, name, views)
        if values.size:
            table = standings(values, metric.better == HIGHER, resamples, seed)
            for reference in REFERENCES:
                table = table.join(_set_against(values, reference, resamples, seed))
            fixed = {"metric": name, "better": metric.better, "views": views}
            parts.append(table.assign(**fixed, patients=values.shape[1], seeds=seeds).reset_index())
    board = pd.concat(parts, ignore_index=True)
    first = ["metric", "better", "views", "method", "patients", "seeds"]
    return board[[*first, *board.columns.drop(first)]]


def _set_against(values: pd.DataFrame, reference: str, resamples: int, seed: int) -> pd.DataFrame:
    """Each method less the reference; NaN where it is not included."""
    columns = [f"versus_{reference}{bound}" for bound in BOUNDS]
    if reference not in values.index:
        return pd.DataFrame(float("nan"), values.index, columns)
    theirs = values.loc[reference].to_numpy()
    rows = [paired_difference(ours, theirs, resamples, seed) for ours in values.to_numpy()]
    return pd.DataFrame(rows, values.index, columns)
