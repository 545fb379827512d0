"""Which jobs of a run failed and why, in one place; and who holds the lock of a folder."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil

SILENT = "ended without a message: killed, out of memory or over time"
UNLOGGED = "failed before its log began; the terminal says why"
UNEXPLAINED = "No job says why; see the messages above and logs/."
UNKNOWN_RECORD = (
    "The log of this version of Snakemake has other fields ({error}): {path} is not written; the "
    "messages above say which jobs failed."
)
WARNINGS = logging.getLogger("angiovox_pipeline")
NO_HOLDER = (
    "No Snakemake is at work in this folder on this machine. If none is on another machine either "
    "(on a cluster: look at its login nodes and at your jobs in the queue), the run that held the "
    "lock was killed: `snakemake --unlock`, and start again. What is finished is kept."
)
HELD = (
    "Process {number}, started {minutes:.0f} min ago, is at work in this folder: wait for it or "
    "stop it, and do not unlock while it runs."
)


class FailureReport(logging.Handler):
    """Writes a file from a run's log records: a line for each job that failed, with the reason.

    A job that fails again replaces its line, one that succeeds after all takes it back; without a
    failure there is no file.
    """

    def __init__(self, path: str | Path):
        super().__init__()
        self.path = Path(path)
        self.started: dict[int, Mapping[str, Any]] = {}  # by job: wildcards, earlier logs
        self.attempts: dict[int, int] = {}
        self.ended: dict[int, str] = {}  # by thread: how a local job ended
        self.failed: dict[int, tuple[str, str]] = {}  # by job: its patient or "", and the line
        self.is_broken = False

    def start(self, logger: logging.Logger) -> None:
        """Follow a run that begins now; what an earlier one left is removed."""
        self.path.unlink(missing_ok=True)
        logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take notice of a job's start, success or failure.

        The fields of Snakemake's records are no public interface: without one of them, a warning
        says so and the run goes on without this report.
        """
        if self.is_broken:
            return
        try:
            self._record(record)
        except (AttributeError, KeyError, TypeError) as error:
            self.is_broken = True
            WARNINGS.warning(UNKNOWN_RECORD.format(path=self.path, error=repr(error)))

    def _record(self, record: logging.LogRecord) -> None:
        fields = vars(record)
        event = fields.get("event")
        if event == "job_info":
            earlier = _times(fields["log"])
            self.started[fields["jobid"]] = {"wildcards": fields["wildcards"], "earlier": earlier}
        elif event == "job_finished" and self.failed.pop(fields["job_id"], None):
            self._write()
        elif event == "error":  # of a local job, whose thread says next which one
            self.ended[fields["thread"]] = record.getMessage()
        elif event == "job_error" and not fields["indent"]:  # indented: of a group, reported before
            ended = self.ended.pop(fields["thread"], "")
            unsaid = _cluster_says(fields["rule_msg"], **fields["aux"])
            self._fail(fields, UNLOGGED if _exited(ended) else unsaid)
        elif event == "group_error":
            for job in self._to_blame(fields["job_error_info"]):
                number = fields.get("external_jobid")
                self._fail(job, SILENT + f"; SLURM job {number}" * bool(number), fields["aux_logs"])

    def report(self) -> str:
        """What the file says."""
        patients = sorted(f"  {who}: {line}" for who, line in self.failed.values() if who)
        others = sorted(f"  {line}" for who, line in self.failed.values() if not who)
        parts = [["Patients with failed jobs:", *patients]] * bool(patients)
        parts += [["Failed jobs:", *others]] * bool(others)
        return "\n".join(line for part in parts for line in part)

    def summary(self) -> str:
        """What to tell the user at the end of a run that failed."""
        if not self.failed:
            return UNEXPLAINED
        return f"{self.report()}\n{self.path} keeps this; a rerun takes up what is left."

    def _fail(self, job: Mapping[str, Any], unsaid: str, more_logs: Iterable[str] = ()) -> None:
        """Note a failed job, and `unsaid` where its log has no error."""
        number = job["jobid"]
        wildcards = dict(self.started.get(number, {}).get("wildcards") or {})
        who = _named(wildcards)
        self.attempts[number] = self.attempts.get(number, 0) + 1
        patient = wildcards.pop("patient", "")
        words = [job["rule_name"], *filter(None, [_named(wildcards)])]
        words += [f"attempt {self.attempts[number]}"] * (self.attempts[number] > 1)
        why = self._message(job).removeprefix(f"{who}: ") or unsaid
        logs = ", ".join([*self._new_logs(job), *_times(more_logs)]) or "no log"
        self.failed[number] = (patient, f"{', '.join(words)}: {why} ({logs})")
        self._write()

    def _to_blame(self, jobs: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Of a group, where one failure ends all: those with an error, or the last that wrote."""
        last = max(jobs, key=lambda job: max(self._new_logs(job).values(), default=0))
        return [job for job in jobs if self._message(job)] or [last]

    def _message(self, job: Mapping[str, Any]) -> str:
        return next(filter(None, map(last_error, self._new_logs(job))), "")

    def _new_logs(self, job: Mapping[str, Any]) -> dict[str, int]:
        """A job's logs and their times, without what an earlier run left: this one may have been
        lost before the job began."""
        earlier = self.started.get(job["jobid"], {}).get("earlier", {})
        return {path: at for path, at in _times(job["log"]).items() if at != earlier.get(path)}

    def _write(self) -> None:
        if self.failed:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(self.report() + "\n", encoding="utf-8")
        else:
            self.path.unlink(missing_ok=True)


class LockHint(logging.Filter):
    """Adds to Snakemake's message on a locked folder what holds the lock."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if getattr(record, "exception", None) == "LockException":
            record.msg = f"{record.msg}\n{holder(os.getcwd())}"
        return True


def holder(folder: str | Path) -> str:
    """What to do about the lock of a folder: who works in it, or that nobody does."""
    own = {process.pid for process in (psutil.Process(), *psutil.Process().parents())}
    others = [
        process
        for process in psutil.process_iter(["pid", "cwd", "cmdline", "create_time"])
        if process.info["cwd"] == str(folder)
        and process.pid not in own
        and any(_is_snakemake(word) for word in process.info["cmdline"] or ())
    ]
    if not others:
        return NO_HOLDER
    oldest = min(others, key=lambda process: process.info["create_time"])
    minutes = (time.time() - oldest.info["create_time"]) / 60
    return HELD.format(number=oldest.pid, minutes=minutes)


def last_error(log: str | Path) -> str:
    """The error that a log ends with: its message, or the last line of its trace."""
    _, error, rest = Path(log).read_text(encoding="utf-8", errors="replace").rpartition(" ERROR ")
    lines = [line.strip() for line in rest.splitlines() if line.strip()]
    return lines[-1] if error and lines else ""


def _cluster_says(message: str | None, external_jobid: str | None = None, **_: Any) -> str:
    """Why a job without an error in its log ended, as far as the cluster knows."""
    reason = (message or "").partition("For further error details")[0].strip().partition("\n")[0]
    if reason and external_jobid is None:  # never submitted
        return reason
    return f"{SILENT}; {reason}" if reason else SILENT


def _exited(message: str) -> bool:
    """Whether a process ended by itself; a shell gives 128 and more for one that was killed."""
    status = re.search(r"returned non-zero exit status (\d+)", message)
    return bool(status) and int(status[1]) < 128


def _is_snakemake(word: str) -> bool:
    """Whether a word of a command line says that it is Snakemake's or one of its scripts."""
    return Path(word).name == "snakemake" or ".snakemake/scripts" in word


def _named(wildcards: Mapping[str, Any]) -> str:
    """A job by its wildcards, as its log's error begins."""
    return ", ".join(f"{name} {value}" for name, value in wildcards.items())


def _times(paths: Iterable[str]) -> dict[str, int]:
    """Modification times of those of the files that exist."""
    return {path: os.stat(path).st_mtime_ns for path in paths if os.path.exists(path)}
