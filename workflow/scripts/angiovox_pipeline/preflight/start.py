"""Refuse, before the first job, a run that its disks, its machine or its cluster cannot take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from .. import resources, scheduling
from ..demand import Demand
from ..snakemake_parts import executor, planned_jobs
from . import disk, slurm


def check(
    demand: Demand, ours: Mapping[str, str], folders: tuple[Path, Path], warn: Callable[[str], None]
) -> None:
    """Check the jobs that are planned.

    ours : rules of this workflow by their name in the run, where another workflow may have added
        its own, and named these otherwise. folders : of results and of logs. warn : is told of jobs
        that no node of a cluster can run just now.
    Raises InputError in one sentence.
    """
    workflow, scale = demand.workflow, demand.study.scale
    results, _ = folders
    jobs = [job for job in planned_jobs(workflow) if job.rule.name in ours]
    outputs = {
        path: resources.stored_mb(Path(path).relative_to(results), scale)
        for job in jobs
        for path in job.output
        if Path(path).is_relative_to(results)
    }
    if executor(workflow) == "slurm":
        slurm.check(workflow, warn)
    for folder in folders:
        disk.check_writable(folder)
    disk.check_free_space(outputs)
    if scheduling.is_local(workflow):
        kinds = {demand.kind_of_job(ours[job.rule.name], job.wildcards) for job in jobs}
        resources.check_memory(kinds, scale, scheduling.memory_mb())
        for job in jobs:
            if ours[job.rule.name].removesuffix(resources.OF_GROUPS) == "convert":
                demand.check_conversion(job.wildcards, scheduling.memory_mb())
