"""Write the tables of docs/future_work.md from the results of config/future_work.yaml.

python tools/future_work.py results
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/future_work.md"
sys.path[:0] = [str(ROOT / "workflow/scripts"), str(ROOT / "benchmarks")]

from ablation import what_each_brought  # noqa: E402
from angiovox.io.table_files import read_table  # noqa: E402
from angiovox.metrics.comparisons import LEVEL  # noqa: E402
from angiovox.metrics.registry import METRICS  # noqa: E402
from angiovox.metrics.statistics import mean_interval  # noqa: E402
from page_parts import put  # noqa: E402

CONFIG = yaml.safe_load((ROOT / "config/future_work.yaml").read_text(encoding="utf-8"))
VARIANTS = [name for name, given in CONFIG["methods"].items() if given]
ENTRIES = ["dae", *VARIANTS]
# The paper's proposal is a grey channel beside the thresholded images, so that pair is compared.
REFERENCES = dict.fromkeys(VARIANTS, "dae") | {"dae_both": "dae_silhouettes"}
SEED = 1
BESIDE = {"cldice": 3, "projection_dice": 3, "open_edges": 5, "shells": 1, "shells_error": 1}
NOTHING = "not measured"


def measured(results: Path) -> pd.DataFrame:
    """All values there are: columns method, views, patient, metric, value."""
    files = [
        results / f"metrics/{entry}/views-{views}/seed-{SEED}.csv"
        for entry in ENTRIES
        for views in CONFIG["view_counts"]
    ]
    tables = [read_table(path) for path in files if path.exists()]
    if not tables:
        raise SystemExit(f"{results}: no metrics of {', '.join(ENTRIES)}")
    return pd.concat(tables, ignore_index=True)


def tables(table: pd.DataFrame) -> str:
    """IoU and what each option brought, at each view count; other metrics at the fewest views."""
    counts = sorted(CONFIG["view_counts"])
    return "\n\n".join([_iou(table, counts), _beside(table, counts[0])])


def _iou(table: pd.DataFrame, counts: list[int]) -> str:
    rows = [{"entry": f"`{name}`", "compared with": _reference(name)} for name in ENTRIES]
    for views in counts:
        own = table[(table["metric"] == "iou") & (table["views"] == views)]
        iou = own.pivot_table(index="patient", columns="method", values="value")
        brought = what_each_brought(iou, REFERENCES)
        for name, row in zip(ENTRIES, rows, strict=True):
            found = brought.get(name)
            mark = found.mark if found else ""
            row[f"IoU, {views} views"] = f"{iou[name].mean():.3f}{mark}" if name in iou else NOTHING
            text = f"{found.interval}, p {found.p:.3f}" if found else ""
            row[f"difference, {views} views"] = text
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)


def _reference(name: str) -> str:
    return f"`{REFERENCES[name]}`" if name in REFERENCES else ""


def _beside(table: pd.DataFrame, views: int) -> str:
    rows = []
    for name in ENTRIES:
        own = table[(table["method"] == name) & (table["views"] == views)]
        cells = {
            METRICS[metric].title: _mean(own[own["metric"] == metric]["value"], metric, digits)
            for metric, digits in BESIDE.items()
        }
        rows.append({f"entry, {views} views": f"`{name}`"} | cells)
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)


def _mean(values: pd.Series, metric: str, digits: int) -> str:
    """Mean with its interval, where there is one."""
    if values.empty:
        return NOTHING
    mean, low, high = mean_interval(values.to_numpy(), METRICS[metric].scale)
    interval = "" if pd.isna(low) else f" ({low:.{digits}f} to {high:.{digits}f})"
    return f"{mean:.{digits}f}{interval}"


def section(results: Path) -> str:
    """What stands between the page's marks."""
    table, day = measured(results), f"{datetime.now(UTC):%d %B %Y}".lstrip("0")
    return f"""Written on {day}. Phantoms, not patients: n = {table["patient"].nunique()} test
phantoms of the default cohort, training seed {SEED}, so that a row speaks of this trained network.

{tables(table)}

Means over the phantoms. Differences are of the same phantoms, with 95 % intervals of Student's t
for that row alone; p is by sign flips of the phantoms with the largest |t| over all differences of
a column. Rows with p of at most {LEVEL} are marked as better (▲) or worse (▼)."""


def main(results: Path) -> None:
    """Write the section into the page."""
    put(PAGE, {"results": section(results)})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
