"""What every job says: where it runs first, and one clear line where it ends early."""

import subprocess
import sys
from pathlib import Path

import pytest
from angiovox_pipeline import watchdog
from conftest import ROOT
from pieces import written_pieces

SCRIPTS = ROOT / "workflow/scripts"
PROGRAM = """
import sys, types
sys.path.insert(0, sys.argv[1])
{before}
from angiovox_pipeline.job import job
from angiovox.errors import InputError, TrainingInterrupted, CorruptFileError

wildcards = {{"method": "dae", "views": 2, "seed": 1}} if {wildcards} else {{}}
snakemake = types.SimpleNamespace(
    log=[sys.argv[2]], output=["model.pt"], wildcards=wildcards, rule="train"
)
with job(snakemake) as log:
    {body}
"""


def run(folder, body, before="", wildcards=True, **environment):
    """Run a job in a process of its own; its exit status, standard error and log."""
    log = folder / "job.log"
    program = PROGRAM.format(before=before, body=body, wildcards=wildcards)
    done = subprocess.run(
        [sys.executable, "-c", program, SCRIPTS, log],
        env={"PATH": "/usr/bin", **environment},
        text=True,
        capture_output=True,
    )
    return done.returncode, done.stderr, log.read_text()


def test_a_log_begins_with_the_machine_and_goes_on_with_what_the_job_says(tmp_path):
    (tmp_path / "job.log").write_text("of an earlier try\n")
    status, error, log = run(tmp_path, "log('a line')")
    node = subprocess.run(["uname", "-n"], capture_output=True, text=True).stdout.strip()
    first, second = (line.partition(" INFO ")[2] for line in log.splitlines())
    assert (status, error) == (0, "")
    assert first == f"machine: {node}"
    assert second == "a line"


def test_on_slurm_the_number_of_the_job_is_told(tmp_path):
    _, _, log = run(tmp_path, "pass", SLURM_JOB_ID="4711")
    assert log.splitlines()[0].endswith(", SLURM job 4711")


@pytest.mark.parametrize(("count", "told"), [(0, "no GPU"), (2, "2 GPU")])
def test_a_job_that_knows_of_gpus_says_how_many_it_has(tmp_path, count, told):
    """A stand-in for torch, which takes seconds to import."""
    cuda = f"types.SimpleNamespace(device_count=lambda: {count})"
    torch = f"sys.modules['torch'] = types.SimpleNamespace(cuda={cuda})"
    _, _, log = run(tmp_path, "pass", before=torch)
    assert log.splitlines()[0].endswith(f", {told}")


@pytest.mark.parametrize(
    "raised",
    [
        "InputError('no such thing')",
        "CorruptFileError('model.pt: cut short')",
        "TrainingInterrupted('stopped after epoch 3; a rerun goes on from there')",
    ],
)
@pytest.mark.parametrize("wildcards", [True, False])
def test_an_end_that_is_no_fault_of_ours_takes_one_line(tmp_path, raised, wildcards):
    status, error, log = run(tmp_path, f"raise {raised}", wildcards=wildcards)
    message = ("method dae, views 2, seed 1: " if wildcards else "") + raised.split("'")[1]
    assert status == 1
    assert error == f"train: {message}\n"
    assert len(log.splitlines()) == 2
    assert log.splitlines()[1].endswith(f" ERROR {message}")


@pytest.mark.parametrize(
    "body", ["raise InputError('none')", "raise OSError(28, 'full')"], ids=["input", "disk"]
)
def test_the_line_of_an_end_reaches_the_terminal_in_one_piece(tmp_path, body):
    """Jobs share the terminal: between two pieces of a line there may be a line of another."""
    program = PROGRAM.format(before="", body=body, wildcards=True)
    pieces = written_pieces([sys.executable, "-c", program, SCRIPTS, tmp_path / "job.log"])
    assert len(pieces) == 1
    assert pieces[0].startswith(b"train: method dae") and pieces[0].count(b"\n") == 1


def test_any_other_error_leaves_its_trace_in_the_log(tmp_path):
    status, error, log = run(tmp_path, "[][0]")
    assert status == 1
    assert "ERROR train failed (method dae, views 2, seed 1)" in log
    assert "Traceback" in log and log.strip().endswith("IndexError: list index out of range")
    assert "IndexError" in error


def test_whoever_imports_the_adapter_ends_with_its_snakemake(tmp_path):
    """Before the imports that take long, and before the log of a rerun could be emptied."""
    log = tmp_path / "job.log"
    log.write_text("of the rerun\n")
    announced = {watchdog.PARENT_VARIABLE: f"{watchdog._machine()} 1 -1"}
    status, error, text = run(tmp_path, "log('too late')", **announced)
    assert (status, error) == (1, "Snakemake ended before this job began\n")
    assert text == "of the rerun\n"


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_every_adapter_imports_its_watch_before_all_else(path: Path):
    imports = [
        line for line in path.read_text().splitlines() if line.startswith(("import ", "from "))
    ]
    if "from angiovox_pipeline.job import job" in imports:
        assert imports[0] == "from angiovox_pipeline.job import job"
