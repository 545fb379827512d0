"""Plausibility checks of the masks before training."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from angiovox.errors import InputError

# The same whether or not implausible masks were let through: a new file is no new content.
PASSED = "The masks may be used; results/tables/mask_quality.csv says what each is like.\n"


def implausible_masks(table: str | Path) -> dict[str, str]:
    """Patients whose mask fails the checks, with the reason, from the table of all masks."""
    with open(table, newline="", encoding="utf-8") as file:
        return {row["patient"]: row["reason"] for row in csv.DictReader(file) if row["reason"]}


def refuse(implausible: dict[str, str], picture: str, leave_out: str = "cohort.leave_out") -> None:
    """Stop a study some of whose masks fail the checks.

    implausible : by patient, the reason. picture : where they can be looked at. leave_out : the
    config's key that leaves patients out.

    Raises InputError naming every such patient, and what can be done.
    """
    if implausible:
        named = "; ".join(f"{patient} ({reason})" for patient, reason in implausible.items())
        names = json.dumps([*implausible])
        raise InputError(
            f"masks that fail the plausibility checks: {named}; look at {picture}, then set "
            f"masks.window or masks.classes, or leave patients out with {leave_out}: {names}, or "
            "go on with them by masks.implausible: keep"
        )
