"""Write the tables of docs/dsa.md from a finished study of config/dsa.yaml.

python tools/dsa_page.py dsa/results
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/dsa.md"
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from angiovox.io.table_files import read_table  # noqa: E402
from angiovox_pipeline.config import fill_in  # noqa: E402
from angiovox_pipeline.study import Study  # noqa: E402
from page_parts import put  # noqa: E402

NONE = ""


def titles() -> dict[str, str]:
    """Titles of the study's methods by their entries."""
    config = yaml.safe_load((ROOT / "config/dsa.yaml").read_text(encoding="utf-8"))
    fill_in(config)
    return {name: method.title for name, method in Study.read(config).runs.methods.items()}


def by_views(rows: pd.DataFrame, columns: tuple[str, str, str], sign: str = "") -> str:
    """A row for each method and a column for each number of views: mean and interval."""
    names = titles()
    counts = sorted(rows["views"].unique())
    lines = []
    hard = (name for name in names if not name.startswith("soft_"))  # IoU is that of the hard ones
    for name in (name for name in hard if (rows["method"] == name).any()):
        own = rows[rows["method"] == name].set_index("views")
        cells = (_cell(own.loc[c, list(columns)], sign) if c in own.index else NONE for c in counts)
        lines.append([names[name], *cells])
    heads = ["method", *(f"{count} views" for count in counts)]
    return pd.DataFrame(lines, columns=heads).to_markdown(index=False, disable_numparse=True)


def _cell(values: pd.Series, sign: str) -> str:
    mean, low, high = values
    return NONE if mean != mean else f"{mean:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def main() -> None:
    """Put the tables between their marks in the page."""
    tables = Path(sys.argv[1]) / "tables"
    board = read_table(tables / "leaderboard.csv")
    board = board[(board["metric"] == "iou") & (board["method"] != "otsu_mask")]
    parts = {"iou": by_views(board, ("mean", "low", "high"))}
    beside = read_table(tables / "leaderboard_beside.csv")
    difference = ("difference", "difference_low", "difference_high")
    for title, rows in beside.groupby("beside"):
        parts[title] = by_views(rows[rows["paired"] > 0], difference, "+")
    put(PAGE, parts)


if __name__ == "__main__":
    main()
