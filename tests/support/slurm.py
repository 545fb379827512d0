"""A real SLURM cluster on this machine: slurmctld, slurmd and munged in a temporary folder.

Nothing outside the folder is touched, and every daemon is ended by its process id. Nodes declare
more than the machine has (`config_overrides`), and gpu1 a simulated A6000.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

DAEMONS = ("slurmctld", "slurmd", "munged")
NODES = {"cpu1": "cpu", "cpu2": "cpu", "gpu1": "gpu"}  # and the partition of each
NODE_MB = 16000


def why_not() -> str | None:
    """Why no cluster can be started on this machine; None where one can."""
    lacking = [name for name in DAEMONS if _daemon(name) is None]
    if lacking:
        return f"not run: {', '.join(lacking)} not installed (Debian: slurm-wlm, munge)"
    if os.geteuid() != 0:
        return "not run: the daemons of a test cluster need root"
    return None


def wait_for(condition: Callable[[], object], what: str, seconds: float = 300) -> object:
    """The first true value of a condition that is asked again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    raise TimeoutError(f"{what}: not within {seconds:g} s")


class Cluster:
    """Start the daemons in a folder (a short path: it holds sockets), and end them all."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = self._environment()
        self._pids: dict[str, int] = {}

    def __enter__(self) -> Cluster:
        try:
            self._write_settings()
            self._start("munged", *self._munge_options())
            self._start("slurmctld", "-D", "-i")
            for node in NODES:
                self.start_node(node)
            wait_for(self._idle, "all nodes idle", 60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if "slurmctld" in self._pids:
            self.call("scancel", "--user=root", "--signal=KILL", check=False)
        for name in reversed(list(self._pids)):
            self._end(name)

    def call(self, *command: str, check: bool = True) -> str:
        """Output and errors of a client command.

        Raises CalledProcessError where it fails and `check` is set.
        """
        done = subprocess.run(
            command,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        if check and done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
        return done.stdout

    def jobs(self, folder: Path | None = None) -> list[dict[str, str]]:
        """What SLURM knows of its jobs, ended ones too, in the order of submission."""
        lines = self.call("scontrol", "show", "job", "-d", "-o", check=False).splitlines()
        jobs = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines if "JobId=" in line]
        jobs = [job for job in jobs if folder is None or job["WorkDir"] == str(folder)]
        return sorted(jobs, key=lambda job: int(job["JobId"]))

    def running(self, rule: str, folder: Path) -> dict[str, str] | None:
        """A running job of a rule or group, if there is one."""
        return next(
            (
                job
                for job in self.jobs(folder)
                if job["JobState"] == "RUNNING" and rule in job["Comment"]
            ),
            None,
        )

    def lose_node(self, name: str) -> None:
        """A power cut: the node's daemon and all it runs are killed, and the node is down."""
        self._end(name)
        self.call("scontrol", "update", f"nodename={name}", "state=down", "reason=test")
        shutil.rmtree(self.folder / name)  # its spool: sockets and scripts of what it ran

    def bring_back(self, name: str) -> None:
        """Power returns; jobs come once the node has settled. The controller's word to end what was
        lost is still on its way, and ends the same job if it is back on the node before: that is
        what SLURM's hold of two minutes is for.
        """
        if name in self._pids:
            return
        self.call("scontrol", "update", f"nodename={name}", "state=drain", "reason=test")
        self.start_node(name)
        wait_for(lambda: self._node_state(name) == "drained", f"{name} drained", 60)
        wait_for(lambda: self._is_silent(name), f"{name} silent", 60)
        self.call("scontrol", "update", f"nodename={name}", "state=resume")

    def requeue_now(self, job: str) -> None:
        """SLURM holds a requeued job for two minutes; not in a test."""
        self.call("scontrol", "update", f"jobid={job}", "starttime=now", check=False)

    def start_node(self, name: str) -> None:
        self._start(name, "-D", "-N", name, daemon="slurmd")

    def _node_state(self, name: str) -> str:
        return self.call("sinfo", "-h", "-N", "-n", name, "-o", "%T", check=False).strip()

    def _is_silent(self, name: str, seconds: float = 3) -> bool:
        """A node that has logged nothing for a while has nothing left to tell the controller."""
        return time.time() - (self.folder / f"{name}.log").stat().st_mtime > seconds

    def _idle(self) -> bool:
        return self.call("sinfo", "-h", "-N", "-o", "%T", check=False).split() == ["idle"] * 3

    def processes(self, node: str, script: str) -> list[psutil.Process]:
        """Processes of a node's jobs that run a script of the workflow."""
        return [
            process
            for process in self._processes(node)
            if len(process.cmdline()) == 2 and process.cmdline()[1].endswith(f".{script}")
        ]

    def _processes(self, node: str) -> list[psutil.Process]:
        """What a node runs: processes of its jobs, and the step daemons they descend from."""
        found = {process for process in psutil.process_iter() if self._runs_on(node, process)}
        return list(found | {daemon for process in found for daemon in _step_daemons(process)})

    def _runs_on(self, node: str, process: psutil.Process) -> bool:
        try:
            environment = process.environ()
        except psutil.Error:
            return False
        ours = environment.get("SLURM_CONF") == self.environment["SLURM_CONF"]
        return ours and environment.get("SLURMD_NODENAME") == node

    def _start(self, name: str, *options: str, daemon: str | None = None) -> None:
        with open(self.folder / f"{name}.out", "ab") as out:
            process = subprocess.Popen(
                [_daemon(daemon or name), *options],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._pids[name] = process.pid

    def _end(self, name: str) -> None:
        """By its process id; a node's steps first, which outlive their daemon. The daemon of a step
        before what it runs, or it would tell of a job that failed."""
        if name in NODES:
            for process in sorted(self._processes(name), key=lambda one: not _is_step_daemon(one)):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        pid = self._pids.pop(name, None)
        if pid is not None:
            _kill(pid)

    def _environment(self) -> dict[str, str]:
        tools = self.folder / "bin"
        return os.environ | {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{tools}:{os.environ['PATH']}",
            "CUDA_VISIBLE_DEVICES": "",
        }

    def _munge_options(self) -> list[str]:
        names = {"key-file": "munge.key", "log-file": "munge.log", "pid-file": "munge.pid"}
        names |= {"seed-file": "munge.seed", "socket": "munge.socket"}
        return [
            *("--foreground", "--force", "--num-threads=2"),
            *(f"--{option}={self.folder / name}" for option, name in names.items()),
        ]

    def _write_settings(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "bin").mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o600)
        # Snakemake takes SLURM_CONF from the environment of the srun inside a job.
        srun = self.folder / "bin/srun"
        configured = f"SLURM_CONF={self.folder}/slurm.conf exec {shutil.which('srun')}"
        srun.write_text(f'#!/bin/sh\n{configured} "$@"\n')
        srun.chmod(0o755)
        (self.folder / "gres.conf").write_text("NodeName=gpu1 Name=gpu Type=a6000 File=/dev/null\n")
        ports = _free_ports(len(NODES) + 1)
        (self.folder / "slurm.conf").write_text(self._slurm_conf(ports[0], ports[1:]))

    def _slurm_conf(self, port: int, node_ports: Sequence[int]) -> str:
        host, folder = socket.gethostname().split(".")[0], self.folder
        nodes = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={node_port} CPUs=8 "
            f"RealMemory={NODE_MB}" + " Gres=gpu:a6000:1" * (partition == "gpu")
            for (name, partition), node_port in zip(NODES.items(), node_ports, strict=True)
        ]
        return "\n".join(
            [
                "ClusterName=test",
                f"SlurmctldHost={host}(127.0.0.1)",
                f"SlurmctldPort={port}",
                *("SlurmUser=root", "SlurmdUser=root", "MpiDefault=none", "ReturnToService=2"),
                *("AuthType=auth/munge", f"AuthInfo=socket={folder}/munge.socket"),
                *("CryptoType=crypto/munge", "ProctrackType=proctrack/linuxproc"),
                *("TaskPlugin=task/none", "SwitchType=switch/none", "GresTypes=gpu"),
                *("SelectType=select/cons_tres", "SelectTypeParameters=CR_Core_Memory"),
                *("SlurmdParameters=config_overrides", "EnforcePartLimits=ALL"),
                *("SchedulerType=sched/backfill", "SchedulerParameters=bf_interval=5"),
                *("AccountingStorageType=accounting_storage/none", "MinJobAge=3600"),
                "JobCompType=jobcomp/none",
                # Deaths of memory are real; a job is looked at every second.
                *("JobAcctGatherType=jobacct_gather/linux", "JobAcctGatherFrequency=task=1"),
                *("JobAcctGatherParams=OverMemoryKill", "JobRequeue=1", "KillWait=10"),
                *(f"StateSaveLocation={folder}/state", f"SlurmdSpoolDir={folder}/%n"),
                *(f"SlurmctldPidFile={folder}/slurmctld.pid", f"SlurmdPidFile={folder}/%n.pid"),
                *(f"SlurmctldLogFile={folder}/slurmctld.log", f"SlurmdLogFile={folder}/%n.log"),
                *("SlurmdTimeout=30", "InactiveLimit=0", "Waittime=0"),
                *nodes,
                "PartitionName=cpu Nodes=cpu1,cpu2 Default=YES MaxTime=1440 State=UP",
                "PartitionName=gpu Nodes=gpu1 MaxTime=4320 State=UP",
                "",
            ]
        )


def _daemon(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def _step_daemons(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [parent for parent in process.parents() if _is_step_daemon(parent)]
    except psutil.Error:
        return []


def _is_step_daemon(process: psutil.Process) -> bool:
    try:
        return "slurmstepd" in process.name()
    except psutil.Error:
        return False


def _kill(pid: int) -> None:
    """End a process, at first by asking; wait until it is gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
            for _ in range(50):
                if os.waitpid(pid, os.WNOHANG)[0]:
                    return
                time.sleep(0.1)
        except (ProcessLookupError, ChildProcessError):
            return


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
