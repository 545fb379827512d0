"""Tables of `benchmarks/view_prediction.py`, from its two CSV files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pandas as pd
import yaml
from angiovox.io.table_files import read_table
from angiovox.methods import registry
from angiovox.metrics.comparisons import BETTER, WORSE, compare
from angiovox.metrics.statistics import mean_interval, paired_difference
from angiovox.view_prediction.registry import PREDICTORS
from scipy.stats import wilcoxon

SCORES = {"psnr": ("PSNR, dB", "{:.2f}"), "ssim": ("SSIM", "{:.3f}"), "dice": ("Dice", "{:.3f}")}
WORTH = {"iou": "IoU", "cldice": "clDice"}
BASE = "grey_hull"  # the opponent that differences are to
GIVEN = "given"
MARKS = {BETTER: " ▲", WORSE: " ▼"}
ADDED = {
    GIVEN: "given views alone",
    "nearest_view": "+ 8 copies of the nearest given view",
    "deferred_neural_rendering": "+ 8 predicted by deferred neural rendering",
    "npbg": "+ 8 predicted by NPBG",
    "npbg_plus_plus": "+ 8 predicted by NPBG++",
    "true": "+ 8 true views",
}

HEAD = """# Predicted views

`python benchmarks/view_prediction.py RESULTS`, with RESULTS of the default study. Phantoms, not
patients: {patients} test phantoms at 64³, maxima of a parallel beam over 90 degrees. Scores are
means over the nine held-out views of a phantom, none of which is given at any number of views; then
means over phantoms with 95 % intervals of Student's t. PSNR and SSIM are of one full scale, the
largest range of a test phantom's projections; Dice is that of the pixels above the phantom's Otsu
threshold. Beside predictors stand methods of volumes, whose probabilities are projected and made as
bright as the given views. CPU s: of one core, for all wanted views of a phantom, without training.
What it says is in [docs/view_prediction.md](../docs/view_prediction.md)."""
LESS = """## Less the visual hull in grey

Paired over phantoms. ▲ and ▼: shown to be better or worse, by sign flips over all pairs of the
table's rows at once (p of at most 0.05; a family for each column). One training seed: what is said
of a network is said of this trained network."""
OF_WORTH = """## What predicted views are worth

Thresholds of the hull and of the back-projection are fitted on 12 training phantoms, anew for each
set of views; the projection-consistent U-Net is the study's model. The first row of a method has
means, the others the paired difference to it with its interval and the p of Wilcoxon's signed ranks
(two-sided, not corrected for the number of rows)."""


def title(name: str) -> str:
    """Of a predictor, or of a method whose volume is projected."""
    if name in PREDICTORS:
        return PREDICTORS[name].title
    entry = _entries()[name]
    return entry.get("title") or registry.classes()[entry.get("method", name)].title


@cache
def _entries() -> dict[str, dict]:
    """Methods of the default study as its config has them."""
    path = Path(__file__).parents[1] / "config" / "config.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))["methods"]


def interval(mean: float, low: float, high: float, form: str) -> str:
    """A mean with its interval; none where all values are equal."""
    bounds = f" ({form} to {form})".format(low, high) if low == low else ""
    return form.format(mean) + bounds


def by_name(rows: pd.DataFrame, score: str) -> dict[str, pd.DataFrame]:
    """Values of a score by predictor: a row per patient, one column."""
    wide = rows.pivot(index="patient", columns="predictor", values=score)
    return {name: wide[[name]].dropna() for name in dict.fromkeys(rows["predictor"])}


def score_rows(rows: pd.DataFrame) -> Iterator[dict[str, str]]:
    """A row for each predictor at one number of views; those of PSNR, the best first."""
    values = {score: by_name(rows, score) for score in SCORES}
    means = {name: float(own.mean().iloc[0]) for name, own in values["psnr"].items()}
    for name in sorted(means, key=means.get, reverse=True):
        cells = {
            head: interval(*mean_interval(values[score][name].to_numpy()), form)
            for score, (head, form) in SCORES.items()
        }
        seconds = rows[rows["predictor"] == name]["cpu_s"].mean()
        yield {"predictor": title(name)} | cells | {"CPU s": f"{seconds:.2f}"}


def difference_rows(rows: pd.DataFrame) -> Iterator[dict[str, str]]:
    """What each predictor has more than the base, with a mark."""
    values = {score: by_name(rows, score) for score in SCORES}
    tested = {score: compare(own, higher=True) for score, own in values.items()}
    for name in (one for one in values["psnr"] if one != BASE):
        cells = {}
        for score, (head, form) in SCORES.items():
            pair = (values[score][one].to_numpy() for one in (name, BASE))
            text = interval(*paired_difference(*pair), form.replace(":", ":+"))
            cells[head] = text + MARKS.get(tested[score].mark(name, BASE), "")
        yield {"predictor": title(name)} | cells


def worth_rows(rows: pd.DataFrame, score: str) -> Iterator[dict[str, str]]:
    """A row for each set of views, a column for each method, at one number of given views."""
    wide = {
        method: own.pivot(index="patient", columns="added", values=score)
        for method, own in rows.groupby("method", sort=False)
    }
    for added in (one for one in ADDED if one in set(rows["added"])):
        cells = {title(method): _worth(own, added) for method, own in wide.items()}
        yield {"views": ADDED[added]} | cells


def _worth(values: pd.DataFrame, added: str) -> str:
    start, found = values[[GIVEN]].to_numpy(), values[[added]].to_numpy()
    if added == GIVEN:
        return interval(*mean_interval(start), "{:.3f}")
    p = wilcoxon((found - start).ravel()).pvalue if (found != start).any() else 1.0
    return f"{interval(*paired_difference(found, start), '{:+.3f}')}, p = {p:.2g}"


def markdown(results: Path, worth: Path) -> str:
    """All tables for readers."""
    rows, gains = read_table(results), read_table(worth)
    parts = [HEAD.format(patients=rows["patient"].nunique())]
    for views, own in rows.groupby("views"):
        parts += [f"## From {views} views", table(score_rows(own))]
    parts.append(LESS)
    for views, own in rows.groupby("views"):
        parts += [f"From {views} views:", table(difference_rows(own))]
    parts.append(OF_WORTH)
    for views, own in gains.groupby("views"):
        for score, head in WORTH.items():
            parts += [f"{head}, {views} given views:", table(worth_rows(own, score))]
    return "\n\n".join(parts) + "\n"


def table(rows: Iterator[dict[str, str]]) -> str:
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
