"""What each rule's jobs take: peak memory, seconds, and megabytes left on disk.

Writes benchmarks/demand.csv, demand_stored.csv and demand.md, from which `resources.py` of
angiovox_pipeline has its table. Small cohorts run through the workflow itself, up to two jobs at a
time: all of it at 64^3, the paper's network alone at 192^3, and at 384^3 all but the training of
more than one view count. Seconds are of the machine that ran them, imports included; those of its
processors say more where others use them too.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import pandas as pd
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))
from angiovox_pipeline.cohort import read_cohort  # noqa: E402

NEEDED = ("Snakefile", "workflow", "config", "resources", "envs")
VOXEL_MM = {64: 0.75, 192: 0.6, 384: 0.3}
NOISE = "results/meshes/dae"  # of hardly trained weights: the most memory, no measure of disk
VIEW_COUNTS = {64: [90], 192: [90], 384: [90, 46, 24, 10, 5, 3, 2]}
TARGETS = {
    64: ["all", "segmentations"],
    192: ["results/metrics/dae/views-90/seed-1.csv"],
    384: [
        "results/metrics/dae/views-90/seed-1.csv",
        "results/metrics/backprojection/views-90/seed-1.csv",
        "results/metrics/hull/views-90/seed-1.csv",
        "results/meshes/hull/views-90/{test}.stl",
        "results/segmentations/hull/views-90/{test}.dcm",
        NOISE + "/views-90/{test}.stl",
        *["mesh_truth", "mask_quality", "phantom_masks", "phantom_sheet", "figure1", "figure2"],
    ],
}
STAND_IN = ["figure3", "figure4", "biplane"]  # drawn of 90 views in each view count's place
# Python runs this in every process of a run: what it took is said when it ends.
AT_EXIT = """
import atexit, json, os, pathlib, sys, time
started = time.perf_counter()

def report():
    job = getattr(sys.modules["__main__"], "snakemake", None)
    status = pathlib.Path("/proc/self/status").read_text()
    row = {
        "rule": getattr(job, "rule", "snakemake"),
        "method": getattr(getattr(job, "wildcards", None), "method", ""),
        "peak_mb": int(status.split("VmHWM:")[1].split()[0]) / 1024,
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time(),
    }
    if job or "snakemake" in sys.argv[0]:
        with open(os.environ["MEASURED"], "a") as file:
            print(json.dumps(row), file=file)

atexit.register(report)
"""


def main() -> None:
    """Measure every shape and write the tables."""
    measured = [measure(shape) for shape in TARGETS]
    jobs, stored = (pd.concat(parts, ignore_index=True) for parts in zip(*measured, strict=True))
    jobs.to_csv(HERE / "demand.csv", index=False)
    stored.to_csv(HERE / "demand_stored.csv", index=False)
    tables = [wide(table).to_markdown() for table in (jobs, stored)]
    texts = [machine(), *tables]
    (HERE / "demand.md").write_text("\n\n".join(texts) + "\n")
    print("\n\n".join(texts))


def measure(shape: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Peak memory and seconds of each rule, and megabytes of each kind of output."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for needed in NEEDED:
            copy = shutil.copytree if (ROOT / needed).is_dir() else shutil.copy
            copy(ROOT / needed, folder / needed)
        (folder / "hook").mkdir()
        (folder / "hook/sitecustomize.py").write_text(AT_EXIT)
        config = config_of(shape)
        (folder / "measure.yaml").write_text(yaml.safe_dump(config))
        test = next(p.name for p in read_cohort(config) if p.split == "test")
        run(folder, *[target.format(test=test) for target in TARGETS[shape]])
        if shape == max(TARGETS):
            stand_in(folder, config)
        list_patients(folder, config)
        jobs = pd.read_json(folder / "measured.jsonl", lines=True)
        shutil.rmtree(folder / NOISE, ignore_errors=True)
        return by_rule(jobs, shape), by_kind(folder / "results", shape)


def config_of(shape: int) -> dict:
    """Two training patients and one test patient, of the default study's anatomy."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["cohort"]["phantoms"]["count"] = 3
    config["cohort"]["test_patients"] = 1
    config["volume"] = {"shape": shape, "voxel_mm": VOXEL_MM[shape]}
    config["view_counts"] = VIEW_COUNTS[shape]
    for settings in config["methods"].values():
        settings["view_counts"] = VIEW_COUNTS[shape]  # over the default study's
        settings.update({"epochs": 1, "precision": "fp32"} if "epochs" in settings else {})
    return config


def run(folder: Path, *arguments: str) -> None:
    """Run the workflow in a folder, without a GPU."""
    command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--quiet", "rules"]
    environment = os.environ | {
        "PYTHONPATH": str(folder / "hook"),
        "MEASURED": str(folder / "measured.jsonl"),
        "CUDA_VISIBLE_DEVICES": "",
    }
    command += ["--configfile", "measure.yaml"]
    subprocess.run(command, cwd=folder, env=environment, check=True)


def stand_in(folder: Path, config: dict) -> None:
    """Draw the network's reconstruction of 90 views where that of fewer or of a method belongs."""
    fewest = min(config["view_counts"])
    runs = [f"dae/views-{views}" for views in config["view_counts"] if views != 90]
    runs += [f"{method}/views-{fewest}" for method in config["methods"] if method != "dae"]
    kinds = [folder / "results" / kind for kind in ("reconstructions", "metrics")]
    for kind, other in product(kinds, runs):
        shutil.copytree(kind / "dae/views-90", kind / other)
    run(folder, *STAND_IN, "--allowed-rules", *STAND_IN)
    for kind, other in product(kinds, runs):
        shutil.rmtree(kind / other)


def list_patients(folder: Path, config: dict) -> None:
    """Take the inventory of the phantoms' DICOM folders, as if they were a user's."""
    folders = sorted((folder / "results/dicom").iterdir())
    rows = [f"patient-{number}\t{path}" for number, path in enumerate(folders)]
    (folder / "sheet.tsv").write_text("\n".join(["patient\tdicom", *rows]) + "\n")
    cohort = {"phantoms": {"count": 0}, "sheet": "sheet.tsv", "test_patients": 1}
    (folder / "measure.yaml").write_text(yaml.safe_dump(config | {"cohort": cohort}))
    run(folder, "inventory")


def by_rule(jobs: pd.DataFrame, shape: int) -> pd.DataFrame:
    """The greatest of each rule's jobs; those of a network apart."""
    network = jobs["method"].eq("dae") & jobs["rule"].eq("reconstruct")
    rule = jobs["rule"].where(~network, "reconstruct_trained")
    greatest = (
        jobs.groupby(rule)[["peak_mb", "seconds", "cpu_seconds"]].max().round(1).reset_index()
    )
    return greatest.assign(shape=shape)


def by_kind(results: Path, shape: int) -> pd.DataFrame:
    """Megabytes of an output, by the folder it lies in: a patient's DICOM folder, else a file."""
    rows = []
    for kind in sorted(path for path in results.iterdir() if path.is_dir()):
        files = [path for path in kind.rglob("*") if path.is_file()]
        outputs = len(list(kind.iterdir())) if kind.name == "dicom" else len(files)
        megabytes = sum(path.stat().st_size for path in files) / 1e6 / outputs
        rows.append({"kind": kind.name, "mb": round(megabytes, 3), "shape": shape})
    return pd.DataFrame(rows)


def wide(table: pd.DataFrame) -> pd.DataFrame:
    """A column for each shape."""
    table = table.pivot(index=table.columns[0], columns="shape")
    table.columns = [f"{quantity}, {shape}^3" for quantity, shape in table.columns]
    return table.astype(object).where(table.notna(), "not measured")


def machine() -> str:
    """Processor and load: other work slows a job, and hardly changes its processor's seconds."""
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    return f"{platform.machine()}, {os.cpu_count()} cores; load at the end (1, 5, 15 min): {load}"


if __name__ == "__main__":
    main()
