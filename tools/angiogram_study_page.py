"""Write the tables and the figure of docs/angiogram_study.md from its stored trials.

python tools/angiogram_study_page.py          from benchmarks/angiogram_study*.csv
python tools/angiogram_study_page.py OUT ...  and before, put the series of finished runs of
                                              benchmarks/angiogram_study.py there, for those that
                                              stand there; a series that has several runs is named
                                              once for each, and takes the methods of all
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from angiovox.figures import angiogram_study as figures  # noqa: E402
from angiovox.io.table_files import read_table  # noqa: E402
from angiovox.reporting import angiogram_study as tables  # noqa: E402
from page_parts import put  # noqa: E402

PAGE = ROOT / "docs/angiogram_study.md"
TRIALS = ROOT / "benchmarks/angiogram_study.csv"
LESIONS = ROOT / "benchmarks/angiogram_study_lesions.csv"
REFERENCE, POSE = "reference", "pose"
TITLES = {
    "hull": "Visual hull",
    "sirt": "SIRT with support",
    "hull-calibrated": "Visual hull, calibrated",
    "sirt-calibrated": "SIRT, calibrated",
    "network": "Network",
    "network-calibrated": "Network, calibrated",
}
FAMILIES = {"hull": "Visual hull", "network": "U-Net"}
METRICS = {
    "dice": ("Dice", 3),
    "cldice": ("clDice", 3),
    "assd_mm": ("mean surface distance (mm)", 2),
    "hd95_mm": ("HD95 (mm)", 1),
    "missed": ("missed share of the arteries", 3),
    "centreline_recall": ("centreline found", 3),
    "radius_error_mm": ("radius error where found (mm)", 2),
    "radius_error_share": ("radius error where found (share)", 3),
    "spurious_parts": ("spurious parts above 10 mm³", 1),
}
PLURALS = {"aneurysm": "aneurysms", "stenosis": "stenoses"}


def parts(means: pd.DataFrame) -> dict[str, str]:
    """The tables that the page has a place for."""
    recall = tables.lesion_recall(stored_table(LESIONS))
    places = re.findall(r"<!-- (reference|series): (\w+) -->", PAGE.read_text(encoding="utf-8"))
    return {
        f"{kind}: {name}": reference(means, recall, name)
        if kind == REFERENCE
        else series(means, name)
        for kind, name in places
    }


def reference(means: pd.DataFrame, lesions: pd.DataFrame, group: str) -> str:
    """A row for each metric and for lesions by size, a column for each method."""
    rows = means[(means["series"] == REFERENCE) & (means["group"] == group)]
    rows = rows.set_index(["metric", "method"]).sort_index()
    methods = [method for method in TITLES if ("dice", method) in rows.index]
    lines = [
        [title, *(_cell(rows.loc[(metric, method)], digits) for method in methods)]
        for metric, (title, digits) in METRICS.items()
    ]
    found = lesions[lesions["group"] == group].set_index(["kind", "method", "size"]).sort_index()
    for kind, plural in PLURALS.items():
        sizes = list(dict.fromkeys(found.loc[kind].index.get_level_values("size")))
        title = f"{plural} found, of {', '.join(sizes)}"
        lines.append([title, *(_found(found.loc[(kind, method)], sizes) for method in methods)])
    return _markdown(["", *(TITLES[method] for method in methods)], lines)


def series(means: pd.DataFrame, name: str) -> str:
    """A row for each point: Dice of each method, clDice of the last, and the phantoms."""
    rows = means[(means["series"] == name) & (means["group"] == "phantoms")]
    points = list(dict.fromkeys(rows["point"]))
    rows = rows.set_index(["metric", "method", "point"]).sort_index()
    methods = [method for method in TITLES if ("dice", method) in rows.index]
    lines = []
    for point in points:
        dice = [rows.loc[("dice", method, point)] for method in methods]
        last = rows.loc[("cldice", methods[-1], point)]
        cells = [_cell(one, 3) for one in (*dice, last)]
        lines.append([point, *cells, str(int(dice[0]["n"]))])
    names = [TITLES[method][0].lower() + TITLES[method][1:] for method in methods]
    heads = ["", *(f"Dice, {one}" for one in names), f"clDice, {names[-1]}", "n"]
    return _markdown(heads, lines)


def draw_pose(means: pd.DataFrame) -> None:
    """Draw docs/pose_error.png: Dice and clDice by the error of poses, calibrated and not."""
    part = means[(means["series"] == POSE) & (means["group"] == "phantoms")]
    part = part.assign(point=part["point"].astype(float))
    methods = {
        name: {"title": TITLES[name], "family": FAMILIES[name.removesuffix("-calibrated")]}
        for name in TITLES
        if name in set(part["method"])
    }
    labels = [(metric, METRICS[metric][0]) for metric in ("dice", "cldice")]
    note = f"Phantoms, n = {part['n'].max()}; mean and 95 % interval of Student's t"
    axis = "Error of poses (degrees, and twice as many mm)"
    figure = figures.against(part, methods, labels, axis, note)
    figure.savefig(ROOT / "docs/pose_error.png", dpi=150)


def store(folders: Iterable[str]) -> None:
    """Put the series of finished runs into the stored trials."""
    for kind, path in (("trials", TRIALS), ("lesions", LESIONS)):
        kept = stored_table(path) if path.exists() else pd.DataFrame()
        runs = [stored_table(Path(folder) / f"{kind}.csv") for folder in folders]
        new = pd.concat(runs).assign(method=lambda rows: _plain(rows["method"]))
        if kind == "lesions":
            new = new[new["series"] == REFERENCE]
        if len(kept):
            new = new.reindex(columns=kept.columns)
            kept = kept[~kept["series"].isin(set(new["series"]))]
        new = pd.concat([kept, new]).round(5)
        new.to_csv(path, index=False, lineterminator="\n")


def stored_table(path: Path) -> pd.DataFrame:
    """A table whose points are texts: a number as it is written, whatever pandas reads it as."""
    rows = read_table(path)
    return rows.assign(
        point=[f"{one:g}" if isinstance(one, float) else str(one) for one in rows["point"]]
    )


def _plain(methods: pd.Series) -> pd.Series:
    """Names of methods without the checksum of the network."""
    return methods.str.replace(r"^network-[0-9a-f]+", "network", regex=True)


def _cell(row: pd.Series, digits: int) -> str:
    mean, low, high = (f"{row[key]:.{digits}f}" for key in ("mean", "low", "high"))
    return f"{mean} ({low} to {high})"


def _found(rows: pd.DataFrame, sizes: list[str]) -> str:
    """How many of the lesions of each size were found."""
    known = [rows.loc[size] for size in sizes]
    return ", ".join(f"{round(one['found'] * one['n'])} of {one['n']:.0f}" for one in known)


def _markdown(heads: list[str], lines: list[list[str]]) -> str:
    rule = "|---" * len(heads) + "|"
    return "\n".join([f"| {' | '.join(heads)} |", rule, *(f"| {' | '.join(x)} |" for x in lines)])


def main() -> None:
    """Store runs that are named, and write all tables and the figure."""
    if sys.argv[1:]:
        store(sys.argv[1:])
    means = tables.summary(stored_table(TRIALS), METRICS)
    put(PAGE, parts(means))
    draw_pose(means)


if __name__ == "__main__":
    main()
