"""Tables of `benchmarks/opposite_view.py`, from its two CSV files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from angiovox.io.table_files import read_table
from angiovox.metrics.comparisons import BETTER, WORSE, Comparison, compare
from angiovox.metrics.statistics import mean_interval, paired_difference

BASES = (("0",), ("0", "90"))
ADDED = ("0 again", "180 mirrored", "180 mirrored, no noise", "180 predicted", "180")
SETS = tuple(set_ for base in BASES for set_ in (base, *((*base, one) for one in ADDED)))
NETWORK = "unet"
# Sets that a network is trained for, those of views that its training phantoms have.
NETWORK_SETS = tuple(
    views for views in SETS if not {*views} & {"0 again", "180 mirrored, no noise"}
)
TITLES = {
    "backprojection": "Back-projection",
    "hull": "Visual hull",
    "sirt": "SIRT",
    NETWORK: "3D U-Net",
}
MARKS = {BETTER: " ▲", WORSE: " ▼"}
SCORES = {"psnr": ("PSNR, dB", "{:.2f}"), "ssim": ("SSIM", "{:.3f}"), "dice": ("Dice", "{:.3f}")}
NAMED = {"dice": "Dice", "cldice": "clDice"}

HEAD = """# What the opposite view adds

Measured on {date}: `python benchmarks/opposite_view.py FOLDER`. Phantoms, not patients:
{patients} test phantoms of the default study at 64³, line integrals in the cone beam of
`config/dsa.yaml` (source to isocentre 785 mm) with the noise of 10,000 photons. Voxels of 0.75 mm
are the study's field of 48 mm; those of 1.5 mm make one of 96 mm, of the same phantoms. Numbers in
the names of sets are angles in degrees:

- "0 again": the frontal view once more, with noise of its own, a second look along the same rays;
- "180 mirrored": the frontal view with its detector mirrored; "180 mirrored, no noise": the same of
  a frontal view without noise, which the best of denoisers could make;
- "180 predicted": what a 2D U-Net makes of the frontal view, trained on the 200 phantoms of the
  study's pool;
- "180": the opposite view as it is measured, with its own noise.

Thresholds are fitted on the 33 training phantoms, which the 2D U-Net has not seen, anew for each
set. The 3D U-Net, that of the default study, is trained anew for each set of voxels of 0.75 mm
(`python benchmarks/opposite_view_unet.py FOLDER`): on those 33 and on 200 more, which the 2D U-Net
has not seen either, for {epochs} passes.

The first row of a table has means with 95 % intervals of Student's t, the others the paired
difference to it; the last is the true opposite view less the predicted one. ▲ and ▼: shown to be
better or worse, by sign flips over all pairs of the table's sets at once (p of at most 0.05; a
family for each method). Networks have one training seed: what is said of them, and of predicted
views, is said of these trained networks, and intervals are over phantoms alone."""
OF_VIEWS = """## Predicted views

Beside the opposite view without noise: PSNR and SSIM of a full scale of 15 mm of undiluted
contrast, Dice of the pixels behind at least 1.5 mm. "mirrored, no noise" has the error of the
geometry alone, "measured" that of the noise alone."""
OF_PARALLEL_BEAM = """## Parallel beam

Without noise; the largest difference of any test phantom's Dice."""


def set_name(views: tuple[str, ...]) -> str:
    return " + ".join(views)


def groups(base: tuple[str, ...]) -> list[str]:
    """Names of the sets that build on a base: itself first, a larger base last."""
    larger = [other for other in BASES if other != base and {*base} < {*other}]
    return [set_name(one) for one in (base, *((*base, added) for added in ADDED), *larger)]


def by_set(rows: pd.DataFrame, metric: str) -> dict[str, pd.DataFrame]:
    """Values of a method by the name of the set: a row per patient, one column."""
    wide = rows.pivot(index="patient", columns="views", values=metric)
    return {views: wide[[views]].dropna() for views in wide}


def tested(values: dict[str, pd.DataFrame], base: tuple[str, ...]) -> Comparison:
    """All pairs of the sets that build on a base, at once."""
    return compare({views: values[views] for views in groups(base) if views in values}, higher=True)


def interval(mean: float, low: float, high: float, form: str = "{:+.3f}") -> str:
    """A mean with its interval; none where all values are equal."""
    bounds = f" ({form} to {form})".format(low, high) if low == low else ""
    return form.format(mean) + bounds


def brought(rows: pd.DataFrame, base: tuple[str, ...], metric: str) -> Iterator[dict[str, str]]:
    """A row for each set: the base's mean, then what each other one differs from it by; and one of
    the true opposite view less the predicted one."""
    found = {}
    for method in (one for one in TITLES if one in set(rows["method"])):
        values = by_set(rows[rows["method"] == method], metric)
        found[TITLES[method]] = values, tested(values, base)
    start = set_name(base)
    means = {
        title: interval(*mean_interval(values[start].to_numpy()), "{:.3f}")
        for title, (values, _) in found.items()
    }
    yield {"views": start} | means
    for views in groups(base)[1:]:
        if cells := differences(found, views, start):
            yield {"views": views} | cells
    true, predicted = (set_name((*base, added)) for added in ("180", "180 predicted"))
    if cells := differences(found, true, predicted):
        yield {"views": "true less predicted"} | cells


def differences(
    found: dict[str, tuple[dict[str, pd.DataFrame], Comparison]], views: str, other: str
) -> dict[str, str]:
    """What a set has more than another one, with interval and mark, by method where both are."""
    return {
        title: interval(*paired_difference(values[views].to_numpy(), values[other].to_numpy()))
        + MARKS.get(comparison.mark(views, other), "")
        for title, (values, comparison) in found.items()
        if {views, other} <= {*values}
    }


def predicted_rows(rows: pd.DataFrame) -> Iterator[dict[str, str]]:
    """A row for each view that may stand for the opposite one; what the network is better by."""
    wide = {score: rows.pivot(index="patient", columns="view", values=score) for score in SCORES}
    order = list(dict.fromkeys(rows["view"]))
    for view in order:
        texts = {
            title: interval(*mean_interval(wide[score][view].to_numpy()), form)
            for score, (title, form) in SCORES.items()
        }
        yield {"view": view} | texts
    for other in ("mirrored", "mirrored, no noise"):
        texts = {}
        for score, (title, form) in SCORES.items():
            apart = paired_difference(*(wide[score][v].to_numpy() for v in ("predicted", other)))
            texts[title] = interval(*apart, form.replace(":", ":+"))
        yield {"view": f"predicted less {other}"} | texts


def parallel_rows(rows: pd.DataFrame) -> Iterator[dict[str, str]]:
    """A row for each method: the largest differences of Dice over patients, in a parallel beam."""
    for method in dict.fromkeys(rows["method"]):
        dice = by_set(rows[rows["method"] == method], "dice")
        sets = ("0 + 180", "0 + 180 mirrored", "0")
        true, mirrored, alone = (dice[views].to_numpy() for views in sets)
        yield {
            "method": TITLES[method],
            "0 + 180 less 0 + 180 mirrored": f"{abs(true - mirrored).max():.2g}",
            "0 + 180 less 0": f"{abs(true - alone).max():.2g}",
        }


def markdown(results: Path, predictions: Path, networks: Path) -> str:
    """All tables for readers."""
    rows, views, trained = map(read_table, (results, predictions, networks))
    is_parallel = views["view"].str.contains("parallel")
    date, patients = rows["date"].iloc[-1], rows["patient"].nunique()
    parts = [HEAD.format(date=date, patients=patients, epochs=trained["epochs"].iloc[0])]
    cone = pd.concat([rows[rows["beam"] == "cone"], trained.assign(method=NETWORK)])
    for voxel_mm, own in cone.groupby("voxel_mm"):
        for metric, title in NAMED.items():
            parts.append(f"## {title}, voxels of {voxel_mm:g} mm (a field of {64 * voxel_mm:g} mm)")
            for base in BASES:
                parts.append(table(brought(own, base, metric)))
    parts.append(OF_VIEWS)
    for voxel_mm, own in views[~is_parallel].groupby("voxel_mm"):
        parts += [f"Voxels of {voxel_mm:g} mm:", table(predicted_rows(own))]
    parts.append(OF_PARALLEL_BEAM)
    for voxel_mm, own in rows[rows["beam"] == "parallel"].groupby("voxel_mm"):
        images = views[is_parallel & (views["voxel_mm"] == voxel_mm)]["largest_mm"].max()
        seen = f"The mirrored view is off by at most {images:.2g} mm of contrast in any pixel."
        parts += [f"Voxels of {voxel_mm:g} mm. {seen}", table(parallel_rows(own))]
    return "\n\n".join(parts) + "\n"


def table(rows: Iterator[dict[str, str]]) -> str:
    shown = pd.DataFrame(rows).fillna("not measured")
    return shown.to_markdown(index=False, disable_numparse=True)
