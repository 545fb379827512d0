"""Jobs on a workstation: as many at once as there are cores, and few timers."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from angiovox_pipeline import scheduling
from conftest import ROOT

SNAKEFILE = f"""
import sys

sys.path.insert(0, {str(ROOT / "workflow/scripts")!r})
from angiovox_pipeline import scheduling

NAMES = [f"{{number:03d}}" for number in range(int(config["jobs"]))]


rule all:
    input:
        expand("{{name}}.txt", name=NAMES),
        expand("first-{{name}}.txt", name=NAMES[:1]),


rule work:
    output:
        "{{name}}.txt",
    wildcard_constraints:
        name=r"\\d+",
    shell:
        "date +%s.%N > {{output}} && sleep {{config[seconds]}} && date +%s.%N >> {{output}}"


use rule work as urgent with:
    output:
        "first-{{name}}.txt",
    priority: 1


onstart:
    scheduling.schedule_locally(workflow)
"""
COUNTED = """
import atexit, sys, threading
from snakemake import cli
timers = []
start = threading.Timer.start
threading.Timer.start = lambda self: (timers.append(self), start(self))
atexit.register(lambda: print("timers:", len(timers)))
cli.main(sys.argv[1:])
"""


@pytest.fixture
def run(tmp_path: Path):
    """Run jobs under the default profile; when each began and ended, by name, and timers."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "counted.py").write_text(COUNTED)
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")

    def run(jobs: int, seconds: float, cores: int):
        command = [sys.executable, "counted.py"]
        command += ["--cores", str(cores), "--config", f"jobs={jobs}", f"seconds={seconds}"]
        done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
        spans = {
            path.stem: tuple(map(float, path.read_text().split()))
            for path in tmp_path.glob("*.txt")
        }
        return spans, int(re.search(r"timers: (\d+)", done.stdout)[1])

    return run


def most_at_once(spans) -> int:
    """How many spans of time overlap at the most."""
    return max(sum(begin <= at < end for begin, end in spans.values()) for at, _ in spans.values())


@pytest.mark.parametrize("cores", [1, 2])
def test_as_many_jobs_run_at_once_as_there_are_cores(run, cores):
    spans, _ = run(jobs=3, seconds={1: 0.3, 2: 3}[cores], cores=cores)
    assert len(spans) == 4
    assert most_at_once(spans) == cores


def test_an_urgent_job_runs_first(run):
    spans, _ = run(jobs=3, seconds=0, cores=1)
    assert min(spans, key=spans.get) == "first-000"


def test_a_long_run_sets_no_timer(run):
    """Timers that outlive their round took half a core from the training of 350 jobs."""
    spans, timers = run(jobs=60, seconds=0, cores=2)
    assert len(spans) == 61
    assert timers == 0


def test_a_study_runs_on_all_cores(study):
    """The most jobs at once, counted from what the terminal shows."""
    running, most = 0, 0
    for line in (study / "terminal.txt").read_text().splitlines():
        if started := re.fullmatch(r"Execute (\d+) jobs\.\.\.", line):
            running += int(started[1])
        running -= line.startswith("Finished jobid: ")
        most = max(most, running)
    assert running == 0
    assert most >= min(2, os.cpu_count())


# What a machine has


def workflow(executor="local", cores=4, remote=False, **limits):
    """What scheduling looks at of Snakemake's."""
    scheduler = SimpleNamespace(
        job_rate_limiter="limits", global_resources=dict(limits), resources=dict(limits)
    )
    plugin = executor and SimpleNamespace(name=executor)
    return SimpleNamespace(
        executor_plugin=plugin, remote_exec=remote, scheduler=scheduler, cores=cores
    )


@pytest.fixture(params=[False, True], ids=["no GPU", "GPU"])
def gpu(request, monkeypatch):
    monkeypatch.setattr(scheduling, "has_gpu", lambda: request.param)
    return request.param


@pytest.mark.parametrize(
    ("line", "file"),
    [("0::/slice/job", "memory.max"), ("4:memory:/slice/job", "memory/memory.limit_in_bytes")],
    ids=["version 2", "version 1"],
)
@pytest.mark.parametrize("inner", [True, False], ids=["its own", "its parent's"])
def test_the_limit_of_a_control_group_is_found(monkeypatch, tmp_path, line, file, inner):
    folder, name = (tmp_path / file).parent, Path(file).name
    limit = folder / ("slice/job" if inner else "slice") / name
    limit.parent.mkdir(parents=True)
    limit.write_text("123000000\n")
    folder.joinpath(name).write_text("max\n")
    monkeypatch.setattr(scheduling, "CGROUPS", tmp_path)
    monkeypatch.setattr(scheduling, "OWN_GROUPS", tmp_path / "own")
    (tmp_path / "own").write_text(f"7:cpu:/other\n{line}\n")
    assert list(scheduling._cgroup_limits()) == [123_000_000]


def test_trainings_wait_for_each_other_on_a_gpu_only(gpu):
    local, two_gpus = workflow(cores=4), workflow(cores=4, gpu=2)
    for one in (local, two_gpus):
        scheduling.schedule_locally(one)
        assert one.scheduler.resources == one.scheduler.global_resources
    assert local.scheduler.resources["gpu"] == (1 if gpu else 4)
    assert two_gpus.scheduler.resources["gpu"] == 2  # by --resources
    assert local.scheduler.job_rate_limiter is None


def test_jobs_fit_into_the_memory_together_unless_the_user_says_otherwise():
    default, own = workflow(), workflow(mem_mb=10**9)
    for local in (default, own):
        scheduling.schedule_locally(local)
    assert default.scheduler.resources["mem_mb"] == scheduling.memory_mb()
    assert own.scheduler.resources["mem_mb"] == 10**9


def test_no_job_asks_for_more_memory_than_the_machine_has():
    """It would wait for ever."""
    most = scheduling.memory_mb()
    assert 500 < most < 10**8
    assert scheduling.within_memory(workflow(), most + 1) == most
    assert scheduling.within_memory(workflow(), 500) == 500
    assert scheduling.within_memory(workflow("slurm"), most + 1) == most + 1


def test_a_clusters_scheduler_is_left_alone():
    remote = workflow("slurm", mem_mb=10)
    scheduling.schedule_locally(remote)
    assert remote.scheduler.job_rate_limiter == "limits"
    assert remote.scheduler.resources == {"mem_mb": 10}


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_gpu_that_is_hidden_is_none(monkeypatch, tmp_path, hidden):
    monkeypatch.setattr(scheduling, "GPU_DEVICES", (str(tmp_path),))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert scheduling.has_gpu()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert not scheduling.has_gpu()
