"""What differs between phantoms and real arterial trees in what a network sees.

    python benchmarks/phantoms_and_trees.py FOLDER [--write [VERSION]]

FOLDER holds SWC files of people's cerebral arteries, in mm, traced in MR angiograms: x left or
right, y up, z back; types 2 and 3 the anterior and middle cerebral artery of one side, 5 and 4 of
the other (BraVa, Wright et al. 2013). None of them is in the repository. Their carotids'
territories and 60 phantoms of the package as it is go through one scanner; measures, classifiers
and pictures tell what differs. It takes about 4 minutes on one core.

Prints the tables. `--write` puts them into phantoms_and_trees.csv and phantoms_and_trees_told.csv
in place of the rows of this version ("now", or for example "before"), and into docs/anatomy.md, and
draws its figures.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import ks_2samp

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

import phantoms_and_trees_classifier as classifier  # noqa: E402
import phantoms_and_trees_figures as figures  # noqa: E402
from angiovox.io.table_files import read_table  # noqa: E402
from angiovox.vessels.morphometry import measure  # noqa: E402
from phantoms_and_trees_cubes import Cube, phantom_cubes, tree_cubes  # noqa: E402
from phantoms_and_trees_measures import THINNEST, measures  # noqa: E402

PHANTOMS, LOTS = 60, 20
DOCS = HERE.parent / "docs"
PAGE = DOCS / "anatomy.md"
PICTURE = HERE.parent / "results/figures/phantoms_and_trees.png"  # people's arteries stay out
SD = 2.563  # from the 10th to the 90th percentile of a normal distribution, in standard deviations
VERSIONS = ("before", "now")
WHOLE = (
    "total_length_m",
    "volume_ml",
    "bifurcations",
    "branch_length_median_mm",
    "tortuosity_median",
    "tortuosity_p90",
    "radius_p50_mm",
    "radius_p99_mm",
    "daughter_ratio",
    "cube_ratio",
    "extent_left_right_mm",
    "extent_front_back_mm",
    "extent_up_down_mm",
)


def main() -> None:
    """Measure, tell apart, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="SWC files of people's arteries")
    parser.add_argument("--write", nargs="?", const="now", choices=VERSIONS, metavar="VERSION")
    parser.add_argument("--phantoms", type=int, default=PHANTOMS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    cubes = [*tree_cubes(given.folder), *phantom_cubes(given.phantoms)]
    version = given.write or "now"
    values = pd.DataFrame([_all_measures(cube) for cube in cubes])
    values.columns = pd.MultiIndex.from_tuples(values.columns)
    is_tree = np.array([cube.is_tree for cube in cubes])
    table = summaries(values, is_tree, version)
    told, attention = told_apart(cubes, values, version)
    print(_measures_text(table), _told_text(told), sep="\n\n")
    if given.write:
        table = _stored(table, HERE / "phantoms_and_trees.csv", ["trees", version], "sample")
        told = _stored(told, HERE / "phantoms_and_trees_told.csv", [version], "version")
        write_page(cubes, table, told, attention)


def write_page(
    cubes: list[Cube], table: pd.DataFrame, told: pd.DataFrame, attention: np.ndarray
) -> None:
    """Draw the figures, and put the tables of all versions into the page."""
    shown = figures.shown(cubes)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figures.draw_guess(shown, PICTURE)
    print(f"{PICTURE}: people are {figures.letters(shown)}")
    figures.draw_measures(table, cubes, attention, DOCS / "anatomy_measures.png")
    whole = table["group"] == "whole territory"
    texts = {
        "classifier": _told_text(told),
        "measures": _measures_text(table[~whole]),
        "whole": _measures_text(table[whole]),
    }
    fill(PAGE, texts)


def _all_measures(cube: Cube) -> dict[tuple[str, str], float]:
    groups = measures(cube)
    thick = cube.whole.radii[cube.whole.segments].min(axis=1) >= THINNEST
    whole = measure(cube.whole.keep(thick))
    groups["whole territory"] = {name.replace("_", " "): whole[name] for name in WHOLE}
    return {(group, name): value for group, own in groups.items() for name, value in own.items()}


def summaries(values: pd.DataFrame, is_tree: np.ndarray, version: str) -> pd.DataFrame:
    """Median, 10th and 90th percentile of each measure, and how far phantoms are from trees.

    shift : difference of the medians in standard deviations of the trees (from their percentiles).
    ks : Kolmogorov and Smirnov's statistic, 0 for equal distributions, 1 for separate ones.
    """
    rows = []
    for group, name in values.columns:
        trees, phantoms = (values.loc[kind, (group, name)].dropna() for kind in (is_tree, ~is_tree))
        for sample, own in (("trees", trees), (version, phantoms)):
            low, middle, high = np.percentile(own, [10, 50, 90])
            row = {"sample": sample, "group": group, "measure": name, "n": len(own)}
            row |= {"median": middle, "p10": low, "p90": high}
            if sample != "trees":
                spread = np.subtract(*np.percentile(trees, [90, 10])) / SD
                shift = (middle - np.median(trees)) / spread if spread else np.nan
                row |= {"shift": shift, "ks": ks_2samp(phantoms, trees).statistic}
            rows.append(row)
    return pd.DataFrame(rows)


def told_apart(
    cubes: list[Cube], values: pd.DataFrame, version: str
) -> tuple[pd.DataFrame, np.ndarray]:
    """How well each classifier tells phantoms from trees, and the attention of the one on masks."""
    is_tree = np.array([cube.is_tree for cube in cubes])
    person = np.array([cube.person for cube in cubes])
    masks = np.stack([c.mask[::-1] if c.is_mirrored else c.mask for c in cubes])
    whole = classifier.WholeCubes(masks, is_tree)
    predictors = {
        "masks, whole": whole,
        "masks, layout only (means of 6 mm)": classifier.WholeCubes(masks, is_tree, True),
        "masks, local shape only (turned patches of 18 mm)": classifier.by_patches(masks, is_tree),
    }
    values = values.drop(columns="whole territory", level=0)
    for group in values.columns.get_level_values(0).unique():
        numbers = values[group].to_numpy()
        predictors[f"measures, {group}"] = classifier.by_measures(numbers, is_tree)
    predictors["measures, all"] = classifier.by_measures(values.to_numpy(), is_tree)
    rows = [
        {"version": version, "seen": seen, **classifier.tell(predict, is_tree, person).row()}
        for seen, predict in predictors.items()
    ]
    rows.append({"version": version, **_control(values.to_numpy()[~is_tree])})
    return pd.DataFrame(rows), whole.attention


def _control(values: np.ndarray) -> dict:
    """A third of the phantoms, by lot, told from the others: mean and range over the lots."""
    rng, number = np.random.default_rng(0), np.arange(len(values))
    found = []
    for _ in range(LOTS):
        chosen = rng.permutation(number % 3 == 0)
        predict = classifier.by_measures(values, chosen)
        found.append(classifier.tell(predict, chosen, rng.permutation(number)).row())
    means = pd.DataFrame(found)
    low, high = np.percentile(means["balanced_accuracy"], [2.5, 97.5])
    seen = f"control, measures, all: phantoms from phantoms, {LOTS} lots"
    return {"seen": seen, **means.mean(), "low": low, "high": high}


def _stored(table: pd.DataFrame, path: Path, replaced: list[str], column: str) -> pd.DataFrame:
    """The file's rows with those of some versions replaced by new ones."""
    if path.exists():
        kept = read_table(path)
        table = pd.concat([kept[~kept[column].isin(replaced)], table], ignore_index=True)
    table.to_csv(path, index=False, float_format="%.4g")
    return read_table(path)


def _measures_text(table: pd.DataFrame) -> str:
    """Rows by measure, the most different first within each group; versions side by side."""
    by_sample = {name: own.set_index(["group", "measure"]) for name, own in table.groupby("sample")}
    versions = [name for name in VERSIONS if name in by_sample]
    first = by_sample[versions[0]]
    rows = []
    for group in first.index.get_level_values(0).unique():
        for name in first.loc[group].sort_values("ks", ascending=False, kind="stable").index:
            row = {
                "": group,
                "measure": name,
                "people": _range(by_sample["trees"].loc[group, name]),
            }
            for version in versions:
                own = by_sample[version].loc[group, name]
                row[version] = _range(own)
                row[f"shift, {version}"] = f"{own['shift']:+.1f}"
                row[f"KS, {version}"] = f"{own['ks']:.2f}"
            rows.append(row)
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)


def _range(row: pd.Series) -> str:
    return f"{row['median']:.3g} ({row['p10']:.3g} to {row['p90']:.3g})"


def _told_text(told: pd.DataFrame) -> str:
    versions = [name for name in VERSIONS if name in set(told["version"])]
    rows = []
    for seen in told["seen"].unique():
        row = {"sees": seen}
        for version in versions:
            own = told[(told["seen"] == seen) & (told["version"] == version)].iloc[0]
            accuracy = f"{own['balanced_accuracy']:.2f} ({own['low']:.2f} to {own['high']:.2f})"
            row |= {
                f"balanced accuracy, {version}": accuracy,
                f"AUC, {version}": f"{own['auc']:.2f}",
            }
        rows.append(row)
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)


def fill(page: Path, texts: dict[str, str]) -> None:
    """Put texts between their marks in a page."""
    text = page.read_text()
    for name, new in texts.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = marked.sub(lambda found, new=new: f"{found[1]}{new}\n{found[2]}", text)
    page.write_text(text)


if __name__ == "__main__":
    main()
