"""Patients whose angiograms are reconstructed: a sheet with a row for each run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from angiovox.errors import InputError
from angiovox.io.folders import check_exists, check_name, folders
from snakemake.exceptions import WorkflowError
from snakemake.io import contains_wildcard

from .config import check_schema
from .patient_folders import fingerprint
from .places import ROOT
from .sheets import read_rows, stripped

KEY = "angiograms.sheet"
COLUMNS = ("patient", "run")
WEIGHTS = ROOT / "resources/angiogram_network/configs/metadata.json"
THREADS = 8  # of a job at most, fewer where there are fewer cores
MOST_FRAMES = 10_000  # of a run
ONE_RUN = (
    "one run, and a single direction of view shows where contrast lies across the beam and how "
    "much of it, but nothing of its depth; add a run from another direction, at least 20 degrees "
    "away"
)


@dataclass(frozen=True)
class GivenRun:
    """A run as the sheet names it.

    path : of its file, or of the folder of its frames, from the folder that Snakemake works in.
    masks, contrast : frames counted from 0, None for those that the file names.
    """

    path: str
    masks: tuple[int, ...] | None = None
    contrast: tuple[int, ...] | None = None

    @property
    def options(self) -> dict[str, list[int]]:
        """What the sheet says of its frames, as the reader of runs takes it."""
        given = {"masks": self.masks, "contrast": self.contrast}
        return {name: list(frames) for name, frames in given.items() if frames}


def read_sheet(sheet: str | None) -> dict[str, list[GivenRun]]:
    """The runs of each patient, in the order of the rows; none for no sheet. No image is read.

    Raises InputError naming the sheet, the line or the patient.
    """
    if sheet is None:
        return {}
    if not Path(sheet).is_file():
        raise InputError(f"{KEY}: {sheet} does not exist")
    rows, columns = read_rows(sheet)
    if not {*COLUMNS} <= {*columns}:
        raise InputError(f"{sheet}: expected the tab-separated columns patient and run")
    if not rows:
        raise InputError(f"{sheet}: no run in it; add a row, or set {KEY}: null")
    patients: dict[str, list[GivenRun]] = {}
    seen: dict[Path, int] = {}
    for line, row in rows:
        where, row = f"{sheet} line {line}", stripped(row)
        check_schema(row, "angiograms.schema.yaml", where)
        run = _given_run(row, sheet, where)
        check_run(run.path, f"{where}: patient {row['patient']}: {row['run']}")
        _check_owner(run, row, line, seen, sheet)
        patients.setdefault(row["patient"], []).append(run)
    for name, runs in patients.items():
        if len(runs) < 2:
            raise InputError(f"{sheet}: patient {name} has {ONE_RUN}")
    return patients


def check_run(path: str, where: str) -> None:
    """Raise InputError for a path of a run that is not there, or that Snakemake cannot take."""
    try:
        check_name(path)
        check_exists(path)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _given_run(row: dict[str, str], sheet: str, where: str) -> GivenRun:
    path = os.path.normpath(os.path.join(os.path.dirname(sheet), row["run"]))
    masks, contrast = (_frames(row.get(name, ""), where) for name in ("masks", "contrast"))
    if contrast and not masks:
        raise InputError(f"{where}: contrast without masks; name the mask frames, too")
    return GivenRun(path, masks, contrast)


def _frames(text: str, where: str) -> tuple[int, ...] | None:
    """Frames counted from 0 of a text such as 1,4-6, counted from 1."""
    if not text:
        return None
    frames: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers = range(int(first) - 1, min(int(last or first), MOST_FRAMES + 1))
        if not numbers or numbers[-1] >= MOST_FRAMES:
            raise InputError(f"{where}: {part}: expected frames from 1 to {MOST_FRAMES}, in order")
        frames += numbers
    return tuple(dict.fromkeys(frames))


def _check_owner(
    run: GivenRun, row: dict[str, str], line: int, seen: dict[Path, int], sheet: str
) -> None:
    """Refuse a run that another row has: of two patients, or as two directions of one."""
    first = seen.setdefault(Path(run.path).resolve(), line)
    if first != line:
        raise InputError(
            f"{sheet} line {line}: patient {row['patient']}: {row['run']} is in line {first}, too; "
            "a row for each run"
        )


@dataclass(frozen=True)
class Wanted:
    """The files of all patients, for the target's rule to take.

    Snakemake goes through them when the target is asked for, and then there has to be a sheet.
    """

    pattern: str
    patients: dict[str, list[GivenRun]]

    def __iter__(self) -> Iterator[str]:
        if not self.patients:
            raise WorkflowError(
                f"{KEY}: null; name the sheet of runs, such as config/angiograms.tsv "
                "(config/README.md explains its columns)"
            )
        return iter([self.pattern.format(patient=name) for name in self.patients])


def folders_within(runs: list[GivenRun]) -> list[str]:
    """Folders below those of runs, which are newer once something is added or taken away there.

    Snakemake takes {name} for a wildcard: such folders are left out, `fingerprints` has them.
    """
    below = [folder for run in runs for folder, _ in list(folders(run.path))[1:]]
    return [path for path in below if not contains_wildcard(path)]


def digest_of_weights() -> str:
    """SHA-256 of the network's weights as its metadata have it; empty where there are none."""
    if not WEIGHTS.is_file():
        return ""
    return json.loads(WEIGHTS.read_text(encoding="utf-8")).get("sha256", "")


def fingerprints(runs: list[GivenRun]) -> list[str]:
    """What changes with any file of each run."""
    return [fingerprint(run.path) for run in runs]
