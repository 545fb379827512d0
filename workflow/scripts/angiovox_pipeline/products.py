"""What a run makes, and by which rules: as the record of its provenance names them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from snakemake.exceptions import WorkflowError

from .resources import MEASURED_USAGE, OF_GROUPS
from .snakemake_parts import optional


def our_rules(rules: Any) -> dict[str, str]:
    """The rules that compute, by their names in the run.

    rules : Snakemake's, of this workflow. Another workflow that uses it as a module may give them
    other names, leave some out and have rules of its own.
    """
    ours = {}
    for name in MEASURED_USAGE:
        try:
            ours[getattr(rules, name).rule.name] = name
        except WorkflowError:  # two rows are of no rule of their own
            continue
    return ours


@optional("run times are not gathered", {})
def benchmark_patterns(workflow: Any, ours: Mapping[str, str]) -> dict[str, str]:
    """By rule, a regular expression of its benchmark files: others may lie beside them.

    Of the study itself, whose last job gathers them, not of the groups that come after it.
    """
    left_out = ("provenance", "study_page", "transfer_table", "transfer_figure")
    return {
        ours[rule.name]: rule.benchmark.regex().pattern
        for rule in workflow.rules
        if rule.name in ours
        and ours[rule.name] not in left_out
        and not ours[rule.name].endswith(OF_GROUPS)
    }


@optional("the record of provenance does not say which rule made what", {})
def products(workflow: Any, wanted: Iterable[str]) -> dict[str, dict[str, Any]]:
    """By path, rule and parameters of each output that is wanted, and of those beside it."""
    wanted = {*map(str, wanted)}
    return {
        str(path): {"rule": rule.name, "params": dict(rule.params.items())}
        for rule in workflow.rules
        if wanted & {*map(str, rule.output)}
        for path in rule.output
    }
