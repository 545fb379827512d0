"""Take from a finished study what docs/methods shows of it: numbers and pictures."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pandas as pd
import yaml
from angiovox.figures.biplane import biplane
from angiovox.figures.style import Methods
from angiovox.io import nifti
from angiovox.io.table_files import read_table
from angiovox.metrics import overlap
from PIL import Image

ROOT = Path(__file__).parents[1]
VIEWS, SEED = 2, 1
WIDTH, COLOURS = 760, 256  # pixels of a picture, and colours in it
DECIDING = (
    "cohort",
    "volume",
    "masks",
    "projections",
    "view_counts",
    "methods",
    "seeds",
)
STUDIES = {
    "config": "the default study (`make reproduce`)",
    "field": "the study of the field's systems ([field.md](../field.md))",
    "per_patient": "methods fitted to each patient ([per_patient.md](../per_patient.md))",
}
CPU_TIME = {"field", "per_patient"}  # run beside other work: seconds by the clock say little


def take(
    results: Path, name: str, path: Path, entries: dict[str, list[str]], labels: Methods
) -> None:
    """Write a table of results, and beside it a picture for each method.

    results : of a finished study. name : its file in config/. path : the table. entries : by
    method, the entries of that file that are it or a variant of it. labels : title and family of
    each entry.

    Raises SystemExit for results of another config.
    """
    record = json.loads((results / "provenance.json").read_text(encoding="utf-8"))
    asked = asked_for(name)
    other = [key for key in DECIDING if record["config"][key] != asked[key]]
    if other:
        raise SystemExit(f"{results}: {', '.join(other)} differ from config/{name}.yaml")
    about = f"{STUDIES[name]}, {_words(asked)}; {_machine(record['machine'], name)}"
    remark = f"# Phantoms, not patients: {about}."
    rows = _rows(results, [entry for members in entries.values() for entry in members], name)
    path.write_text(f"{remark}\n{rows.to_csv(index=False, float_format='%.6g')}", encoding="utf-8")
    for method, members in entries.items():
        _picture(results, path.with_name(f"{method}.png"), members, labels)


def asked_for(name: str) -> dict:
    """The default config with what a file of config/ changes in it."""
    default, changes = (
        yaml.safe_load((ROOT / f"config/{file}.yaml").read_text(encoding="utf-8"))
        for file in ("config", name)
    )
    changed = {key: changes[key] for key in DECIDING if key in changes}
    asked = default | changed | {"methods": default["methods"] | changes["methods"]}
    asked["cohort"].pop("transfer")  # groups are no part of a study, nor of its record
    return asked


def _words(config: dict) -> str:
    seeds = len(config["seeds"])
    return (
        f"means over {config['cohort']['test_patients']} test phantoms of "
        f"{config['volume']['shape']}³ voxels with 95 % intervals, {seeds} training seed"
        + "s"
        * (seeds > 1)
    )


def _machine(machine: dict, name: str) -> str:
    cores = "one core of a machine" if name in CPU_TIME else f"{machine['cores']} cores"
    times = "CPU times" if name in CPU_TIME else "times"
    return f"{times} and memory on {cores} ({machine['cpu']}) without a GPU"


def _rows(results: Path, entries: list[str], name: str) -> pd.DataFrame:
    """Mean IoU, seconds and megabytes, of each entry at each view count."""
    summary = read_table(results / "tables/summary.csv").query("metric == 'iou'")
    summary = summary[summary["method"].isin(entries)]
    cost = read_table(results / "tables/cost.csv")
    cost.columns = ["method", "views", "reconstruct_seconds", "reconstruct_mb"]
    table = summary.merge(cost, on=["method", "views"], how="left", validate="one_to_one")
    time = "cpu_time" if name in CPU_TIME else "s"
    runs = [*zip(table["method"], table["views"], strict=True)]
    fits = [_job(results, ("fit", "train", "adapt"), run)[[time, "max_rss"]] for run in runs]
    table["fit_seconds"], table["fit_mb"] = zip(*fits, strict=True)
    if name in CPU_TIME:
        given = zip(runs, table["patients"], strict=True)
        table["reconstruct_seconds"] = [_patient_seconds(results, *one) for one in given]
    columns = ["method", "views", "patients", "seeds", "mean", "low", "high"]
    costs = ["fit_seconds", "fit_mb", "reconstruct_seconds", "reconstruct_mb"]
    return table[columns + costs].rename(columns={"mean": "iou"})


def _job(results: Path, rules: tuple[str, ...], run: tuple[str, int]) -> pd.Series:
    """What Snakemake measured of the job of one of the rules: at this view count, or at all."""
    (path,) = (
        path
        for rule in rules
        for count in (run[1], "all")
        for path in (results / "benchmarks" / rule / run[0]).glob(f"views-{count}/seed-{SEED}.tsv")
    )
    return read_table(path, "\t").loc[0]


def _patient_seconds(results: Path, run: tuple[str, int], patients: int) -> float:
    """CPU time of a patient: the mean over jobs of one patient, or a part of the job of all."""
    folder = results / f"benchmarks/reconstruct_patient/{run[0]}/views-{run[1]}/seed-{SEED}"
    alone = [read_table(path, "\t").loc[0, "cpu_time"] for path in folder.glob("*.tsv")]
    if alone:
        return sum(alone) / len(alone)
    return _job(results, ("reconstruct",), run)["cpu_time"] / patients


def _picture(results: Path, path: Path, entries: list[str], labels: Methods) -> None:
    """The truth and each variant of a method, from two views, as a small PNG."""
    runs = {entry: f"{entry}/views-{VIEWS}/seed-{SEED}" for entry in entries}
    tables = {entry: read_table(results / f"metrics/{run}.csv") for entry, run in runs.items()}
    patient = min(tables[entries[0]]["patient"])
    scores = {
        entry: table[table["patient"] == patient].set_index("metric")["value"].to_dict()
        for entry, table in tables.items()
    }
    found = {
        entry: overlap.binary(
            nifti.load_volume(results / f"reconstructions/{run}/{patient}.nii.gz")[0]
        )
        for entry, run in runs.items()
    }
    mask = results / f"masks/{patient}.nii.gz"
    truth, affine = nifti.load_mask(mask), nifti.load_affine(mask)
    figure, drawn = biplane(truth, found, scores, affine, labels), BytesIO()
    figure.savefig(drawn)
    image = Image.open(drawn).convert("RGB")
    small = image.resize((WIDTH, round(WIDTH * image.height / image.width)))
    small.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        path, optimize=True
    )
