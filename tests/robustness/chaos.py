"""A study under fire: its jobs and its Snakemake are killed at random until it has ended.

    python tests/robustness/chaos.py --kills 50 --seed 1

Each kill is a SIGKILL: to a job with its children, to Snakemake alone, or to all of them at once,
as when the power fails. Snakemake is started anew until the study ends; then its tables must be
those of an undisturbed run byte for byte, with every file whole and nothing left over.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64decode
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import psutil

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "support"), str(TESTS.parent / "workflow/scripts")]

from conftest import TINY, TINY_ARGUMENTS, checkout  # noqa: E402
from wholeness import leftovers, torn  # noqa: E402

MEASURED = {"run_times.csv", "cost.csv"}  # other times in every run
STUDY = TINY | {
    "methods": TINY["methods"]
    | {"dae": {"epochs": 100}, "unet": False, "consistent": False, "cgan": False}
}  # long enough for kills between epochs
TARGETS = ("job", "job", "Snakemake", "job", "job", "Snakemake", "job", "job", "everything")
KILLS_PER_STUDY = 20
LAST_KILL = 0.8  # of the study's jobs done: later there may be nothing left to kill
PATIENCE = 6  # jobs that may pass until one comes of a rule that was hit least
POLL = 0.05  # seconds
GRACE = 5.0  # seconds in which a job must have ended after its Snakemake was killed
SNAKEMAKE = "Snakemake"
LOCKED = "Directory cannot be locked"
END_OF_FAILURE = "WorkflowError:\nAt least one job did not complete successfully."
SCRIPT = re.compile(r"/\.snakemake/scripts/[^.]+\.(\w+)\.py$")


@dataclass
class Toll:
    """What was killed, and what was found wrong after it."""

    kills: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    studies: int = 0
    runs: int = 0
    resumed: int = 0
    outlived: float = 0.0  # seconds that a job lived on after its Snakemake, at most

    def fault(self, text: str) -> None:
        print(f"FAULT {text}", flush=True)
        self.faults.append(text)

    def verdict(self) -> str:
        if self.faults:
            return "\n".join([f"FAILED, {len(self.faults)} faults:", *self.faults])
        kills = self.kills.total()
        return f"{kills} kills in {self.studies} studies: tables equal, no file torn"


# A study's folder


@dataclass
class Study:
    """A checkout in which Snakemake runs, and what can be seen of it from outside."""

    folder: Path
    targets: tuple[str, ...] = ()

    def start(self, *args: str) -> subprocess.Popen:
        """Start Snakemake; what it and its jobs say goes to `terminal.txt`."""
        command = [sys.executable, "-m", "snakemake", *self.targets, *args, *TINY_ARGUMENTS]
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
        with open(self.folder / "terminal.txt", "w") as terminal:
            return subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=terminal, stderr=terminal
            )

    def said(self) -> str:
        return (self.folder / "terminal.txt").read_text(errors="replace")

    def jobs(self) -> dict[psutil.Process, str]:
        """Running script jobs, whoever their parent is, by the name of their log."""
        found = {process: _job_name(process) for process in self.processes()}
        return {process: name for process, name in found.items() if name}

    def processes(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if _folder(process) == self.folder]

    def done(self) -> int:
        return len(self.files("results/benchmarks"))

    def finished(self) -> dict[str, int]:
        """Outputs that Snakemake knows to be finished, with their times of modification."""
        names = self._records("metadata") - self._records("incomplete")
        paths = {name: self.folder / name for name in names}
        return {name: path.stat().st_mtime_ns for name, path in paths.items() if path.exists()}

    def _records(self, kind: str) -> set[str]:
        """Paths that Snakemake keeps a record of; long ones are split into folders with an @."""
        records = self.files(f".snakemake/{kind}")
        return {
            urlsafe_b64decode(name.replace("/", "").replace("@", "")).decode() for name in records
        }

    def locked(self) -> bool:
        return bool(self.files(".snakemake/locks"))

    def files(self, below: str) -> list[str]:
        top = self.folder / below
        return sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file())


def _folder(process: psutil.Process) -> Path | None:
    try:
        return Path(process.cwd())
    except psutil.Error:  # it has ended
        return None


def _job_name(process: psutil.Process) -> str:
    """What a job works on, as its log is called; the script holds its Snakemake object."""
    try:
        scripts = [part for part in process.cmdline() if SCRIPT.search(part)]
    except psutil.Error:
        return ""
    if not scripts:
        return ""
    try:
        log = re.search(r"logs/([\w/.-]+?)\.log", Path(scripts[0]).read_text(errors="replace"))
    except FileNotFoundError:
        log = None
    return log[1] if log else SCRIPT.search(scripts[0])[1]


def rule_of(name: str) -> str:
    return name.split("/")[0]


# Kills


def slay(processes: list[psutil.Process]) -> None:
    """Kill processes with all that they started."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            children = process.children(recursive=True)
            process.kill()
            slay(children)


def usual_seconds(reference: Path) -> dict[str, float]:
    """How long each job takes when nobody disturbs it, by its name."""
    top = reference / "results/benchmarks"
    return {
        str(path.relative_to(top).with_suffix("")): float(pd.read_csv(path, sep="\t")["s"].iloc[0])
        for path in top.rglob("*.tsv")
    }


class Killer:
    """Kills after drawn numbers of finished jobs, at drawn moments, rules in turn."""

    def __init__(self, study: Study, reference: Path, rng: random.Random, toll: Toll, kills: int):
        self.study, self.rng, self.toll = study, rng, toll
        self.usual = usual_seconds(reference)
        self.rules = {rule_of(name) for name in self.usual}
        last = LAST_KILL * len(self.usual)
        self.moments = sorted((rng.uniform(0, last) for _ in range(kills)), reverse=True)

    def run(self) -> tuple[subprocess.Popen, Counter]:
        """One run of Snakemake, to its end or its death; returns it and its kills."""
        snakemake, killed = self.study.start(), Counter()
        while snakemake.poll() is None:
            time.sleep(POLL)
            if self.moments and self.study.done() >= self.moments[-1]:
                target = TARGETS[self.toll.kills.total() % len(TARGETS)]
                hit = self._kill_job() if target == "job" else self._kill(snakemake, target)
                if hit:
                    self.moments.pop()
                    killed[hit] += 1
                    self.toll.kills[hit] += 1
        snakemake.wait()
        return snakemake, killed

    def _kill_job(self) -> str:
        """Kill a running job, of a rule that was hit least if one comes; "" where none was hit."""
        jobs, hits = self.study.jobs(), self.toll.kills
        late = self.study.done() > self.moments[-1] + PATIENCE
        least = min(hits[rule] for rule in self.rules)
        due = [job for job, name in jobs.items() if late or hits[rule_of(name)] <= least]
        if not due:
            return ""
        job = self.rng.choice(due)
        age = time.time() - job.create_time()
        time.sleep(self.rng.uniform(0, max(0.2, self.usual.get(jobs[job], 1) - age)))
        if not job.is_running() or job.status() == psutil.STATUS_ZOMBIE:
            return ""
        self._tell(f"{jobs[job]}, {time.time() - job.create_time():.1f} s old")
        slay([job])
        return rule_of(jobs[job])

    def _kill(self, snakemake: subprocess.Popen, target: str) -> str:
        """Kill Snakemake alone or with its jobs, and see that no job outlives it."""
        time.sleep(self.rng.uniform(0, 4))
        if snakemake.poll() is not None:
            return ""
        self._tell(f"{target}, with {', '.join(self.study.jobs().values()) or 'no job'} running")
        snakemake.kill()
        snakemake.wait()
        if target == "everything":
            slay(self.study.processes())
        self._expect_no_orphan()
        return target

    def _expect_no_orphan(self) -> None:
        killed = time.monotonic()
        while self.study.jobs() and time.monotonic() < killed + GRACE:
            time.sleep(POLL)
        self.toll.outlived = max(self.toll.outlived, time.monotonic() - killed)
        if orphans := self.study.jobs():
            names = ", ".join(orphans.values())
            self.toll.fault(f"{names}: still running {GRACE:g} s after Snakemake was killed")
        slay(self.study.processes())

    def _tell(self, what: str) -> None:
        number = self.toll.kills.total() + 1
        print(f"kill {number}: {what}, {self.study.done()} jobs done", flush=True)


# Studies


def campaign(
    clone: Path, reference: Path, work: Path, kills: int, seed: int, targets: tuple[str, ...] = ()
) -> Toll:
    """Let studies end under fire until enough was killed.

    clone : checkout to copy. reference : the same study after an undisturbed run.
    work : folder for the studies. targets : what Snakemake is asked for, by default everything.
    """
    rng, toll = random.Random(seed), Toll()
    ended = True
    while ended and toll.kills.total() < kills:
        toll.studies += 1
        folder = work.resolve() / f"study-{toll.studies}"
        study = Study(shutil.copytree(clone, folder), targets)
        left = min(kills - toll.kills.total(), KILLS_PER_STUDY)
        try:
            if ended := finish(study, Killer(study, reference, rng, toll, left), toll):
                judge(study, reference, toll)
        finally:
            slay(study.processes())
    return toll


def finish(study: Study, killer: Killer, toll: Toll) -> bool:
    """Start Snakemake until it has finished the study; False where it fails unkilled."""
    explained = False  # a lock, by a kill of the run before
    while True:
        toll.runs += 1
        before = study.finished()
        ended, killed = killer.run()
        after = study.finished()
        for path in sorted(path for path in before if after.get(path) != before[path]):
            toll.fault(f"{path}: was finished and made again or lost")
        shot = killed["Snakemake"] + killed["everything"]
        if shot:
            explained = study.locked()
        elif ended.returncode == 0:
            return True
        elif explained and LOCKED in study.said():
            explained = not unlock(study, toll)
        elif not killed or other_failures(study.said()):
            toll.fault(f"failed, and not by {killed.total()} kills:\n{study.said()}")
            return False


def other_failures(said: str) -> list[str]:
    """Failures in Snakemake's output that are not those of a job ended by SIGKILL."""
    said = said.replace(END_OF_FAILURE, "")
    commands = re.findall(r"^Command '.*", said, re.M)
    errors = re.findall(r"^\w+(?:Exception|Error)\b.*", said, re.M)
    of_kills = ("RuleException:", "CalledProcessError")
    return [line for line in commands if "died with <Signals.SIGKILL" not in line] + [
        line for line in errors if not line.startswith(of_kills)
    ]


def unlock(study: Study, toll: Toll) -> bool:
    """Follow what the refusal by a lock says."""
    if "--unlock" not in study.said():
        toll.fault(f"the lock is not explained:\n{study.said()}")
    if study.start("--unlock").wait() or study.locked():
        toll.fault(f"the lock cannot be removed:\n{study.said()}")
    return True


def judge(study: Study, reference: Path, toll: Toll) -> None:
    """Compare a study that ended with the undisturbed one."""
    other = Study(reference, study.targets)
    results = study.folder / "results"
    for fault in torn(results) + [f"{path}: left over" for path in leftovers(study.folder)]:
        toll.fault(fault)
    for below in ("results/tables", "logs", "results/benchmarks"):
        if unequal := set(study.files(below)) - set(other.files(below)):
            toll.fault(f"{below}: not of this study: {sorted(unequal)}")
    for name in set(other.files("results/tables")) - MEASURED:
        table = results / "tables" / name
        if not table.exists():
            toll.fault(f"{table}: missing")
        elif table.read_bytes() != (reference / "results/tables" / name).read_bytes():
            toll.fault(f"{table}: differs from the undisturbed run's")
    if study.locked():
        toll.fault(f"{study.folder}: still locked")
    logs = (study.folder / "logs/train").rglob("*.log")
    toll.resumed += sum("resuming after epoch" in path.read_text() for path in logs)


def undisturbed(clone: Path, work: Path) -> Path:
    """The study that nobody disturbs, to compare with."""
    study = Study(shutil.copytree(clone, work.resolve() / "undisturbed"))
    if study.start().wait():
        sys.exit(f"the undisturbed run failed:\n{study.said()}")
    return study.folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="at least so many (default 50)")
    parser.add_argument("--seed", type=int, default=1, help="of what is killed when (default 1)")
    given, started = parser.parse_args(), time.monotonic()
    print(f"seed {given.seed}", flush=True)
    work = Path(tempfile.mkdtemp(prefix="angiovox-chaos-"))
    clone = checkout(work / "clone", STUDY)
    reference = undisturbed(clone, work)
    print(f"undisturbed run: {time.monotonic() - started:.0f} s", flush=True)
    toll = campaign(clone, reference, work, given.kills, given.seed)
    minutes = (time.monotonic() - started) / 60
    for name, count in toll.kills.most_common():
        print(f"{count:4} {name}")
    print(f"{toll.runs} runs of Snakemake, {toll.resumed} trainings resumed, {minutes:.1f} min")
    print(f"jobs ended at most {toll.outlived:.1f} s after their Snakemake")
    print(toll.verdict())
    if toll.faults:
        sys.exit(f"the studies are kept in {work}")
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
