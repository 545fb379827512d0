"""The jobs that Snakemake would submit to a cluster, and what they ask for, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..snakemake_parts import planned_jobs


def kinds_of_job(workflow: Any) -> Iterator[Any]:
    """Yield one job for each set of rules and resources among those that would be submitted."""
    seen = set()
    for job in planned_jobs(workflow):
        submitted = workflow.dag.get_job_group(job) or job
        if job.is_local:
            continue
        resources = str(sorted(submitted.resources.items()))
        kind = (job_name(submitted), job_demand(submitted), resources)
        if kind not in seen:
            seen.add(kind)
            yield submitted


def job_name(job: Any) -> str:
    """Name a job by its rule, or a group by its rules."""
    if not job.is_group():
        return str(job.rule.name)
    return f"group {job.groupid} ({', '.join(sorted(job.rules))})"


def job_demand(job: Any) -> str:
    """Say what a job asks for."""
    asked = job.resources
    gpus, gres = asked.get("gpu"), asked.get("gres")
    words = [f"{job.threads} CPUs", f"{asked.get('mem_mb')} MB", f"{asked.get('runtime')} minutes"]
    if gpus:
        words.append(f"{gpus} GPUs of model {asked.get('gpu_model') or 'any'}")
    if gres:
        words.append(f"gres {gres}")
    return ", ".join(words)
