"""What the leaderboard's numbers mean, in sentences that depend on its patients and seeds."""

from __future__ import annotations

import pandas as pd

from ..metrics import comparisons, statistics
from ..metrics.registry import METRICS
from .leaderboard import PRIMARY, primary_views

VERSUS = "Mean difference on the same patients."
EXACT_REMARK = (
    "Phantoms only: here the voxels that are artery by half or more take the place of the Otsu "
    "mask. A method above the mask's own row is closer to the arteries than what it learnt "
    "from."
)
_PRIMARY = "{title} at {views} views, named beforehand. Everything else is secondary."
_MEANS = (
    "Arithmetic, over the n test patients that a heading or a cell names, with a 95 % interval "
    "by Student's t over patients; for shares in logit units, for distances and counts in log "
    "units, transformed back. No interval below {least} patients, nor where all values are "
    "equal."
)
_ONE_SEED = (
    "One: what is said of a trained method is said of this trained network. How far another "
    "training of the same method would differ was not measured."
)
_SEEDS = (
    "{seeds}: a trained method's mean is over all of them, and its interval is for new patients "
    "and new trainings (crossed t, Satterthwaite's degrees of freedom). Methods without "
    "anything random have one."
)
_MARKS = (
    "Bold is the best mean of a column; = is not shown to be worse than it; ▲ is shown to be "
    "better and ▼ to be worse than the method it is compared with. Shown means p of at most "
    "{level} by sign flips of the patients ({flips}) with the largest |t| over all pairs of "
    "methods at that metric and number of views, which allows for the number of pairs and for a "
    "best that the same data chose."
)
_MARKS_OF_SEEDS = (
    "A trained method's mark needs the crossed t as well, times the number of pairs: else it "
    "would be of these trained networks only."
)
_P = (
    "p, marks and the bounds of ranks are over all pairs at once. The interval of a difference "
    "is of that pair alone, so that it may exclude 0 where there is no mark."
)
_NO_MARKS = (
    "None, and no p: {patients} test patients are too few. Even if a difference has the same "
    "sign in all of them, an exact sign-flip test gives p = {p:g}. So no method is shown to be "
    "better than another one here; ranks are the order of the means, and bold is the best mean "
    "of a column. From {least} test patients on (cohort.test_patients in the config) methods "
    "are tested."
)
_UNCORRECTED = (
    "The number of metrics and of view counts: if all methods were alike, up to one column in "
    "20 would still have a mark."
)
_EMPTY = (
    "{count} of {runs} reconstructions are empty. They count as 0 in overlaps, but have no "
    "HD95, so that its mean is over the other patients. A method without a value for a patient "
    "whom other methods have is neither tested nor ranked at that metric."
)
_NONE_EMPTY = "No reconstruction."


def how_to_read(board: pd.DataFrame) -> dict[str, str]:
    """A sentence or two, under a word, on what is primary, means, seeds, marks, empty ones."""
    own = board[board["metric"] == PRIMARY]
    patients, seeds = _patients(board), int(board["seeds"].max())
    title, views = METRICS[PRIMARY].title, primary_views(board)
    text = {
        "Primary comparison": _PRIMARY.format(title=title, views=views),
        "Means": _MEANS.format(least=statistics.LEAST_PATIENTS),
        "Training seeds": _ONE_SEED if seeds == 1 else _SEEDS.format(seeds=seeds),
        "Marks": _no_marks(patients),
    }
    if has_marks(board):
        shown = _MARKS.format(level=comparisons.LEVEL, flips=_flips(patients))
        text["Marks"] = f"{shown} {_MARKS_OF_SEEDS}" if seeds > 1 else shown
        text |= {"p and intervals": _P, "Not corrected for": _UNCORRECTED}
    empty, runs = own["empty"].sum(), (own["patients"] * own["seeds"]).sum()
    return text | {"Empty": _EMPTY.format(count=empty, runs=runs) if empty else _NONE_EMPTY}


def has_marks(board: pd.DataFrame) -> bool:
    """Whether there are enough patients to test the primary comparison."""
    return _patients(board) >= comparisons.LEAST_PATIENTS


def too_few(part: pd.DataFrame) -> str:
    """Why a metric has no marks where others have."""
    least = comparisons.LEAST_PATIENTS
    return f"n is below {least}: no marks." if part["patients"].max() < least else ""


def _patients(board: pd.DataFrame) -> int:
    return int(board.loc[board["metric"] == PRIMARY, "patients"].max())


def _no_marks(patients: int) -> str:
    least = comparisons.LEAST_PATIENTS
    return _NO_MARKS.format(patients=patients, p=2.0 ** (1 - patients), least=least)


def _flips(patients: int) -> str:
    if patients <= comparisons.EXACT_UP_TO:
        return f"all {2**patients:,} choices of signs"
    return f"{comparisons.SAMPLED_FLIPS:,} choices of signs, drawn with a fixed seed"
