"""What a finished run leaves behind about itself: time and memory of jobs, code, machine, files."""

from __future__ import annotations

import csv
import hashlib
import math
import os
import platform
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

PACKAGES = (
    *("snakemake", "torch", "monai", "numpy", "numba", "llvmlite", "scipy"),
    *("pydicom", "pylibjpeg", "highdicom", "simpleitk"),
    *("scikit-image", "pandas", "seaborn", "matplotlib", "pyvista", "vtk", "nibabel"),
    *("tabulate", "tqdm"),
)
COLUMNS = (
    *("rule", "jobs", "jobs_timed", "seconds_total", "seconds_median", "seconds_max"),
    *("jobs_with_memory", "memory_max_mb"),
)
NO_CHECKOUT = "not a git checkout"


def jobs_of(pattern: str, benchmarks: str | Path, logs: str | Path) -> list[str]:
    """Names of a rule's jobs: where their benchmark and log lie below their folders.

    pattern : regular expression of the rule's benchmark files. A job whose benchmark is lacking is
    known by its log.
    """
    folders = {Path(benchmarks): ".tsv", Path(logs): ".log"}
    names = {
        path.relative_to(folder).with_suffix("").as_posix()
        for folder, suffix in folders.items()
        for path in folder.rglob(f"*{suffix}")
    }
    return sorted(name for name in names if re.fullmatch(pattern, f"{benchmarks}/{name}.tsv"))


def read_benchmark(path: str | Path) -> tuple[float, float]:
    """Wall seconds and peak resident memory in MB of a job; NaN for what was not measured.

    Snakemake looks at a job's memory now and then: "NA" or "-" for a job too short to be seen.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            row = next(csv.DictReader(file, delimiter="\t"), {})
    except FileNotFoundError:
        row = {}
    return _number(row.get("s")), _number(row.get("max_rss"))


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def run_times(jobs: Mapping[str, Iterable[str]], benchmarks: str | Path) -> pd.DataFrame:
    """Time and memory by rule.

    jobs : names of each rule's jobs; benchmarks : the folder of their files. Returns a row per rule
    that has jobs: `jobs`, of how many the time is known (`jobs_timed`), seconds in all, median and
    most, of how many the memory is known (`jobs_with_memory`) and the most that one took. What was
    not measured of any job is empty.
    """
    rows = []
    for rule, names in jobs.items():
        measured = [read_benchmark(Path(benchmarks, f"{name}.tsv")) for name in names]
        if measured:
            table = pd.DataFrame(measured, columns=["seconds", "memory"])
            seconds, memory = table["seconds"], table["memory"]
            rows.append(
                {
                    "rule": rule,
                    "jobs": len(table),
                    "jobs_timed": seconds.count(),
                    "seconds_total": round(seconds.sum(min_count=1), 2),
                    "seconds_median": round(seconds.median(), 2),
                    "seconds_max": seconds.max(),
                    "jobs_with_memory": memory.count(),
                    "memory_max_mb": memory.max(),
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def cost(names: Iterable[str], benchmarks: str | Path, patients: int) -> pd.DataFrame:
    """What a reconstruction takes, by method and number of views.

    names : of the jobs, {rule}/{method}/views-{views}/seed-{seed} for so many patients each, or
    with /{patient} for one. Returns method, views, seconds_per_patient, the job's start included
    and shared by its patients, and peak_mb: the most of all seeds. What was not measured is empty.
    """
    rows = []
    for name in names:
        _, method, views, _, *one = name.split("/")
        seconds, memory = read_benchmark(Path(benchmarks, f"{name}.tsv"))
        each = seconds / (1 if one else patients)
        rows.append((method, int(views.removeprefix("views-")), each, memory))
    table = pd.DataFrame(rows, columns=["method", "views", "seconds_per_patient", "peak_mb"])
    table = table.groupby(["method", "views"], as_index=False).max().round(3)
    return table.sort_values(["method", "views"], ascending=[True, False])


def devices(names: Iterable[str], logs: str | Path) -> dict[str, str]:
    """What each of these jobs trained or optimised on, as its log says."""
    words = "(?:no GPU found: )?(?:training|optimising) on "
    return {name: next(_log_values(name, logs, words), "not recorded") for name in names}


def machines(names: Iterable[str], logs: str | Path) -> dict[str, int]:
    """The machines that the logs of these jobs name, and how many jobs name each."""
    said = (found for name in names for found in _log_values(name, logs, "machine: "))
    return dict(Counter(found.split(",")[0] for found in said))  # after it, what differs by job


def _log_values(name: str, logs: str | Path, words: str) -> Iterator[str]:
    """What follows the words in the lines of a job's log that begin with them."""
    log = Path(logs, f"{name}.log")
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return (match[1].strip() for match in re.finditer(rf" INFO {words}(.+)", text))


def revision(file: str | Path) -> dict[str, Any]:
    """Git commit of the checkout that holds a source file, and whether its code was modified.

    A copy of the code inside somebody else's checkout is none of ours.
    """
    tracked = ("ls-files", "--error-unmatch", Path(file).resolve().as_posix())
    code = (":/Snakefile", ":/workflow", ":/resources", ":/envs")
    try:
        _git(file, *tracked)
        changed = _git(file, "status", "--porcelain", "--", *code)
        return {"commit": _git(file, "rev-parse", "HEAD"), "modified": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": NO_CHECKOUT, "modified": None}


def _git(file: str | Path, *command: str) -> str:
    folder = Path(file).resolve().parent
    # A checkout of another owner is read too: its code runs here anyway. No program of its config.
    trusted = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false")
    done = subprocess.run(["git", *trusted, "-C", folder, *command], capture_output=True, text=True)
    done.check_returncode()
    return done.stdout.strip()


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that the study imports; None for one not found."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def machine() -> dict[str, Any]:
    """CPU, memory and operating system of this machine, without its name or its user's."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
    return match[1] if match else platform.processor() or platform.machine()


def digest(path: str | Path) -> dict[str, Any]:
    """Size in bytes and SHA-256 of a file."""
    with open(path, "rb") as file:
        return {
            "bytes": os.fstat(file.fileno()).st_size,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
        }


def without_folders(config: Any) -> Any:
    """A config whose absolute paths are cut to the name of the file or folder."""
    if isinstance(config, Mapping):
        return {key: without_folders(value) for key, value in config.items()}
    if isinstance(config, list):
        return [without_folders(value) for value in config]
    if isinstance(config, str) and config.startswith(("/", "~")):
        return Path(config).name
    return config
