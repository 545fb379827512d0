"""The leaderboard as data that the page sorts and filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ...metrics.registry import METRICS
from ..leaderboard import OTSU, PRIMARY
from ..leaderboard_page import OTSU_TITLE, best_first

NUMBERS = ("mean", "low", "high", "rank", "rank_low", "rank_high")
DIFFERENCES = ("difference", "difference_low", "difference_high")
COUNTS = ("patients", "empty")
PUBLISHED_TITLE = "Published, on other data (Wu et al. 2023)"


def board_data(
    board: pd.DataFrame,
    published: pd.DataFrame,
    methods: Mapping[str, Mapping[str, str]],
    patient_word: str,
) -> dict[str, Any]:
    """What `board.js` shows.

    board : of `leaderboard.leaderboard`. published : views and iou of the paper's Table 1.
    methods : by name title, family and colour. patient_word : patients or phantoms.
    """
    others = {OTSU: {"title": OTSU_TITLE, "family": "", "colour": ""}}
    present = [name for name in board["method"].unique() if name in methods or name in others]
    metrics = {
        name: _metric(name, part[part["method"].isin(present)], published)
        for name, part in board.groupby("metric", sort=False)
    }
    first = {PRIMARY: metrics.pop(PRIMARY)} if PRIMARY in metrics else {}
    return {
        "metrics": first | metrics,
        "methods": {name: (methods | others)[name] for name in present},
        "views": sorted((int(views) for views in board["views"].unique()), reverse=True),
        "patients": int(board["patients"].max()),
        "patient_word": patient_word,
        "published_title": PUBLISHED_TITLE,
    }


def _metric(name: str, part: pd.DataFrame, published: pd.DataFrame) -> dict[str, Any]:
    known = METRICS[name]
    order = {method: number for number, method in enumerate(best_first(part))}
    rows = [_row(row) for row in part.to_dict("records")]
    unit = f", {known.unit}" if known.unit else ""
    data = {
        "title": f"{known.title}{unit}",
        "better": known.better,
        "rows": sorted(rows, key=lambda row: (order[row["method"]], -row["views"])),
    }
    if name == PRIMARY:
        data["published"] = {int(row.views): float(row.iou) for row in published.itertuples()}
    return data


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    mark = row["difference_mark"]  # NaN where too few patients leave the table's column empty
    data = {"method": row["method"], "views": int(row["views"])}
    data["mark"] = "" if pd.isna(mark) else mark
    data |= {name: _number(row[name]) for name in (*NUMBERS, *DIFFERENCES)}
    data |= {name: None if pd.isna(row[name]) else int(row[name]) for name in COUNTS}
    return data | {"p": _number(row["difference_p"])}


def _number(value: float) -> float | None:
    """JSON has no NaN; all digits, for the page to round once."""
    return None if pd.isna(value) else float(value)
