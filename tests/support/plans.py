"""The jobs that Snakemake plans for the tests' study."""

import re
from pathlib import Path

from conftest import TINY

VIEWS = TINY["view_counts"]
MODELS = [("dae", 10), ("dae", 2), ("unet", "all"), ("cgan", 2)]  # that are trained
PHANTOMS = [f"phantom-{number:03d}" for number in range(1, 6)]
LAST = {"provenance": 1, "study_page": 1, "study": 1}


def planned(output: str) -> dict[str, int]:
    """Jobs by rule, from the table that a dry run prints; empty where nothing is to be done."""
    if "Nothing to be done" in output:
        return {}
    table = re.search(r"Job stats:\njob +count\n-+ +-+\n(.*?)\ntotal", output, re.DOTALL)
    assert table, output
    return {rule: int(count) for rule, count in map(str.split, table[1].splitlines())}


def whole_plan(study: Path) -> dict[str, int]:
    """Jobs by rule of the complete run, as its terminal began."""
    return planned((study / "terminal.txt").read_text())


def merged(base, other):
    """What Snakemake makes of two config files."""
    if not (isinstance(base, dict) and isinstance(other, dict)):
        return other
    return base | {key: merged(base.get(key), value) for key, value in other.items()}
