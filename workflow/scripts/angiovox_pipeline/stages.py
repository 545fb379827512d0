"""Stages of a reconstruction from angiograms, as logs name them and a progress line counts them."""

from __future__ import annotations

from collections.abc import Callable

MARK = "stage: "
STAGES = {  # what is done, and its seconds on two cores at 200^3 voxels and two views
    "read": ("reading the runs", 5.0),
    "calibrate": ("calibrating where the C-arm stood", 2.0),
    "reconstruct": ("reconstructing arteries", 18.0),
    "assess": ("finding what is known and what is guessed", 4.0),
    "advise": ("looking for the angle that would tell most", 2.0),
    "write": ("writing files and the page", 5.0),
}


def begin(log: Callable[[str], None], stage: str) -> None:
    """Log that a stage begins."""
    log(f"{MARK}{STAGES[stage][0]}")


def begun(line: str) -> str | None:
    """The stage that begins with a line of a log; None for any other line."""
    _, mark, words = line.partition(MARK)
    return next((name for name, (what, _) in STAGES.items() if mark and words == what), None)
