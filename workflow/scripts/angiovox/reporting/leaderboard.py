"""What each method is worth at each number of views, on the same patients, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd

from ..metrics.comparisons import Comparison, compare
from ..metrics.registry import HIGHER, METRICS, Metric
from ..metrics.statistics import by_seed, common_patients, mean_interval, paired_difference

OTSU = "otsu_mask"  # what methods learn from and are tested against, as if it were a method itself
REFERENCES = ("dae", "hull", OTSU)  # the paper's network, plain geometry, and the study's truth
PRIMARY = "iou"  # named beforehand, at `primary_views`
EXACT = {"iou_exact": "iou", "dice_exact": "dice"}
BOUNDS = ("", "_low", "_high")


def primary_views(table: pd.DataFrame) -> int:
    """The view count of the primary comparison: the fewest of several views.

    A single view is what few methods reconstruct from.
    """
    views = table["views"]
    return int(views[views > 1].min())


def leaderboard(per_patient: pd.DataFrame, masks: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every method at every metric and number of views, in long form.

    Parameters
    ----------
    per_patient : method, views, seed, patient, metric, value.
    masks : patient, iou and dice of the study's masks with the exact arteries, of phantoms: rows of
        the method `OTSU`.

    Returns
    -------
    metric, better (higher or lower), views, method; patients and seeds that the mean is over;
    empty, how many reconstructions have no vessel; mean, low, high; rank, rank_low, rank_high. To
    the method with the best mean, and to each of the references: the paired difference with its
    interval, p over all pairs at once, and its mark (`metrics.comparisons`), as difference*,
    versus_dae* ... Metrics that only describe are left out.
    """
    empty = per_patient[per_patient["metric"] == "empty"]
    empty = empty.groupby(["method", "views"])["value"].sum().astype(int).rename("empty")
    if masks is not None:
        per_patient = pd.concat([per_patient, _as_method(masks, per_patient)])
    tables = {key: values for key, values in by_seed(per_patient).items() if len(values)}
    methods = list(dict.fromkeys(per_patient["method"]))
    counts = sorted(per_patient["views"].unique(), reverse=True)
    parts = []
    for name, views in product((name for name in METRICS if METRICS[name].better), counts):
        keys = {method: (name, views, method) for method in methods}
        values = {method: tables[key] for method, key in keys.items() if key in tables}
        if values:
            fixed = {"metric": name, "better": METRICS[name].better, "views": views}
            parts.append(_standings(values, METRICS[name]).assign(**fixed))
    board = pd.concat(parts, ignore_index=True).join(empty, on=["method", "views"])
    first = ["metric", "better", "views", "method", "patients", "seeds", "empty"]
    return board[[*first, *board.columns.drop(first)]].astype({"empty": "Int64"})


def _standings(values: Mapping[str, pd.DataFrame], metric: Metric) -> pd.DataFrame:
    """A row per method, of its patients by seeds."""
    higher = metric.better == HIGHER
    comparison = compare(values, higher)
    ranks = comparison.ranks().to_dict("index")
    names = comparison.methods or list(values)
    best = (max if higher else min)(names, key=lambda name: values[name].to_numpy().mean())
    rows = []
    for name, own in values.items():
        interval = mean_interval(own.to_numpy(), metric.scale)
        row = {"method": name, "patients": len(own), "seeds": own.shape[1]}
        row |= dict(zip(("mean", "low", "high"), interval, strict=True))
        row |= ranks.get(name, dict.fromkeys(("rank", "rank_low", "rank_high"), np.nan))
        row |= _set_against(values, comparison, name, best, "difference")
        for reference in REFERENCES:
            row |= _set_against(values, comparison, name, reference, f"versus_{reference}")
        rows.append(row)
    return pd.DataFrame(rows)


def _set_against(
    values: Mapping[str, pd.DataFrame], comparison: Comparison, name: str, other: str, prefix: str
) -> dict[str, float | str]:
    """A method less another one, on the patients that both have; NaN where there are none."""
    columns = [f"{prefix}{bound}" for bound in BOUNDS]
    row = dict.fromkeys(columns, np.nan)
    if other in values:
        first, second = common_patients(values[name], values[other])
        if len(first):
            row = dict(zip(columns, paired_difference(first, second), strict=True))
    p, mark = comparison.p_value(name, other), comparison.mark(name, other)
    return row | {f"{prefix}_p": p, f"{prefix}_mark": mark}


def _as_method(masks: pd.DataFrame, per_patient: pd.DataFrame) -> pd.DataFrame:
    """The masks' overlap with the exact arteries, the same at every number of views."""
    own = masks[masks["patient"].isin(per_patient["patient"])].set_index("patient")
    rows = [
        (OTSU, views, 1, patient, metric, own.loc[patient, column])
        for views in per_patient["views"].unique()
        for metric, column in EXACT.items()
        for patient in own.index
    ]
    return pd.DataFrame(rows, columns=["method", "views", "seed", "patient", "metric", "value"])
