"""Find what SLURM would refuse or never start, before anything is submitted.

Knows Snakemake and its SLURM executor: each kind of job is built as the executor builds it and
shown to `sbatch --test-only`.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from angiovox.errors import InputError
from snakemake.exceptions import WorkflowError

from ..snakemake_parts import optional
from .submitted_jobs import job_demand, job_name, kinds_of_job

# What a profile may ask for beyond a rule's own resources: the executor's and Snakemake's.
RESOURCES = {
    *("slurm_partition", "slurm_account", "slurm_cluster", "slurm_extra", "cluster", "clusters"),
    *("constraint", "qos", "gres", "gpu", "gpu_model", "nodes", "tasks", "tasks_per_gpu"),
    *("tasks_per_node", "cpus_per_task", "cpus_per_gpu", "threads", "mpi", "runtime", "tmpdir"),
    *("mem", "mem_mb", "mem_mib", "mem_mb_per_cpu", "disk", "disk_mb", "disk_mib"),
}
NO_NODE = "Requested node configuration is not available"
PROFILE = "profiles/slurm/config.yaml"
MODEL_REFUSED = (
    "resources.gpu_model: {model}: the SLURM executor takes letters, digits, '_' and '.' only; set "
    f'it to "" for any GPU of the partition, or as {PROFILE} shows: gpu: 0, gpu_model: "\'\'", and '
    "--gpus-per-node={model}:1 in slurm_extra"
)
UNKNOWN_EXECUTOR = (
    "not tried before its submission, since this version of the SLURM executor builds its command "
    "in another way ({error})"
)


def check(workflow: Any, warn: Callable[[str], None]) -> None:
    """Refuse a run that cannot go through.

    workflow : Snakemake's, with its jobs planned and the SLURM executor chosen. warn : is told of
        jobs that no node can run just now.
    Raises InputError in one sentence for names that nothing has, a machine without SLURM, jobs of
    an earlier run that still write here, and the first kind of job that SLURM would refuse.
    """
    _check_profile(workflow)
    refuse_without_slurm(_status_command(workflow))
    refuse_beside_earlier_jobs(os.getcwd())
    _check_jobs(workflow, warn)


@optional("what the profile sets is not checked for misspelt names", None)
def _check_profile(workflow: Any) -> None:
    refuse_cores(workflow.resource_settings.cores)
    refuse_unknown_names(workflow)


@optional("whether SLURM tells the state of jobs is not checked", None)
def _status_command(workflow: Any) -> str:
    return workflow.executor_settings.status_command


@optional("no kind of job is tried before it is submitted", None)
def _check_jobs(workflow: Any, warn: Callable[[str], None]) -> None:
    for job in kinds_of_job(workflow):
        refuse_impossible(job, workflow.executor_settings, os.getcwd(), warn)


def refuse_cores(cores: int | None) -> None:
    """Refuse `cores`, to which Snakemake limits the threads of each job on a cluster too."""
    if cores is not None:
        raise InputError(
            f"cores: {cores} would limit the threads of every job; start with --workflow-profile "
            "profiles/slurm, so that profiles/default is not read, and without --cores"
        )


def refuse_unknown_names(workflow: Any) -> None:
    """Snakemake ignores a misspelt rule or resource of a profile: jobs would ask for too little."""
    rules = {rule.name for rule in workflow.rules}
    settings = workflow.resource_settings
    for rule, resources in settings.overwrite_resources.items():
        _refuse_unknown(rule, rules, "set-resources: unknown rule")
        _refuse_unknown_resources(resources, f"set-resources: {rule}")
    _refuse_unknown_resources(settings.default_resources or (), "default-resources")
    for rule in workflow.group_settings.overwrite_groups:
        _refuse_unknown(rule, rules, "groups: unknown rule")


def refuse_without_slurm(status_command: str | None) -> None:
    """No SLURM here, none that answers, or no accounting to ask for the state of jobs."""
    if shutil.which("sbatch") is None:
        raise InputError(
            "this machine has no sbatch: profiles/slurm is for a login node of a SLURM cluster; on "
            "a single machine leave it out"
        )
    answer = _run("sinfo", "--noheader", "--format=%P")
    if answer.returncode:
        raise InputError(f"SLURM does not answer: {_message(answer.stderr)}")
    if status_command == "sacct" and _run("sacct", "--noheader", "--jobs=0").returncode:
        raise InputError(
            "slurm-status-command: sacct cannot be asked here, and without it no job would ever be "
            f"seen to end; set squeue in {PROFILE}"
        )


def refuse_beside_earlier_jobs(folder: str | Path) -> None:
    """Jobs of a run whose Snakemake died go on; two jobs must not write the same files."""
    listed = _run("squeue", f"--user={os.getuid()}", "--noheader", "--format=%i|%Z|%k")
    if listed.returncode:
        raise InputError(f"SLURM does not say which jobs of yours run: {_message(listed.stderr)}")
    lines = [line.split("|", 2) for line in listed.stdout.splitlines() if line.count("|") > 1]
    ours = [
        number
        for number, where, comment in lines
        if Path(where) == Path(folder).resolve() and comment.startswith("rule_")
    ]
    if ours:
        raise InputError(
            f"jobs of an earlier run in this folder are still in the queue ({', '.join(ours)}) and "
            f"write its files: let them end, or scancel {' '.join(ours)}; then start again"
        )


def refuse_impossible(
    job: Any, settings: Any, folder: str | Path, warn: Callable[[str], None]
) -> None:
    """Build a job as the executor would and ask SLURM whether it could ever run.

    SLURM looks at nodes that are up only: where some of the partition are not, a warning will do.
    """
    try:
        partition, command = _submission(job, settings, folder)
    except (ImportError, AttributeError, TypeError) as error:
        warn(f"{job_name(job)}: {UNKNOWN_EXECUTOR.format(error=repr(error))}")
        return
    answer = _run(*shlex.split(command), "--test-only", "--wrap=true")
    if not answer.returncode:
        return
    asked = f"{job_demand(job)} in partition {partition or 'none'}"
    away = _nodes_away(partition)
    if away and NO_NODE in answer.stderr:
        warn(
            f"{job_name(job)}: no node that is up can run this job ({asked}). {', '.join(away)} "
            "cannot be had just now; if none of these can either, it will wait for ever"
        )
        return
    raise InputError(
        f"{job_name(job)}: SLURM refuses this job: {_message(answer.stderr)}. It asks for {asked}; "
        f"partitions here: {_partitions_here()}. Change {settings.partition_config or PROFILE} or "
        "the config"
    )


def _submission(job: Any, settings: Any, folder: str | Path) -> tuple[str, str]:
    """The partition and the sbatch command of a job, by private parts of the executor."""
    from snakemake_executor_plugin_slurm.submit_string import get_submit_command
    from snakemake_executor_plugin_slurm.utils import set_gres_string

    partition = _partition(job, settings)
    params = {
        "run_uuid": "test",
        "slurm_logfile": "/dev/null",
        "comment_str": "test",
        "account": _account(job),
        "partition": f"-p {shlex.quote(partition)}" if partition else "",
        "workdir": str(folder),
    }
    try:
        gpus = set_gres_string(job)
    except WorkflowError as error:
        model = job.resources.get("gpu_model")
        raise InputError(MODEL_REFUSED.format(model=model) if model else str(error)) from None
    return partition, get_submit_command(job, params, settings=settings) + gpus


def _nodes_away(partition: str) -> list[str]:
    """Nodes of a partition that are down, drained or reserved, with their state."""
    chosen = [f"--partition={partition}"] if partition else []
    states = "--states=down,drain,drained,draining,fail,maint"
    listed = _run("sinfo", "--noheader", "--Node", "--format=%N (%T)", states, *chosen)
    return sorted(set(listed.stdout.splitlines()))


def _partition(job: Any, settings: Any) -> str:
    """The partition that the executor would choose."""
    from snakemake_executor_plugin_slurm.partitions import get_best_partition, read_partition_file

    named = job.resources.get("slurm_partition")
    if named or not settings.partition_config:
        return str(named or _default_partition())
    best = get_best_partition(read_partition_file(settings.partition_config), job, _Silent())
    if best is None:
        raise InputError(
            f"{job_name(job)}: no partition of {settings.partition_config} has room for a job of "
            f"{job_demand(job)}; correct the limits there, or ask for less in the config"
        )
    return best


def _account(job: Any) -> str:
    accounts = re.split(r"[,\s]+", str(job.resources.get("slurm_account") or ""))
    return f"-A {shlex.quote(accounts[0])}" if accounts[0] else ""


def _default_partition() -> str:
    return next((name.rstrip("*") for name in _listed_partitions() if name.endswith("*")), "")


def _partitions_here() -> str:
    return ", ".join(sorted({name.rstrip("*") for name in _listed_partitions()}))


def _listed_partitions() -> list[str]:
    return _run("sinfo", "--noheader", "--format=%P").stdout.split()


def _refuse_unknown_resources(resources: Iterable[str], where: str) -> None:
    for name in resources:
        _refuse_unknown(name, RESOURCES, f"{where}: unknown resource")


def _refuse_unknown(name: str, known: Iterable[str], what: str) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, list(known), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise InputError(f"{what} {name!r}{hint} (in {PROFILE} or on the command line)")


def _message(error: str) -> str:
    """What SLURM says, without the names of its programs."""
    lines = [re.sub(r"^\w+: (error: |fatal: )?", "", line) for line in error.splitlines()]
    lines = [line.removeprefix("Batch job submission failed: ") for line in lines if line.strip()]
    return "; ".join(dict.fromkeys(lines))


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        raise InputError(f"this machine has no {command[0]}, which this run needs") from None
    except subprocess.TimeoutExpired:
        raise InputError(f"SLURM does not answer: {command[0]} took longer than a minute") from None


class _Silent:
    """The executor says which partition it chose when it submits; once is enough."""

    def __getattr__(self, _: str) -> Any:
        return lambda *args, **kwargs: None
