"""A job ends with the Snakemake that started it, or between two steps where it is asked to.

After a SIGKILL of Snakemake its jobs would live on and write the same files as those of the rerun.
Processes are looked up in /proc: where there is none, as on macOS, they do live on.

Run as a program this is the watcher of one job.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

PARENT_VARIABLE = "ANGIOVOX_SNAKEMAKE"
INTERVAL = 0.5  # seconds


def register_parent() -> None:
    """Name this process to the jobs it starts, unless it descends from one that was named before.

    A job on a cluster gets the environment of the machine that submitted it, and must not look for
    that machine's Snakemake: there it is the Snakemake on the node that counts.
    """
    me, before = _identity(os.getpid()), os.environ.get(PARENT_VARIABLE, "")
    if me and before not in map(_identity, _ancestors(os.getpid())):
        os.environ[PARENT_VARIABLE] = me


def exit_with_parent() -> None:
    """See that this process ends within about a second of the announced Snakemake.

    The watcher is a process: a thread would not run while a library is imported or compiled.
    """
    announced, me = os.environ.get(PARENT_VARIABLE), _identity(os.getpid())
    if not announced or not me or _machine() != announced.split()[0]:
        return
    if not _runs(announced):
        sys.exit("Snakemake ended before this job began")
    subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, announced, me],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the job
    )


def stop_on_sigterm() -> Callable[[], bool]:
    """Let SIGTERM ask this process to stop instead of killing it.

    Returns the function that says whether it was asked. SLURM sends the signal some time before a
    job's limit (`--signal`), and at the limit.
    """
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    return asked.is_set


def watch(snakemake: str, job: str) -> None:
    """Kill the job as soon as Snakemake is gone; return as soon as the job is."""
    while _runs(job):
        if not _runs(snakemake):
            os.kill(_pid(job), signal.SIGKILL)
        time.sleep(INTERVAL)


def _identity(pid: int) -> str | None:
    """Machine, number and start of a running process: numbers alone are given out again."""
    found, here = _parent_and_start(pid), _machine()
    return f"{here} {pid} {found[1]}" if found and here else None


def _pid(identity: str) -> int:
    return int(identity.split()[1])


def _runs(identity: str) -> bool:
    return _identity(_pid(identity)) == identity


def _ancestors(pid: int) -> Iterator[int]:
    while found := _parent_and_start(pid):
        pid = found[0]
        yield pid


def _parent_and_start(pid: int) -> tuple[int, str] | None:
    """From the kernel's table; None for a process that ended, though its parent has not seen it."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            state, parent, *rest = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else (int(parent), rest[17])


def _machine() -> str | None:
    """This boot of this machine, and who shares its process numbers (a container may not)."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
            return f"{file.read().strip()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None


if __name__ == "__main__":
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):  # the job may take its time
        signal.signal(ignored, signal.SIG_IGN)
    watch(*sys.argv[1:])
