"""From runs on the command line to results in a folder, by the rules that reconstruct a cohort."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from types import FrameType

from angiovox.errors import InputError
from angiovox_pipeline.failure_report import last_error

from . import results, snakemake_call
from .progress import Progress
from .study_folder import PATIENT, Request, StudyFolder

PAUSE = 0.1  # seconds between two looks at the logs
PATIENCE = 20  # seconds that jobs may take to end when they are asked to
SNAKEFILE, TARGET = "workflow/Snakefile", "angiograms"
JOBS = ("reconstruct_angiograms", "present_angiograms")  # in their order


def reconstruct(request: Request, cores: int, dry_run: bool = False) -> int:
    """Reconstruct, or say what would be done; returns 0.

    Raises InputError in one sentence for what cannot be reconstructed, and where a job failed.
    """
    request.check()
    folder = StudyFolder(Path(request.out))
    options = ["--nolock", *(["--dry-run"] if dry_run else [])]  # the folder has a lock of its own
    with folder.held() as lock, folder.linked(request) as config, _signals_as_interrupts():
        options += ["--configfile", config.name]
        command = snakemake_call.command(cores, TARGET, *options, snakefile=SNAKEFILE)
        is_done = _run(command, folder, lock, Progress(sys.stderr) if not dry_run else None)
        if not is_done:
            raise InputError(request.in_words(_why_failed(folder)))
        if dry_run:
            print(_plan(folder, request))
            return 0
        print(results.publish(folder, Path(request.out)))
    return 0


def _run(command: list[str], folder: StudyFolder, lock: int, progress: Progress | None) -> bool:
    """Run Snakemake to its end and follow its jobs; whether all of them succeeded."""
    for job in JOBS:
        folder.log_of(job).unlink(missing_ok=True)
    folder.log.parent.mkdir(exist_ok=True)
    with folder.log.open("w", encoding="utf-8") as log:
        process = snakemake_call.start(command, folder.work, log, keep=[lock])
    try:
        while process.poll() is None:
            if progress:
                progress.follow(map(folder.log_of, JOBS))
            sleep(PAUSE)
        return process.returncode == 0
    finally:
        if process.poll() is None:
            _end(process)
        if progress:
            progress.close()


def _end(process: subprocess.Popen) -> None:
    """End Snakemake with its jobs, which leave nothing half-written."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _why_failed(folder: StudyFolder) -> str:
    """The sentence of the job that failed, or where Snakemake says why none began."""
    for job in JOBS:
        log = folder.log_of(job)
        if log.is_file() and (message := last_error(log)):
            return message.removeprefix(f"patient {PATIENT}: ")
    return f"the work ended early; {folder.log} says why, and the same command tries again"


def _plan(folder: StudyFolder, request: Request) -> str:
    """What a run would do, as Snakemake planned it."""
    text = folder.log.read_text(encoding="utf-8", errors="replace")
    if "Nothing to be done" in text:
        return f"Nothing to be done: {request.out} is up to date."
    words = {JOBS[0]: "reconstruct the arteries", JOBS[1]: "write the files and the page"}
    todo = " and ".join(what for job, what in words.items() if job in text)
    return f"{len(request.runs)} runs; this would {todo} in {request.out}. Nothing was done."
