"""Tables of the study of reconstructions from angiograms: means over subjects, and differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from ..metrics.statistics import mean_interval, paired_difference

POINT = ["series", "point", "group"]  # what rows of one mean have in common
# Bounds in mm between classes of size; the last class is open.
SIZE_CLASSES = {"aneurysm": (3.0, 5.0, 7.0, 10.0), "stenosis": (3.0, 5.0, 8.0)}


def summary(rows: pd.DataFrame, metrics: Iterable[str]) -> pd.DataFrame:
    """Mean of each metric over subjects with its 95 % interval.

    rows : a trial and method each, with series, point, group, subject, method and the metrics.

    Returns
    -------
    series, point, group, method, metric, n (subjects with a number), mean, low, high; low and high
    are NaN where there is no interval.
    """
    found = []
    for keys, part in rows.groupby([*POINT, "method"], sort=False):
        for metric in metrics:
            values = part[metric].dropna().to_numpy() if metric in part else np.zeros(0)
            if len(values):
                numbers = dict(zip(("mean", "low", "high"), mean_interval(values), strict=True))
                known = dict(zip([*POINT, "method"], keys, strict=True))
                found.append({**known, "metric": metric, "n": len(values), **numbers})
    return pd.DataFrame(found)


def differences(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean difference of each pair of methods over the subjects that both have.

    Returns
    -------
    series, point, group, first, second, n, mean (first less second), low, high.
    """
    found = []
    for keys, part in rows.groupby(POINT, sort=False):
        wide = part.pivot(index="subject", columns="method", values=metric)
        for first, second in combinations(dict.fromkeys(part["method"]), 2):
            both = wide[[first, second]].dropna()
            if len(both):
                gap = paired_difference(both[first].to_numpy(), both[second].to_numpy())
                numbers = dict(zip(("mean", "low", "high"), gap, strict=True))
                known = dict(zip(POINT, keys, strict=True))
                found.append({**known, "first": first, "second": second, "n": len(both), **numbers})
    return pd.DataFrame(found)


def lesion_recall(lesions: pd.DataFrame) -> pd.DataFrame:
    """Share of lesions that were found, by kind and class of size.

    lesions : series, point, group, subject, method, kind, size_mm, degree, recall, found. A subject
    has at most one lesion of a kind.

    Returns
    -------
    series, point, group, method, kind, size, n (lesions), found (share of them), recall (mean share
    of their voxels), low, high (95 % interval of that mean).
    """
    table = lesions.assign(size=[_size(*one) for one in lesions[["kind", "size_mm"]].to_numpy()])
    rows = []
    keys = [*POINT, "method", "kind", "size"]
    for key, part in table.groupby(keys, sort=False):
        mean, low, high = mean_interval(part["recall"].to_numpy())
        numbers = {"n": len(part), "found": part["found"].mean()}
        bounds = {"recall": mean, "low": low, "high": high}
        rows.append(dict(zip(keys, key, strict=True)) | numbers | bounds)
    return pd.DataFrame(rows).sort_values(keys, kind="stable", ignore_index=True)


def _size(kind: str, size_mm: float) -> str:
    """Class of a lesion's size in words."""
    bounds = SIZE_CLASSES.get(kind, (0.0,))
    at = int(np.clip(np.searchsorted(bounds, size_mm, side="right") - 1, 0, len(bounds) - 1))
    if at == len(bounds) - 1:
        return f"from {bounds[at]:g} mm"
    return f"{bounds[at]:g} to {bounds[at + 1]:g} mm"


def markdown(
    table: pd.DataFrame, metrics: Mapping[str, str], methods: Mapping[str, str], points: Sequence
) -> str:
    """Means of a series as a Markdown table: a row for each point and method.

    table : of `summary`, of one series and group. metrics, methods : titles by name. points : in
    the order of rows.
    """
    head = ["", "method", "n", *metrics.values()]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for point in points:
        for name, title in methods.items():
            part = table[(table["point"] == point) & (table["method"] == name)]
            if len(part):
                own = part.set_index("metric")
                cells = [interval_text(own.loc[m]) if m in own.index else "" for m in metrics]
                lines.append(f"| {point} | {title} | {part['n'].max()} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def interval_text(row: pd.Series) -> str:
    """A mean with its interval where there is one."""
    if np.isnan(row["low"]):
        return f"{row['mean']:.3f}"
    return f"{row['mean']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
