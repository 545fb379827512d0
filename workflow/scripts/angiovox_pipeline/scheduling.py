"""How Snakemake schedules jobs on this machine. Changes nothing on a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from .snakemake_parts import executor, optional

CGROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA, AMD, Windows' Linux


@optional("jobs are planned as for a cluster", False)
def is_local(workflow: Any) -> bool:
    """Tell whether Snakemake runs jobs on this machine, and is not itself a cluster's job.

    A dry run has no executor yet: it shows what a cluster would be asked for.
    """
    return executor(workflow) == "local" and not workflow.remote_exec


def has_gpu() -> bool:
    """Tell whether this machine has a GPU that jobs may use; torch takes seconds to ask.

    A device that PyTorch cannot use counts too: trainings then run one at a time on the CPU.
    """
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1")
    return not is_hidden and any(map(os.path.exists, GPU_DEVICES))


def trains_on_cpu(workflow: Any) -> bool:
    """Tell whether trainings of this run have no GPU; a cluster's are given one."""
    return is_local(workflow) and not has_gpu()


@optional("jobs side by side may want more memory or GPUs than there are, and start slowly", None)
def schedule_locally(workflow: Any) -> None:
    """Fit Snakemake's scheduler, about to run, to this machine.

    Schedulers of other executors are left unchanged.

    - The limit of jobs per second goes: for its sake Snakemake 9.27 sets a timer in every
      scheduling round, each of which starts another round; after 350 jobs they took half a core.
      Without them a round comes when a job ends, and must fill all cores: the profile leaves
      `scheduler-subsample` out.
    - Jobs that run at once fit in the memory together, unless `--resources mem_mb=` says more.
    - One training at a time has the GPU, unless `--resources gpu=` says more; without a GPU
      trainings run side by side.
    """
    if not is_local(workflow):
        return
    scheduler = workflow.scheduler
    totals, left = scheduler.global_resources, scheduler.resources
    limits = {"mem_mb": memory_mb(), "gpu": 1 if has_gpu() else workflow.cores}
    for name, limit in limits.items():
        if name not in totals:
            totals[name] = left[name] = limit
    if scheduler.job_rate_limiter is not None:
        scheduler.job_rate_limiter = None


def within_memory(workflow: Any, asked_mb: int) -> int:
    """Limit what a job asks for to this machine's memory, so that it does not wait for ever."""
    return min(asked_mb, memory_mb()) if is_local(workflow) else asked_mb


@cache
def memory_mb() -> int:
    """Find the megabytes of memory that this process may use: the machine's, or its container's."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(min([physical, *_cgroup_limits()]) / 1e6)


def _cgroup_limits() -> Iterator[int]:
    """Bytes that the control groups of this process allow, of either version."""
    lines = OWN_GROUPS.read_text(encoding="utf-8").splitlines() if OWN_GROUPS.is_file() else []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = CGROUPS / "memory" if controllers else CGROUPS
        file = "memory.limit_in_bytes" if controllers else "memory.max"
        here = root / path.lstrip("/")
        for folder in (here, *here.parents):
            limit = folder / file
            if folder.is_relative_to(root) and limit.is_file():
                text = limit.read_text(encoding="utf-8").strip()
                yield from [int(text)] if text.isdigit() else []
