"""Parts of Snakemake that may go: without one there is a warning, and the run goes on."""

import logging
import re
from types import SimpleNamespace

import pytest
from angiovox.errors import InputError
from angiovox_pipeline import scheduling, snakemake_parts
from angiovox_pipeline.preflight import slurm
from angiovox_pipeline.products import benchmark_patterns, products
from angiovox_pipeline.snakemake_parts import executor, optional, planned_jobs
from conftest import ROOT


@pytest.fixture(autouse=True)
def warnings(caplog):
    """What was warned of, as often as it was: none is suppressed as a repetition."""
    snakemake_parts._warn_once.cache_clear()
    caplog.set_level(logging.WARNING)
    return lambda: [one.getMessage() for one in caplog.records]


@pytest.fixture
def workflow():
    """What the pipeline reads of Snakemake's, for a local run of one job."""
    job = SimpleNamespace(is_local=True)
    limits = {"job_rate_limiter": 1, "global_resources": {}, "resources": {}}
    settings = {"cores": None, "overwrite_resources": {}, "default_resources": None}
    return SimpleNamespace(
        executor_plugin=SimpleNamespace(name="local"),
        remote_exec=False,
        cores=2,
        rules=[],
        dag=SimpleNamespace(needrun_jobs=lambda: iter([job]), get_job_group=lambda job: None),
        scheduler=SimpleNamespace(**limits),
        resource_settings=SimpleNamespace(**settings),
        group_settings=SimpleNamespace(overwrite_groups={}),
        executor_settings=SimpleNamespace(status_command="squeue"),
    )


def nothing(*_):
    """A warning of the pre-flight's."""


def check_jobs(workflow):
    return slurm._check_jobs(workflow, nothing)


READERS = [
    (executor, "executor_plugin", "local", None),
    (executor, "executor_plugin.name", "local", None),
    (scheduling.is_local, "executor_plugin", True, False),
    (scheduling.is_local, "remote_exec", True, False),
    (scheduling.schedule_locally, "scheduler", None, None),
    (scheduling.schedule_locally, "scheduler.job_rate_limiter", None, None),
    (scheduling.schedule_locally, "scheduler.global_resources", None, None),
    (scheduling.schedule_locally, "scheduler.resources", None, None),
    (lambda workflow: len(planned_jobs(workflow)), "dag", 1, 0),
    (lambda workflow: len(planned_jobs(workflow)), "dag.needrun_jobs", 1, 0),
    (lambda workflow: products(workflow, []), "rules", {}, {}),
    (lambda workflow: benchmark_patterns(workflow, {}), "rules", {}, {}),
    (slurm._check_profile, "resource_settings", None, None),
    (slurm._check_profile, "resource_settings.overwrite_resources", None, None),
    (slurm._check_profile, "group_settings", None, None),
    (slurm._status_command, "executor_settings", "squeue", None),
    (check_jobs, "dag.get_job_group", None, None),
]


@pytest.mark.parametrize("reader, part, found, without", READERS)
def test_a_part_that_is_gone_warns_once_and_ends_no_run(
    workflow, warnings, reader, part, found, without
):
    assert reader(workflow) == found
    assert warnings() == []
    *way, last = part.split(".")
    owner = workflow
    for name in way:
        owner = getattr(owner, name)
    delattr(owner, last)
    assert [reader(workflow), reader(workflow)] == [without, without]
    assert len(warnings()) == 1
    assert last in warnings()[0] and snakemake_parts.OTHER_PARTS[:20] in warnings()[0]


def test_memory_is_limited_even_where_timers_cannot_be_taken_out(workflow):
    del workflow.scheduler.job_rate_limiter
    scheduling.schedule_locally(workflow)
    assert workflow.scheduler.resources["mem_mb"] == scheduling.memory_mb()


def test_what_the_user_asked_for_in_vain_is_no_missing_part():
    @optional("nothing", None)
    def refuse():
        raise InputError("p1: no such folder")

    with pytest.raises(InputError, match="p1"):
        refuse()


# The list

PRIVATE = re.compile(
    r"\btorch\.ops\b|\btorch\.(\w+\.)*_|\bnumba\.core\b|kernel\._|context\.make_array"
    r"|snakemake_executor_plugin|\bworkflow\.(?!cores\b)[a-z]|vars\(record\)"
)


def test_the_parts_that_are_read_are_listed():
    """By file; what one of them reads is easy to see there."""
    scripts = ROOT / "workflow/scripts"
    text = (ROOT / "CONTRIBUTING.md").read_text().split("## Private parts")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `([^`]+)`", text, re.M))
    private = {path for path in scripts.rglob("*.py") if PRIVATE.search(path.read_text())}
    assert {str(path.relative_to(scripts)) for path in private} == listed
