"""How Snakemake schedules jobs on this machine. Changes nothing on a cluster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA, AMD, Windows' Linux


def is_local(workflow: Any) -> bool:
    """Tell whether jobs run on this machine; a dry run has no executor of its own yet."""
    return getattr(workflow.executor_plugin, "name", None) == "local"


def has_gpu() -> bool:
    """Tell whether this machine has a GPU that jobs may use; torch takes seconds to ask."""
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1")
    return not is_hidden and any(map(os.path.exists, GPU_DEVICES))


def trains_on_cpu(workflow: Any) -> bool:
    """Tell whether trainings of this run have no GPU; a cluster's are given one."""
    return is_local(workflow) and not has_gpu()


def training_threads(workflow: Any, wanted: int, trainings: int) -> int:
    """Threads of a training: as many as it makes use of on a GPU's machine, else its share.

    On CPUs two trainings with a thread each get more done than one after the other with two: two
    threads wait for each other at every layer, and eight times as long beside other work.
    """
    if not trains_on_cpu(workflow):
        return wanted
    return max(1, min(wanted, workflow.cores // max(1, trainings)))


def schedule_locally(workflow: Any) -> None:
    """Fit Snakemake's scheduler, about to run, to this machine; other executors' is left alone.

    - The limit of jobs per second goes: for its sake Snakemake 9.27 sets a timer in every
      scheduling round, each of which starts another round; after 350 jobs they took half a core.
      The next round then comes when a job ends, so that each must fill all cores: the profile
      leaves `scheduler-subsample` out.
    - Jobs that run at once fit in the memory together, unless `--resources mem_mb=` says more.
    - Trainings run side by side where there is no GPU to wait for.
    """
    scheduler = getattr(workflow, "scheduler", None)
    if not is_local(workflow) or not hasattr(scheduler, "job_rate_limiter"):
        return
    scheduler.job_rate_limiter = None
    limits = {"mem_mb": memory_mb()}
    if not has_gpu():
        limits["gpu"] = workflow.cores
    for name, limit in limits.items():
        if name == "gpu" or name not in scheduler.global_resources:
            scheduler.global_resources[name] = scheduler.resources[name] = limit


def within_memory(workflow: Any, asked_mb: int) -> int:
    """Megabytes for a job to ask for: on this machine no more than it has, lest the job waited."""
    return min(asked_mb, memory_mb()) if is_local(workflow) else asked_mb


def memory_mb() -> int:
    """Megabytes of memory that this machine has, or that its container may use."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return int(min(physical, int(text) if text.isdigit() else physical) / 1e6)
