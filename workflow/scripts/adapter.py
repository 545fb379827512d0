"""What every adapter shares: its log, and one clear line when the input is at fault."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import disk
from angiovox.errors import InputError

logging.raiseExceptions = False  # a log on a full disk is no second failure


@contextmanager
def job(snakemake: Any) -> Iterator[Callable[[str], None]]:
    """Yield the job's log function; an error goes to log and terminal, without a trace of ours
    where the input is at fault."""
    handler = logging.FileHandler(snakemake.log[0], mode="w")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("angiovox")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    who = ", ".join(f"{name} {value}" for name, value in snakemake.wildcards.items())
    try:
        yield log.info
    except InputError as error:
        message = ": ".join(filter(None, [who, str(error)]))
        log.error(message)
        sys.exit(f"{snakemake.rule}: {message}")
    except Exception as error:
        if trouble := disk.trouble(error, Path(snakemake.output[0]).parent):
            log.error(trouble)
            sys.exit(": ".join(filter(None, [snakemake.rule, who, trouble])))
        log.exception("%s failed (%s)", snakemake.rule, who)
        raise
