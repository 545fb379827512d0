"""Snakemake with the rules that are installed with this command, or lie in its clone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from angiovox_pipeline.places import PACKAGES, ROOT


def command(cores: int, *arguments: str, snakefile: str) -> list[str]:
    """Command line of Snakemake for the folder that it starts in, with the default profile.

    snakefile : by its path in the workflow's root.
    """
    return [
        *(sys.executable, "-m", "snakemake"),
        *("--snakefile", str(ROOT / snakefile)),
        *("--workflow-profile", str(ROOT / "profiles/default")),
        *("--cores", str(cores)),
        *arguments,
    ]


def start(
    command: Sequence[str], folder: str | Path, log: IO[str], keep: Sequence[int] = ()
) -> subprocess.Popen:
    """Start Snakemake in a folder, with all that it says in a file.

    keep : descriptors of files that stay open in it.
    """
    return subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment(),
        pass_fds=keep,
        start_new_session=True,  # Ctrl-C is for this process, which ends Snakemake
    )


def environment() -> dict[str, str]:
    """This process's variables, with these packages first where Python looks for modules."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(PACKAGES) not in [*sys.path[1:], *paths]:
        paths = [str(PACKAGES), *paths]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
