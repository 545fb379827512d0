"""Read what a finished study says of itself: its record of provenance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import InputError
from .run_records import NO_CHECKOUT

PROVENANCE = "provenance.json"


def read_record(results: str | Path) -> dict[str, Any]:
    """Read provenance.json of a folder of results.

    Raises InputError for a folder without it, or one that is not of a study.
    """
    path = Path(results, PROVENANCE)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{path}: not there; an export needs the results of a finished study"
        ) from None
    except ValueError as error:
        raise InputError(f"{path}: no JSON ({error})") from None
    if not isinstance(record, dict) or not {"config", "products", "seeds"} <= {*record}:
        raise InputError(f"{path}: no record of a study; re-run it with this version")
    return record


def commit(record: dict[str, Any]) -> str | None:
    """The revision of the code that a study ran; None where it was no git checkout."""
    found = record.get("angiovox", {}).get("commit", NO_CHECKOUT)
    return None if found == NO_CHECKOUT else found
