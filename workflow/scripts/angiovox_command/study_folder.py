"""The hidden folder in which a reconstruction works, and what the rules are told there."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from angiovox.errors import InputError
from angiovox.io.atomic import atomic_file
from angiovox_pipeline.angiograms import ONE_RUN, check_run
from angiovox_pipeline.preflight.disk import check_writable

PATIENT = "patient"  # stands for whoever it is in all that is written
LINK = "run-{}"
VOXEL_MM = (0.2, 3.0)


@dataclass(frozen=True)
class Request:
    """What is to be reconstructed.

    runs : paths as they were given. out : folder of results. Others as in the config `angiograms`.
    """

    runs: tuple[str, ...]
    out: str
    voxel_mm: float = 0.5
    calibrate: bool = True
    identify: bool = False

    def check(self) -> None:
        """Refuse, before anything is written, what cannot be reconstructed.

        Raises InputError naming the argument.
        """
        for path in self.runs:
            check_run(path, path)
        if len(self.runs) < 2:
            raise InputError(
                f"{ONE_RUN} (angiovox inventory FOLDER lists the runs that a folder holds)"
            )
        real = [Path(path).resolve() for path in self.runs]
        for number, path in enumerate(real):
            if path in real[:number]:
                raise InputError(f"{self.runs[number]}: given twice; each run once")
            if Path(self.out).resolve().is_relative_to(path):
                raise InputError(f"--out {self.out}: within a run; choose a folder elsewhere")
        low, high = VOXEL_MM
        if not low <= self.voxel_mm <= high:
            raise InputError(f"--voxel-mm {self.voxel_mm:g}: expected {low:g} to {high:g}")

    def in_words(self, message: str) -> str:
        """A message about links to the runs, about the runs as they were given."""
        for number in range(len(self.runs), 0, -1):
            message = message.replace(LINK.format(number), self.runs[number - 1])
        return message

    @property
    def config(self) -> dict[str, object]:
        """The part of the config that this request sets."""
        settings = {name: getattr(self, name) for name in ("voxel_mm", "calibrate", "identify")}
        return {"angiograms": {"sheet": "runs.tsv", **settings}}


@dataclass(frozen=True)
class StudyFolder:
    """Where Snakemake works, within the folder of results.

    Paths of runs are often names of patients: while Snakemake works, links of other names lead to
    them, and nothing that stays holds their paths.
    """

    out: Path

    @property
    def work(self) -> Path:
        return self.out / ".angiovox"

    @property
    def log(self) -> Path:
        """What Snakemake says."""
        return self.work / "logs/snakemake.log"

    @property
    def files(self) -> Path:
        """What the rules make for the user."""
        return self.work / "results/angiograms" / PATIENT / "files"

    def log_of(self, job: str) -> Path:
        return self.work / "logs" / job / f"{PATIENT}.log"

    @contextmanager
    def held(self) -> Iterator[int]:
        """Keep others from working here; yields a descriptor that keeps them out as long as it is
        open, in this process or one that it starts.

        Raises InputError where the folder cannot be written, or another command works in it.
        """
        check_writable(self.out)
        check_writable(self.work)
        with (self.work / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"{self.out}: another angiovox works in this folder; wait for it, or choose "
                    "another"
                ) from None
            yield lock.fileno()

    @contextmanager
    def linked(self, request: Request) -> Iterator[Path]:
        """Write sheet and config, and keep links to the runs meanwhile; yields the config."""
        links = self.work / "runs"
        shutil.rmtree(links, ignore_errors=True)
        links.mkdir()
        try:
            names = [_link(links, *numbered) for numbered in enumerate(request.runs, start=1)]
            rows = ["patient\trun", *(f"{PATIENT}\truns/{name}" for name in names)]
            _write(self.work / "runs.tsv", "\n".join(rows) + "\n")
            config = self.work / "config.yaml"
            _write(config, yaml.safe_dump(request.config, sort_keys=False))
            yield config
        finally:
            shutil.rmtree(links, ignore_errors=True)


def _link(folder: Path, number: int, run: str) -> str:
    """A link to a run, as old as the run: a new one would be a new input."""
    link = folder / LINK.format(number)
    link.symlink_to(Path(run).resolve())
    times = os.stat(run)
    os.utime(link, ns=(times.st_atime_ns, times.st_mtime_ns), follow_symlinks=False)
    return link.name


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
