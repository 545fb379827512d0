"""What every rule's script shares: its end, its log, and one clear line when the input is at fault.

It is imported before anything that takes long, so that no job outlives its Snakemake.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from angiovox.errors import InputError, TrainingInterrupted

from .disk_errors import describe_disk_error
from .terminal import write_whole_lines
from .watchdog import exit_with_parent

exit_with_parent()
write_whole_lines()

logging.raiseExceptions = False  # a log on a full disk is no second failure


@contextmanager
def job(snakemake: Any) -> Iterator[Callable[[str], None]]:
    """Yield the job's log function; an error goes to log and terminal, without a trace of ours
    where the input is at fault or the job was asked to stop."""
    handler = logging.FileHandler(snakemake.log[0], mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("angiovox")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.info("machine: %s", machine())
    who = ", ".join(f"{name} {value}" for name, value in snakemake.wildcards.items())
    try:
        yield log.info
    except (InputError, TrainingInterrupted) as end:
        message = ": ".join(filter(None, [who, str(end)]))
        log.error(message)
        sys.exit(f"{snakemake.rule}: {message}")
    except Exception as error:
        if message := describe_disk_error(error, Path(snakemake.output[0]).parent):
            log.error(message)
            sys.exit(": ".join(filter(None, [snakemake.rule, who, message])))
        log.exception("%s failed (%s)", snakemake.rule, who)
        raise


def machine() -> str:
    """Where this job runs: node, SLURM's number, and GPUs if the job knows of such."""
    parts = [platform.node()]
    if number := os.environ.get("SLURM_JOB_ID"):
        parts.append(f"SLURM job {number}")
    if torch := sys.modules.get("torch"):
        parts.append(f"{torch.cuda.device_count() or 'no'} GPU")  # a name would need a GPU's memory
    return ", ".join(parts)
