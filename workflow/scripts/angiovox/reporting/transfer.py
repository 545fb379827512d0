"""What methods are worth on other patients than their study's: means, and how far they fall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ..metrics import statistics
from ..metrics.registry import METRICS
from ..metrics.statistics import by_seed, mean_interval, unpaired_difference
from .leaderboard import primary_views
from .tables import with_interval

COMPARED = ("iou", "dice", "cldice", "iou_exact")  # the first at each number of views in `markdown`
COLUMNS = (
    *("metric", "views", "method", "group", "patients", "seeds", "empty"),
    *("mean", "low", "high", "gap", "gap_low", "gap_high", "gap_share"),
)
NONE = "–"  # noqa: RUF001
HOW_TO_READ = """\
- **Means.** Arithmetic, over the n patients of a group that a heading names, with a 95 % interval
  by Student's t over patients in logit units, transformed back. {seeds}
- **Gaps.** The mean of the {own} less that of the group, so that a method that does worse on the
  group has a gap above 0; with a 95 % interval of Welch's t for two samples, and as a share of the
  mean of the {own}. The patients are different ones, so nothing is paired. Anatomy, imaging and
  masks all have a part in a gap. Intervals are of one gap each and not corrected for how many there
  are.
- **Truth.** IoU, Dice and clDice are with the Otsu mask of each patient's own volume, IoU with the
  exact arteries where these are known.
- No interval below {least} patients. An empty reconstruction counts as 0."""
ONE_SEED = "With one training seed a trained method's mean is that of this trained network."
SEEDS = (
    "With {count} training seeds a trained method's mean is over all of them, and intervals\n"
    "  are for new patients and new trainings."
)


def transfer_table(
    per_patient: pd.DataFrame, groups: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Every method at every number of views on each group of patients, in long form.

    Parameters
    ----------
    per_patient : method, views, seed, patient, metric, value, of all groups.
    groups : by name, `patients`; the first is what the others are compared with.

    Returns
    -------
    metric, views, method, group; patients and seeds that the mean is over; empty, how many
    reconstructions have no vessel; mean, low, high; gap, gap_low, gap_high, of the first group's
    mean less this one's, and gap_share, of the first group's mean. What a group has no value of,
    such as exact arteries, has no row.
    """
    own = {name: _of(per_patient, group["patients"]) for name, group in groups.items()}
    empty = {name: _empty(part) for name, part in own.items()}
    tables = {name: by_seed(part[part["metric"].isin(COMPARED)]) for name, part in own.items()}
    first, *_ = groups
    keys = dict.fromkeys(key for values in tables.values() for key in values)
    rows = []
    for metric, views, method in sorted(keys, key=_place(per_patient)):
        for name, values in tables.items():
            found = values.get((metric, views, method))
            if found is None or found.empty:
                continue
            row = {"metric": metric, "views": views, "method": method, "group": name}
            row |= {"patients": len(found), "seeds": found.shape[1]}
            row["empty"] = empty[name][method, views]
            interval = mean_interval(found.to_numpy(), METRICS[metric].scale)
            row |= dict(zip(("mean", "low", "high"), interval, strict=True))
            at_home = tables[first].get((metric, views, method))
            if name != first and at_home is not None and len(at_home):
                row |= _gap(at_home, found)
            rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _of(per_patient: pd.DataFrame, patients: list[str]) -> pd.DataFrame:
    return per_patient[per_patient["patient"].isin(patients)]


def _empty(part: pd.DataFrame) -> pd.Series:
    rows = part[part["metric"] == "empty"]
    return rows.groupby(["method", "views"])["value"].sum().astype(int)


def _place(per_patient: pd.DataFrame) -> Any:
    """Key of an order: metrics as in `COMPARED`, most views first, methods as they come."""
    methods = [*dict.fromkeys(per_patient["method"])]
    return lambda key: (COMPARED.index(key[0]), -key[1], methods.index(key[2]))


def _gap(at_home: pd.DataFrame, found: pd.DataFrame) -> dict[str, float]:
    gap, low, high = unpaired_difference(at_home.to_numpy(), found.to_numpy())
    mean = float(at_home.to_numpy().mean())
    share = gap / mean if mean else float("nan")
    return {"gap": gap, "gap_low": low, "gap_high": high, "gap_share": share}


def markdown(
    table: pd.DataFrame,
    groups: Mapping[str, Mapping[str, Any]],
    titles: Mapping[str, str],
    note: str,
) -> str:
    """The tables that matter most, one below the other.

    table, groups : as of `transfer_table`, a group with its `title`. titles : of methods.
    """
    first, *_ = groups
    seeds = int(table["seeds"].max())
    read = HOW_TO_READ.format(
        seeds=ONE_SEED if seeds == 1 else SEEDS.format(count=seeds),
        own=groups[first]["title"],
        least=statistics.LEAST_PATIENTS,
    )
    parts = ["# Transfer to other patients", f"{note[0].upper()}{note[1:]}.", read]
    for (metric, views), part in _sections(table):
        parts += [f"## {METRICS[metric].title} at {views} views", _section(part, groups, titles)]
    return "\n\n".join(parts) + "\n"


def _sections(table: pd.DataFrame) -> Iterator[tuple[tuple[str, int], pd.DataFrame]]:
    """The primary metric at every number of views, fewest first; the others at the fewest
    of several views."""
    fewest = primary_views(table)
    for metric in COMPARED:
        for views in sorted(table["views"].unique()):
            part = table[(table["metric"] == metric) & (table["views"] == views)]
            if len(part) and (metric == COMPARED[0] or views == fewest):
                yield (metric, views), part


def _section(
    part: pd.DataFrame, groups: Mapping[str, Mapping[str, Any]], titles: Mapping[str, str]
) -> str:
    first, *_ = groups
    rows = []
    for method in dict.fromkeys(part["method"]):
        row = {"method": titles[method]}
        own = part[part["method"] == method].set_index("group")
        for name, group in groups.items():
            count = part.loc[part["group"] == name, "patients"].max()
            if count != count:
                continue
            found = own.loc[name] if name in own.index else None
            row[f"{group['title']} (n = {count:.0f})"] = NONE if found is None else _mean(found)
            if name != first:
                row[f"gap to {group['title']}"] = NONE if found is None else _fall(found)
        rows.append(row)
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)


def _mean(row: pd.Series) -> str:
    empty = f", {row['empty']} empty" if row["empty"] else ""
    return with_interval(row["mean"], row["low"], row["high"]) + empty


def _fall(row: pd.Series) -> str:
    if row["gap"] != row["gap"]:
        return NONE
    share = "" if row["gap_share"] != row["gap_share"] else f", {100 * row['gap_share']:.0f} %"
    return with_interval(row["gap"], row["gap_low"], row["gap_high"]) + share
