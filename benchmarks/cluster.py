"""What the detour through SLURM costs: the tests' tiny study on a workstation and on a real SLURM.

Three runs on one machine, one after the other: workstation, SLURM with a submission for each job,
SLURM with the profile's groups. Writes cluster.csv and cluster.md. Needs slurm-wlm and munge.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/support"), str(ROOT / "workflow/scripts")]
from angiovox.io.table_files import read_table  # noqa: E402
from conftest import TINY, checkout  # noqa: E402
from slurm import Cluster, why_not  # noqa: E402

POLLS = ("--slurm-init-seconds-before-status-checks", "6")
WAYS = {"each": "SLURM, a submission for each job", "grouped": "SLURM, grouped (the profile)"}
PATIENTS = TINY["cohort"]["phantoms"]["count"]


def run(folder: Path, *args: str, environment: dict[str, str]) -> float:
    """Seconds of a whole run; what it shows goes to its `terminal.txt`.

    Ends the benchmark, with what the run showed, where it fails.
    """
    command = [sys.executable, "-m", "snakemake", *args, "--configfile", "tiny.yaml"]
    began = time.perf_counter()
    with open(folder / "terminal.txt", "w") as shown:
        done = subprocess.run(command, cwd=folder, env=environment, stdout=shown, stderr=shown)
    if done.returncode:
        sys.exit((folder / "terminal.txt").read_text())
    return time.perf_counter() - began


def own_seconds(folder: Path) -> float:
    """The sum of the jobs' own wall times, as Snakemake's benchmark files have them."""
    files = (folder / "results/benchmarks").rglob("*.tsv")
    return sum(read_table(path, "\t")["s"].sum() for path in files)


def submissions(cluster: Cluster, folder: Path) -> tuple[int, int]:
    """All submissions, and those that make one patient's back-projections."""
    rules = "phantom|convert|mask|project|back_project|patient_\\w+"
    jobs = cluster.jobs(folder)
    of_patients = [
        job for job in jobs if re.match(rf"rule_({rules})(_wildcards|$)", job["Comment"])
    ]
    return len(jobs), len(of_patients) // PATIENTS


def ungrouped(folder: Path) -> None:
    profile = folder / "profiles/slurm/config.yaml"
    settings = yaml.safe_load(profile.read_text())
    del settings["groups"]
    profile.write_text(yaml.safe_dump(settings))


def measure(folder: Path) -> pd.DataFrame:
    rows = []
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    place = checkout(folder / "workstation", TINY)
    seconds = run(place, environment=environment)
    rows.append({"way": "workstation", "wall_s": seconds, "jobs_own_s": own_seconds(place)})
    with Cluster(folder / "c") as cluster:
        for name, way in WAYS.items():
            place = checkout(folder / name, TINY)
            if name == "each":
                ungrouped(place)
            args = ("--workflow-profile", "profiles/slurm", *POLLS)
            seconds = run(place, *args, environment=cluster.environment)
            sent, of_one = submissions(cluster, place)
            row = {"way": way, "wall_s": seconds, "jobs_own_s": own_seconds(place)}
            rows.append(row | {"submissions": sent, "of_a_patient": of_one})
    return pd.DataFrame(rows)


def main() -> None:
    if why_not():
        sys.exit(why_not())
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        table = measure(Path(folder))
    table["ratio"] = (table["wall_s"] / table["wall_s"][0]).round(2)
    table = table.round({"wall_s": 0, "jobs_own_s": 0})
    counts = ["submissions", "of_a_patient"]
    table[counts] = table[counts].astype("Int64")
    table.to_csv(HERE / "cluster.csv", index=False)
    machine = f"{os.uname().machine}, {os.cpu_count()} cores, the tests' tiny study, one run each"
    shown = table.astype(object).fillna("")
    (HERE / "cluster.md").write_text(
        f"{machine}\n\n{shown.to_markdown(index=False)}\n\n"
        "The simulated nodes share the machine's cores; the executor looks at its jobs every 6 s "
        "or more, and each job starts Snakemake twice.\n"
    )
    print((HERE / "cluster.md").read_text())


if __name__ == "__main__":
    main()
