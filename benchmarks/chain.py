"""One patient's chain, from DICOM to back-projections on disk, as a user runs it.

In a fresh checkout, with the workstation profile, one snakemake command makes a phantom's volume,
mask, projections and back-projections, each view count's sum and minimum; its DICOM folder is there
before. Run twice: the first time numba compiles, as it does once per checkout; the second is what
each further patient takes. At 16^3 there is next to nothing to compute: what is left is the jobs'
own start. Writes benchmarks/chain.csv and .md.
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
sys.path[:0] = [str(ROOT / "tests"), str(HERE)]
from conftest import checkout  # noqa: E402
from demand import AT_EXIT  # noqa: E402
from kernels import machine, shown  # noqa: E402

PATIENT, COHORT = "phantom-001", 49
RUNS = ("first in a checkout", "again")
NOTES = f"""\
- `seconds` on the clock, `cpu_s` of processors, imports included; `peak_mb` is the most memory that
  a process of the job held (VmHWM), files that it maps included.
- "whole command" is all that a user waits for, Snakemake's own start included. In the first run in
  a checkout numba compiles; again, it finds what it compiled.
- The cohort is extrapolated, not measured: {COHORT} times what a further patient takes, with
  Snakemake's own start for each, so at most."""


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
    """Rows of both runs of the chain at a shape."""
    config = config_of(shape)
    with tempfile.TemporaryDirectory() as name:
        folder = checkout(Path(name) / "checkout", config)
        (folder / "hook").mkdir()
        (folder / "hook/sitecustomize.py").write_text(AT_EXIT)
        dicom = f"results/dicom/{PATIENT}"
        run(folder, cores, dicom)
        parts = []
        for label in RUNS:
            clear(folder)
            whole = run(folder, cores, *targets(config["view_counts"]))
            parts.append(rows(folder, whole).assign(run=label))
    table = pd.concat(parts, ignore_index=True)
    whole = table[(table["run"] == RUNS[-1]) & (table["step"] == "whole command")]
    cohort = {"step": f"cohort of {COHORT}, extrapolated", "run": RUNS[-1]}
    cohort |= {column: COHORT * whole[column].item() for column in ("seconds", "cpu_s")}
    table = pd.concat([table, pd.DataFrame([cohort])], ignore_index=True)
    table.insert(0, "shape", shape)
    return table


def config_of(shape: int) -> dict:
    """Three phantoms of the default study's anatomy; 16^3 keeps a field of view with arteries."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["cohort"]["phantoms"]["count"] = 3
    config["cohort"]["test_patients"] = 1
    config["volume"] = {"shape": shape, "voxel_mm": max(0.3, 40 / shape)}
    return config


def targets(view_counts: list[int]) -> list[str]:
    """What the command is asked for."""
    made = [f"results/volumes/{PATIENT}.nii", f"results/masks/{PATIENT}.nii.gz"]
    made.append(f"results/projections/{PATIENT}.nii")
    return made + [f"results/backprojections/views-{n}/{PATIENT}.sum.nii" for n in view_counts]


def clear(folder: Path) -> None:
    """Keep the DICOM folder only, and forget what was measured."""
    for path in (folder / "results").iterdir():
        if path.name not in ("dicom", "truth"):
            shutil.rmtree(path)
    (folder / "measured.jsonl").unlink()


def run(folder: Path, cores: int, *wanted: str) -> float:
    """Seconds of a command; ends the benchmark, with what the run showed, where it fails."""
    command = [sys.executable, "-m", "snakemake", *wanted, "--cores", str(cores)]
    command += ["--profile", "profiles/workstation", "--configfile", "tiny.yaml"]
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
    """What each rule's job took, and the command."""
    jobs = pd.read_json(folder / "measured.jsonl", lines=True).rename(
        columns={"rule": "step", "cpu_seconds": "cpu_s"}
    )
    steps = jobs[jobs["step"] != "snakemake"][["step", "seconds", "cpu_s", "peak_mb"]]
    command = {
        "step": "whole command",
        "seconds": whole,
        "cpu_s": jobs["cpu_s"].sum(),
        "peak_mb": jobs["peak_mb"].max(),
    }
    return pd.concat([steps, pd.DataFrame([command])], ignore_index=True)


if __name__ == "__main__":
    main()
