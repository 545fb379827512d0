"""One patient's chain, from DICOM to back-projections on disk, as a user runs it.

In a fresh checkout, with the default profile, one snakemake command makes a phantom's volume,
mask, projections and back-projections of every view count; its DICOM folder is there before. Run
three times: first numba compiles, as it does once per checkout; then it has; then with two patients
more, from which the cohort is extrapolated. At 16^3 there is next to nothing to compute: what is
left is the start of jobs. Writes benchmarks/chain.csv and .md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [
    str(ROOT),
    str(ROOT / "tests"),
    str(ROOT / "tests/support"),
    str(ROOT / "workflow/scripts"),
]
from conftest import checkout  # noqa: E402

from benchmarks.demand import AT_EXIT  # noqa: E402
from benchmarks.kernels import machine, shown  # noqa: E402

PATIENTS, COHORT = [f"phantom-{number:03d}" for number in (1, 2, 3)], 49
RUNS = {
    "one patient, first in a checkout": PATIENTS[:1],
    "one patient": PATIENTS[:1],
    f"{len(PATIENTS)} patients": PATIENTS,
}
NOTES = """\
- `seconds` on the clock, `cpu_s` of processors, imports included; `peak_mb` is the most memory that
  a process held (VmHWM), files that it maps included. Of several patients, the largest of a rule's.
- "whole command" is all that a user waits for, Snakemake's own start included; its `cpu_s` is of
  all processes, its `peak_mb` of the largest. First in a checkout numba compiles; later runs find
  what it compiled.
- The cohort is extrapolated, not measured: each further patient as the second and the third."""


def main() -> None:
    """Measure the shape asked for and the start of jobs, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", type=int, default=384)
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    shapes = dict.fromkeys((options.shape, 16))
    table = pd.concat([measure(shape, options.cores) for shape in shapes], ignore_index=True)
    table.to_csv(HERE / "chain.csv", index=False, float_format="%.4g")
    texts = [f"{machine()}; {options.cores} of the cores used", shown(table), NOTES]
    (HERE / "chain.md").write_text("\n\n".join(texts) + "\n")
    print("\n\n".join(texts))


def measure(shape: int, cores: int) -> pd.DataFrame:
    """Rows of the three runs of the chain at a shape, and of the cohort."""
    config = config_of(shape)
    with tempfile.TemporaryDirectory() as name:
        folder = checkout(Path(name) / "checkout", config)
        (folder / "hook").mkdir()
        (folder / "hook/sitecustomize.py").write_text(AT_EXIT)
        run(folder, cores, *(f"results/dicom/{patient}" for patient in PATIENTS))
        parts = []
        for label, patients in RUNS.items():
            clear(folder)
            whole = run(folder, cores, *targets(patients, config["view_counts"]))
            parts.append(rows(folder, whole).assign(run=label))
    table = pd.concat([*parts, cohort(pd.concat(parts))], ignore_index=True)
    table.insert(0, "shape", shape)
    return table


def cohort(measured: pd.DataFrame) -> pd.DataFrame:
    """A row for the cohort, from the commands of one patient and of all, both compiled."""
    commands = measured[measured["step"] == "whole command"].set_index("run")
    one, several = (commands.loc[label, ["seconds", "cpu_s"]] for label in list(RUNS)[1:])
    further = (several - one) / (len(PATIENTS) - 1)
    row = {"step": f"cohort of {COHORT}, extrapolated"} | dict(one + (COHORT - 1) * further)
    return pd.DataFrame([row])


def config_of(shape: int) -> dict:
    """Three phantoms of the default study's anatomy; 16^3 keeps a field of view with arteries."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["cohort"]["phantoms"]["count"] = len(PATIENTS)
    config["cohort"]["test_patients"] = 1
    config["volume"] = {"shape": shape, "voxel_mm": max(0.3, 40 / shape)}
    return config


def targets(patients: list[str], view_counts: list[int]) -> list[str]:
    """What the command is asked for."""
    paths = ["volumes/{}.nii", "masks/{}.nii.gz", "projections/{}.nii"]
    paths += [f"backprojections/views-{views}/{{}}.sum.nii" for views in view_counts]
    return [f"results/{path}".format(patient) for path in paths for patient in patients]


def clear(folder: Path) -> None:
    """Keep the DICOM folder only, and forget what was measured."""
    for path in (folder / "results").iterdir():
        if path.name not in ("dicom", "truth"):
            shutil.rmtree(path)
    (folder / "measured.jsonl").unlink()


def run(folder: Path, cores: int, *wanted: str) -> float:
    """Seconds of a command; ends the benchmark, with what the run showed, where it fails."""
    command = [sys.executable, "-m", "snakemake", *wanted, "--cores", str(cores)]
    command += ["--configfile", "tiny.yaml"]
    environment = os.environ | {
        "PYTHONPATH": str(folder / "hook"),
        "MEASURED": str(folder / "measured.jsonl"),
        "CUDA_VISIBLE_DEVICES": "",
    }
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - began


def rows(folder: Path, whole: float) -> pd.DataFrame:
    """The most that a job of each rule took, and the command."""
    jobs = pd.read_json(folder / "measured.jsonl", lines=True)
    jobs = jobs.rename(columns={"rule": "step", "cpu_seconds": "cpu_s"})
    figures = ["seconds", "cpu_s", "peak_mb"]
    steps = jobs[jobs["step"] != "snakemake"].groupby("step", sort=False)[figures].max()
    command = [whole, jobs["cpu_s"].sum(), jobs["peak_mb"].max()]
    command = pd.DataFrame([command], index=["whole command"], columns=figures)
    return pd.concat([steps, command]).rename_axis("step").reset_index()


if __name__ == "__main__":
    main()
