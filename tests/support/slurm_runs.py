"""Studies through `profiles/slurm`, with scalar overrides only."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from conftest import ONE_THREAD, ROOT
from slurm import Cluster, wait_for

PROFILE = (
    *ONE_THREAD,
    *("--workflow-profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "3"),
    *("--configfile", "tiny.yaml", "changes.yaml"),
)


def command(folder: Path, *args: str, **changes: object) -> list[str]:
    """What a user types; `changes` update the config's top-level keys."""
    (folder / "changes.yaml").write_text(yaml.safe_dump(changes))
    return [sys.executable, "-m", "snakemake", *args, *PROFILE]


def run(
    cluster: Cluster, folder: Path, *args: str, **changes: object
) -> subprocess.CompletedProcess:
    """Run Snakemake in a folder to its end; stdout holds all that the terminal would show."""
    return subprocess.run(
        command(folder, *args, **changes),
        cwd=folder,
        env=cluster.environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=900,
    )


def start(cluster: Cluster, folder: Path, *args: str, **changes: object) -> subprocess.Popen:
    """Start Snakemake in a folder and go on; what it says is in its `terminal.txt`."""
    with open(folder / "terminal.txt", "w") as terminal:
        return subprocess.Popen(
            command(folder, *args, **changes),
            cwd=folder,
            env=cluster.environment,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=subprocess.STDOUT,
        )


def finish(process: subprocess.Popen, folder: Path, seconds: float = 600) -> str:
    """Wait for a started run and give back what it said; one that failed fails the test."""
    code = process.wait(timeout=seconds)
    said = (folder / "terminal.txt").read_text()
    assert code == 0, said
    return said


def running(cluster: Cluster, rule: str, folder: Path, seconds: float = 300) -> dict[str, str]:
    """A job of a rule or group that SLURM runs, as soon as there is one."""
    return wait_for(lambda: cluster.running(rule, folder), f"a running job of {rule}", seconds)


def state(cluster: Cluster, job: str) -> dict[str, str]:
    return next(one for one in cluster.jobs() if one["JobId"] == job)


def epochs_logged(folder: Path, views: int) -> int:
    """How many epochs a training's log tells of."""
    log = folder / f"logs/train/dae/views-{views}/seed-1.log"
    return log.read_text().count(" epoch ") if log.exists() else 0


def tables(folder: Path) -> dict[str, bytes]:
    """Every table of results; run times differ from run to run."""
    found = (folder / "results/tables").glob("*.*")
    return {
        path.name: path.read_bytes() for path in found if path.stem not in ("run_times", "cost")
    }


def copy(folder: Path, to: Path) -> Path:
    """A copy with its modification times."""
    return Path(shutil.copytree(folder, to))


def sbatch(cluster: Cluster, *options: str) -> str:
    """What SLURM itself says of a job, with no check of ours before it."""
    done = subprocess.run(
        ["sbatch", "--wrap=true", "--output=/dev/null", *options],
        cwd=ROOT,
        env=cluster.environment,
        text=True,
        capture_output=True,
    )
    return "" if done.returncode == 0 else done.stderr
