"""Write the tables of docs/field.md, or docs/per_patient.md, from a finished study of that config.

python tools/field_page.py results [field | per_patient]
python tools/field_page.py dsa/results [field_dsa | per_patient_dsa]    those on line integrals
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from angiovox.io.table_files import read_table  # noqa: E402
from method_pages import RESULTS, config, cost, stored, study  # noqa: E402
from page_parts import put  # noqa: E402

PRIMARY = 2  # views
COSTS = {"field": ("to train", "fit"), "per_patient": ("a patient", "reconstruct")}
DSA = "_dsa"  # ends the names of studies on line integrals, whose costs are not stored
METRICS = {
    "iou": ("IoU", 3),
    "cldice": ("clDice", 3),
    "assd_mm": ("mean surface distance (mm)", 2),
    "projection_dice": ("Dice of the views", 3),
}
MARKS = {"better": " ▲", "worse": " ▼"}


def at_two_views(board: pd.DataFrame, name: str) -> str:
    """A row for each method: metrics with intervals, the difference to the visual hull, and cost.

    name : of the study's file in config/, whose own methods have their cost here.
    """
    rows = board[board["views"] == PRIMARY].set_index(["metric", "method"])
    ranked = rows.loc["iou"].sort_values("mean", ascending=False)
    heads, costs = _costs(name)
    lines = []
    for method in (one for one in ranked.index if one in study() and _is_hard(one)):
        cells = [_at(rows, (metric, method), digits) for metric, (_, digits) in METRICS.items()]
        spent = [costs.get(method, "")] if heads else []
        lines.append([_title(name, method), *cells, _versus(ranked.loc[method]), *spent])
    heads = ["method", *(title for title, _ in METRICS.values()), "IoU less the hull's", *heads]
    return pd.DataFrame(lines, columns=heads).to_markdown(index=False, disable_numparse=True)


def _costs(name: str) -> tuple[list[str], dict[str, str]]:
    """The head of a column of costs, and what each method of a study costs at two views."""
    if name not in RESULTS:
        return [], {}
    head, job = COSTS[name]
    return [head], {
        row["method"]: cost(row[f"{job}_seconds"], row[f"{job}_mb"])
        for row in stored(name)[1]
        if row["views"] == str(PRIMARY)
    }


def by_views(board: pd.DataFrame, name: str) -> str:
    """IoU of a row for each method in a column for each number of views."""
    rows = board[board["metric"] == "iou"].set_index(["method", "views"])
    counts = sorted(rows.index.get_level_values("views").unique())
    lines = [
        [_title(name, method), *(_at(rows, (method, count), 3) for count in counts)]
        for method in study()
        if _is_hard(method) and method in rows.index.get_level_values("method")
    ]
    heads = ["method", *(f"{count} views" if count > 1 else "1 view" for count in counts)]
    return pd.DataFrame(lines, columns=heads).to_markdown(index=False, disable_numparse=True)


def _title(name: str, method: str) -> str:
    """A method's title in a study: that of its own file, or of the files before."""
    return (config(name)["methods"].get(method) or {}).get("title", study()[method].title)


def _is_hard(name: str) -> bool:
    """Whether it is no variant that differs in its probabilities alone."""
    return not name.startswith("soft_")


def _at(rows: pd.DataFrame, key: tuple, digits: int) -> str:
    """A cell; empty where there is no such row, as of distances where all volumes are empty."""
    return _cell(rows.loc[key], digits) if key in rows.index else ""


def _cell(row: pd.Series, digits: int) -> str:
    mean, low, high = row[["mean", "low", "high"]]
    if mean != mean:
        return ""
    interval = f" ({low:.{digits}f} to {high:.{digits}f})" if low == low else ""
    return f"{mean:.{digits}f}{interval}"


def _versus(row: pd.Series) -> str:
    keys = ("versus_hull", "versus_hull_low", "versus_hull_high")
    mean, low, high = (row[key] for key in keys)
    if mean != mean or low != low:
        return ""
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f}){MARKS.get(row['versus_hull_mark'], '')}"


def main() -> None:
    """Put the tables between their marks in the page."""
    board = read_table(Path(sys.argv[1]) / "tables/leaderboard.csv")
    board = board[board["method"] != "otsu_mask"]
    name = sys.argv[2] if len(sys.argv) > 2 else "field"
    page, prefix = name.removesuffix(DSA), "line integrals, " if name.endswith(DSA) else ""
    tables = {
        f"{prefix}two views": at_two_views(board, name),
        f"{prefix}all views": by_views(board, name),
    }
    put(ROOT / f"docs/{page}.md", tables)


if __name__ == "__main__":
    main()
