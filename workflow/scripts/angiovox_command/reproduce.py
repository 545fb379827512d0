"""The study on phantoms, as `make reproduce` makes it in a clone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from angiovox.errors import InputError
from angiovox_pipeline.places import ROOT

from .snakemake_call import command, environment


def reproduce(out: str | Path, cores: int, arguments: Sequence[str] = ()) -> int:
    """Make all tables and figures, and the report; returns the exit status of what failed, or 0.

    arguments : of Snakemake; with any, what they ask for is made, and no report.
    """
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out}: {error.strerror}") from None
    given = [argument for argument in arguments if argument != "--"]
    snakemake = command(cores, *given, snakefile="Snakefile")
    tools = [] if given else [_report(), [sys.executable, str(ROOT / "tools/where_to_look.py")]]
    for step in (snakemake, *tools):
        if status := subprocess.run(step, cwd=out, env=environment()).returncode:
            return status
    return 0


def _report() -> list[str]:
    """The command that writes the report of a finished study."""
    options = command(1, snakefile="Snakefile")[3:]  # without the interpreter and module
    return [sys.executable, str(ROOT / "tools/report.py"), *options]
