"""Jobs that end with their Snakemake, and jobs that may finish their step first."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from angiovox_pipeline import watchdog

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
IMPORT = f"""
import ctypes, os, signal, subprocess, sys, time
sys.path.insert(0, {str(Path(watchdog.__file__).parent)!r})
import watchdog
"""
JOB = f"{IMPORT}watchdog.exit_with_parent()\nprint(os.getpid(), flush=True)\n"
# Announces itself, starts what stands in its first argument, and waits.
SNAKEMAKE = (
    f"{IMPORT}watchdog.register_parent()\nsubprocess.run([sys.executable, '-c', sys.argv[1]])\n"
)
ENDS_WITHIN = 10  # seconds; about one on a machine with nothing else to do


def environment(announced=None):
    plain = {key: value for key, value in os.environ.items() if key != watchdog.PARENT_VARIABLE}
    return plain | ({watchdog.PARENT_VARIABLE: announced} if announced else {})


def start(program, *args, announced=None):
    command = [sys.executable, "-c", program, *args]
    return subprocess.Popen(
        command,
        env=environment(announced),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def ended(process, seconds=ENDS_WITHIN):
    """Whether a process ends in time; one that its parent has not seen has ended too."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def said(program, *args, announced=None):
    """Lines that a program prints, and its exit status."""
    process = start(program, *args, announced=announced)
    return process.communicate(timeout=60)[0].splitlines(), process.returncode


def watchers(job):
    """Children that watch a job; one that has just begun has no command line for a moment."""
    me, end = watchdog._identity(job.pid), time.monotonic() + ENDS_WITHIN
    while time.monotonic() < end:
        commands = {child: child.cmdline() for child in job.children()}
        if all(commands.values()):
            return [child for child, command in commands.items() if command[-1] == me]
        time.sleep(0.05)
    raise TimeoutError(f"a child of {job.pid} has no command line")


@pytest.fixture
def gone():
    """The announcement of a Snakemake that has ended."""
    lines, _ = said(
        f"{IMPORT}watchdog.register_parent()\nprint(os.environ[watchdog.PARENT_VARIABLE])"
    )
    return lines[0]


BUSY = {
    "sleeping": "time.sleep(60)",
    "inside a library": "ctypes.PyDLL(None).sleep(60)",  # holds the interpreter, as imports may
    "deaf": "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
}


@pytest.mark.parametrize("busy", BUSY)
def test_a_job_dies_with_its_snakemake_whatever_it_does(busy):
    snakemake = start(SNAKEMAKE, JOB + BUSY[busy])
    job = psutil.Process(int(snakemake.stdout.readline()))
    (watcher,) = watchers(job)
    assert job.is_running()
    snakemake.kill()  # nobody waits for it yet: it stays in the table of processes
    assert ended(job)
    assert ended(watcher)
    snakemake.communicate()


def test_a_job_that_begins_after_its_snakemake_was_killed_ends_at_once(gone):
    lines, status = said(f"{JOB}time.sleep(60)", announced=gone)
    assert lines == ["Snakemake ended before this job began"]
    assert status == 1


def test_a_number_given_out_again_is_not_the_announced_snakemake():
    """The test's own process runs, yet started at another time than the one that was announced."""
    machine, pid, begun = watchdog._identity(os.getpid()).split()
    lines, status = said(JOB, announced=f"{machine} {pid} {int(begun) - 1}")
    assert (len(lines), status) == (1, 1)
    assert said(JOB, announced=f"{machine} {pid} {begun}")[1] == 0


@pytest.mark.parametrize("announced", [None, "another-machine/pid:[1] 1 1"])
def test_without_a_snakemake_of_this_machine_a_job_runs_alone(announced):
    lines, status = said(
        f"{JOB}print(subprocess.run(['ps', '--ppid', str(os.getpid())], text=True,"
        " capture_output=True).stdout.count('python'))",
        announced=announced,
    )
    assert status == 0
    assert lines[1:] == ["0"]


@pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_watcher_ends_with_its_job_and_holds_no_pipe_open(end):
    me = watchdog._identity(os.getpid())
    job = start(f"{JOB}time.sleep(1)\n{end}", announced=me)
    job.stdout.readline()
    (watcher,) = watchers(psutil.Process(job.pid))
    files = {os.readlink(f"/proc/{watcher.pid}/fd/{number}") for number in (0, 1, 2)}
    assert files == {"/dev/null"}
    job.communicate(timeout=60)
    assert ended(watcher)


def test_signals_to_all_processes_of_a_job_leave_its_watcher():
    """SLURM signals every process of a step; the job then still needs some time."""
    snakemake = start(SNAKEMAKE, JOB + BUSY["deaf"])
    job = psutil.Process(int(snakemake.stdout.readline()))
    (watcher,) = watchers(job)
    time.sleep(1)  # the watcher is up
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        watcher.send_signal(number)
    assert not ended(watcher, 1)
    snakemake.kill()
    assert ended(job)
    snakemake.communicate()


# Announcements

TELL = f"""{IMPORT}
watchdog.register_parent()
print(os.environ[watchdog.PARENT_VARIABLE], watchdog._identity(os.getpid()), sep=';')
"""


def test_a_snakemake_announces_itself():
    ((line,), _) = said(TELL)
    announced, me = line.split(";")
    assert announced == me


def test_a_snakemake_within_one_keeps_the_announcement_of_the_outer():
    outer = start(SNAKEMAKE, TELL)
    announced, me = outer.communicate(timeout=60)[0].strip().split(";")
    assert announced.split()[1] == str(outer.pid)
    assert me != announced


def test_a_snakemake_on_a_node_announces_itself_though_the_submitting_one_still_runs():
    """SLURM exports the environment; its daemon starts the job, so nothing is inherited but that.

    On a cluster of one machine the submitting Snakemake is even found there.
    """
    submitting = start(f"{IMPORT}time.sleep(60)")
    ((line,), _) = said(TELL, announced=watchdog._identity(submitting.pid))
    announced, me = line.split(";")
    assert announced == me
    submitting.kill()
    submitting.communicate()


def test_a_snakemake_replaces_the_announcement_of_one_that_ended(gone):
    ((line,), _) = said(TELL, announced=gone)
    announced, me = line.split(";")
    assert announced == me != gone


def test_where_there_is_no_table_of_processes_nothing_is_announced_or_watched(monkeypatch):
    monkeypatch.setattr(watchdog, "_parent_and_start", lambda pid: None)
    monkeypatch.setattr(os, "environ", environment())
    watchdog.register_parent()
    assert watchdog.PARENT_VARIABLE not in os.environ
    monkeypatch.setattr(os, "environ", environment("machine 1 1"))
    monkeypatch.setattr(subprocess, "Popen", None)
    watchdog.exit_with_parent()


# Requests

ASKED = f"""{IMPORT}
stopping = watchdog.stop_on_sigterm() if sys.argv[1] == 'listens' else None
print('before', stopping and stopping(), flush=True)
time.sleep(60) if not stopping else None
while not stopping():
    time.sleep(0.01)
print('asked', flush=True)
time.sleep(0.5)
print('step finished')
"""


def test_a_job_that_listens_finishes_its_step_after_any_number_of_requests():
    job = start(ASKED, "listens")
    assert job.stdout.readline() == "before False\n"
    for _ in range(3):
        job.terminate()
    assert job.stdout.readline() == "asked\n"
    job.terminate()
    assert job.communicate(timeout=60)[0] == "step finished\n"
    assert job.returncode == 0


def test_a_job_that_does_not_listen_ends_as_usual():
    job = start(ASKED, "deaf")
    job.stdout.readline()
    job.terminate()
    assert job.wait(60) == -signal.SIGTERM
    job.stdout.close()
