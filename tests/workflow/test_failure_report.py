"""One file that says which jobs failed and why, and what is said about a locked folder."""

import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from angiovox_pipeline import failure_report
from conftest import TINY_ARGUMENTS, snakemake, tiny
from plans import LAST, planned

TRACE = "12:00 ERROR stage failed ()\nTraceback\n  File x\nValueError: {}\n"


class Run:
    """A run as its log records tell it."""

    def __init__(self, folder):
        self.folder, self.watch = folder, failure_report.FailureReport(folder / "failures.txt")
        self.logger = logging.getLogger("run of test_failures")
        self.logger.handlers, self.logger.propagate = [], False
        self.logger.setLevel(logging.INFO)
        self.watch.start(self.logger)
        self.jobs = {}

    def begin(self, number, rule, **wildcards):
        log = self.folder / f"{rule}-{number}.log"
        self.jobs[number] = {"jobid": number, "rule_name": rule, "log": [str(log)]}
        job = self.jobs[number] | {"wildcards": wildcards, "event": "job_info"}
        self.logger.info("", extra=job)
        return log

    def fail(self, number, message=None, indent=False, **aux):
        said = {"rule_msg": message, "indent": indent, "aux": aux, "event": "job_error"}
        self.logger.error("", extra=self.jobs[number] | said)

    def fail_group(self, *numbers, **aux):
        jobs = [self.jobs[number] for number in numbers]
        said = {"event": "group_error", "job_error_info": jobs, "aux_logs": [], **aux}
        self.logger.error("", extra=said)
        for number in numbers:
            self.fail(number, indent=True)

    def end(self, words):
        self.logger.error(f"Command 'x' {words}.", extra={"event": "error", "exception": "E"})

    def finish(self, number):
        self.logger.info("", extra={"event": "job_finished", "job_id": number})

    def lines(self):
        path = self.folder / "failures.txt"
        return path.read_text().splitlines() if path.exists() else None


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_a_run_without_failure_leaves_no_file_and_removes_an_earlier_one(tmp_path):
    (tmp_path / "failures.txt").write_text("of an earlier run")
    run = Run(tmp_path)
    run.begin(1, "stage")
    run.finish(1)
    assert run.lines() is None
    assert run.watch.summary() == failure_report.UNEXPLAINED


@pytest.mark.parametrize("field", ["jobid", "rule_name", "log", "wildcards", "indent", "aux"])
def test_a_renamed_field_of_snakemakes_log_warns_once_and_ends_no_run(run, caplog, field):
    fields = {"jobid": 1, "rule_name": "stage", "log": [], "wildcards": {}, "indent": False}
    fields |= {"rule_msg": None, "aux": {}}
    del fields[field]
    for event in ("job_info", "job_error", "job_info", "job_error"):
        run.logger.error("", extra=fields | {"event": event})
    (warning,) = [one for one in caplog.records if one.name == "angiovox_pipeline"]
    assert field in warning.getMessage() and "failures.txt" in warning.getMessage()


def test_a_failed_job_is_named_with_its_reason_and_log(run):
    log = run.begin(1, "train", method="dae", views="2")
    log.write_text("11:59 INFO epoch 1\n" + TRACE.format("boom"))
    run.fail(1)
    assert run.lines() == [
        "Failed jobs:",
        f"  train, method dae, views 2: ValueError: boom ({log})",
    ]


def test_a_patients_failure_says_that_the_patient_is_missing(run):
    log = run.begin(1, "convert", patient="p1")
    log.write_text("12:00 ERROR patient p1: missing slices between 3 and 5\n")
    run.fail(1)
    assert run.lines() == [
        "Patients with failed jobs:",
        f"  p1: convert: missing slices between 3 and 5 ({log})",
    ]


def test_a_job_is_named_once(run):
    log = run.begin(1, "mesh", method="dae", views="2", patient="p1")
    log.write_text("12:00 ERROR method dae, views 2, patient p1: nothing there\n")
    run.fail(1)
    assert run.lines()[1:] == [f"  p1: mesh, method dae, views 2: nothing there ({log})"]


def test_a_job_without_a_message_was_killed(run):
    run.begin(1, "train").write_text("11:59 INFO epoch 1\n")
    run.begin(2, "figure")  # without a log
    run.fail(1)
    run.fail(2)
    assert [failure_report.SILENT in line for line in run.lines()] == [False, True, True]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("returned non-zero exit status 1", failure_report.UNLOGGED),
        ("returned non-zero exit status 137", failure_report.SILENT),
        ("died with <Signals.SIGKILL: 9>", failure_report.SILENT),
    ],
)
def test_a_script_that_could_not_start_is_told_from_one_that_was_killed(run, words, expected):
    run.begin(1, "train")
    run.end(words)
    run.fail(1)
    assert expected in run.lines()[1]
    run.begin(2, "figure")  # nothing is said of how this one ended
    run.fail(2)
    assert f"figure: {failure_report.SILENT}" in run.lines()[1]


def test_an_error_that_an_earlier_run_left_is_no_reason(run):
    (run.folder / "train-1.log").write_text(TRACE.format("long ago"))
    run.begin(1, "train")
    run.fail(1)
    assert "long ago" not in run.lines()[1] and failure_report.SILENT in run.lines()[1]


def test_the_cluster_says_why_it_ended_a_job(run):
    said = "SLURM-job '7' failed, SLURM status is: 'TIMEOUT'. For further error details see x."
    slurm = run.folder / "7.log"
    slurm.write_text("slurmstepd: error\n")
    run.begin(1, "train")
    run.jobs[1]["log"].append(str(slurm))
    run.fail(1, said, external_jobid="7")
    line = run.lines()[1]
    assert "SLURM-job '7' failed, SLURM status is: 'TIMEOUT'." in line and str(slurm) in line
    assert failure_report.SILENT in line and "further" not in line


def test_a_job_that_the_cluster_refuses_was_not_killed(run):
    run.begin(1, "train")
    run.fail(1, "SLURM sbatch failed. The error message was 'no such partition'.\n    sbatch call")
    assert "no such partition" in run.lines()[1] and failure_report.SILENT not in run.lines()[1]


def test_a_job_that_fails_again_has_one_line_with_the_attempt(run):
    for words in ("first", "second"):
        run.begin(1, "train").write_text(TRACE.format(words))
        run.fail(1)
    assert len(run.lines()) == 2
    assert "train, attempt 2: ValueError: second" in run.lines()[1]


def test_a_job_that_succeeds_after_all_takes_its_line_back(run):
    for number in (1, 2):
        run.begin(number, "train")
        run.fail(number)
    run.finish(1)
    assert len(run.lines()) == 2
    run.finish(2)
    assert run.lines() is None


def test_of_a_group_the_member_with_the_error_is_named(run):
    for number, patient in enumerate("abc", start=1):
        log = run.begin(number, "mask", patient=patient)
        log.write_text(f"12:00 ERROR patient b: {patient} dark\n" if patient == "b" else "INFO x\n")
    run.fail_group(1, 2, 3, external_jobid="7")
    assert len(run.lines()) == 2 and "  b: mask: b dark (" in run.lines()[1]


def test_of_a_group_that_was_killed_the_last_to_write_is_named(run):
    for number, (rule, age) in enumerate({"convert": 20, "mask": 5, "project": None}.items()):
        log = run.begin(number, rule, patient="a")
        if age is not None:
            log.write_text("11:59 INFO at work\n")
            os.utime(log, (time.time() - age,) * 2)
    run.fail_group(0, 1, 2, external_jobid="7")
    [_, line] = run.lines()
    assert "  a: mask: " in line and failure_report.SILENT in line and "SLURM job 7" in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("t INFO fine\n", ""),
        ("t ERROR one\nt INFO between\nt ERROR two\n", "two"),
        (TRACE.format("deep"), "ValueError: deep"),
        ("t ERROR \n", ""),
    ],
)
def test_the_last_error_of_a_log(tmp_path, text, expected):
    (tmp_path / "log").write_text(text)
    assert failure_report.last_error(tmp_path / "log") == expected


# In a run of Snakemake


KILL = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
RAISE = "raise RuntimeError('boom')\n"


def test_dead_jobs_are_listed_and_a_rerun_takes_up_what_is_left(finished):
    """One job is killed and one raises: the rest is made, and nothing of theirs is left."""
    scripts = {"figure2": KILL, "iou_by_views": RAISE}
    before = {}
    for name, first_lines in scripts.items():
        path = finished / f"workflow/scripts/{name}.py"
        before[path] = path.read_text()
        path.write_text(first_lines + before[path])
    (finished / "results/figures/figure3.png").unlink()
    done = tiny(finished)
    assert done.returncode != 0
    listed = (finished / "logs/failures.txt").read_text()
    assert re.search(rf"^  figure2: {failure_report.SILENT} ", listed, re.M)
    assert re.search(r"^  iou_by_views: .* ", listed, re.M)
    assert len(listed.splitlines()) == 3 and listed in done.stdout
    figures = {path.name for path in (finished / "results/figures").glob("*.png")}
    assert "figure3.png" in figures and not {"figure2.png", "iou_by_views.png"} & figures
    for path, text in before.items():
        path.write_text(text)
    again = tiny(finished)
    assert again.returncode == 0, again.stdout
    assert set(planned(again.stdout)) <= {"figure2", "iou_by_views", *LAST}
    assert not (finished / "logs/failures.txt").exists()


def test_looking_at_a_study_keeps_the_file(finished):
    path = finished / "logs/failures.txt"
    path.write_text("of the last run")
    for look in (["-n", "--forceall"], ["--summary"], ["--rulegraph"]):
        assert tiny(finished, *look).returncode == 0
    assert path.read_text() == "of the last run"


# The lock


def test_a_lock_that_nobody_holds_may_be_undone(fresh):
    locks = fresh / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("results/tables/table1.csv\n")
    done = tiny(fresh)
    assert done.returncode != 0
    assert failure_report.NO_HOLDER in done.stdout
    assert tiny(fresh, "--unlock").returncode == 0
    assert not list(locks.glob("*.lock"))


def test_a_lock_that_somebody_holds_is_named_with_the_process(fresh):
    longer = {"methods": {"dae": {"epochs": 1_000_000}}}  # than anything that is waited for here
    (fresh / "longer.yaml").write_text(yaml.safe_dump(longer))
    command = [sys.executable, "-m", "snakemake", *TINY_ARGUMENTS, "longer.yaml"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    first = subprocess.Popen(command, cwd=fresh, start_new_session=True, **quiet)
    try:
        waited = time.monotonic() + 60
        while not list((fresh / ".snakemake/locks").glob("*.lock")):
            assert first.poll() is None and time.monotonic() < waited
            time.sleep(0.2)
        done = snakemake(fresh, *TINY_ARGUMENTS)
        assert done.returncode != 0
        assert f"Process {first.pid}, started" in done.stdout
        assert failure_report.NO_HOLDER not in done.stdout
        assert not Path(fresh / "logs/failures.txt").exists()
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
