"""What this workflow reads of Snakemake beyond its documentation, and goes on without.

CONTRIBUTING.md lists these parts of Snakemake and of other packages.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

WARNINGS = logging.getLogger("angiovox_pipeline")
OTHER_PARTS = "This version of Snakemake differs within ({}): {}."


def optional(lost: str, default: Any) -> Callable[[Callable], Callable]:
    """Decorate a function that reads such a part: without it, one warning and the default.

    lost : what the run does without, for the warning.
    """

    def decorate(function: Callable) -> Callable:
        @wraps(function)
        def guarded(*args: Any) -> Any:
            try:
                return function(*args)
            except (AttributeError, ImportError, TypeError) as error:
                _warn_once(OTHER_PARTS.format(error, lost))
                return default

        return guarded

    return decorate


@cache
def _warn_once(message: str) -> None:
    WARNINGS.warning(message)


@optional("its executor is not known, and jobs are planned as for a cluster", None)
def executor(workflow: Any) -> str | None:
    """Name the executor of a run; None where there is none yet, as in a dry run."""
    plugin = workflow.executor_plugin
    return plugin and plugin.name


@optional("what its jobs will take is not checked before the first one starts", ())
def planned_jobs(workflow: Any) -> tuple[Any, ...]:
    """List the jobs that a run is about to do."""
    return tuple(workflow.dag.needrun_jobs())
