"""Sections of the leaderboard that show another study beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, repeat

import pandas as pd

from ..metrics.registry import METRICS
from .beside_table import COUNTS, DIFFERENCE, OURS, THEIRS
from .leaderboard import PRIMARY
from .leaderboard_page import EMPTY_CELL, Cell, Section, best_first, interval_cell

OWN_TITLE = "this study"
COMPARED = (
    "Means over the test patients that both studies have, and the mean difference on the same "
    "patients, this study less the other, each with a 95 % interval by Student's t. Nothing is "
    "tested here, and intervals are not corrected for how many there are."
)
NO_COMMON_PATIENT = (
    "The studies have no test patient in common: each mean is over a study's own patients, with a "
    "95 % interval by Student's t, and there are no differences."
)
MATCHED = (
    "Patients are matched by id, methods by the name of their entry in the config. That is right "
    "only where the same id is the same patient on the same grid, as of phantoms of one seed."
)
LEFT_OUT = (
    "Test patients left out: {ours} whom only this study has, {theirs} whom only the other has."
)
ALONE = "A method or number of views that only one study has stands alone."
OTHER_SEEDS = (
    "A method that was trained with more seeds in one study is averaged over seeds there; the "
    "interval of its difference is for new patients, not for new trainings."
)


@dataclass(frozen=True)
class Line:
    """What a row shows of a method: the columns of a mean or a difference, and of its patients.

    expected : how many patients the heading says.
    """

    label: str
    values: tuple[str, str, str]
    patients: str
    expected: int
    sign: str = ""

    def cells(self, of_method: pd.DataFrame, views: list[int]) -> list[Cell]:
        """A cell for each number of views; none where there is nothing at any.

        of_method : rows of one method, by number of views.
        """
        if of_method[self.values[0]].isna().all():
            return []
        cells = (
            self._cell(of_method.loc[count]) if count in of_method.index else Cell(EMPTY_CELL)
            for count in views
        )
        return [Cell(self.label), *cells]

    def _cell(self, row: pd.Series) -> Cell:
        value, low, high = (row[name] for name in self.values)
        patients = row[self.patients]
        more = "" if value != value or patients == self.expected else f", n = {patients}"
        return interval_cell(value, low, high, more, sign=self.sign)


def sections(table: pd.DataFrame, board: pd.DataFrame, titles: Mapping[str, str]) -> list[Section]:
    """A section for each other study.

    Parameters
    ----------
    table : of `beside_table`.
    board : of `leaderboard`, whose order methods have; those of the other study alone come last.
    titles : of this study's methods; others are called by the names of their entries.
    """
    own = best_first(board[board["metric"] == PRIMARY])
    return [
        _section(title, part, own, titles) for title, part in table.groupby("beside", sort=False)
    ]


def _section(title: str, part: pd.DataFrame, own: list[str], titles: Mapping[str, str]) -> Section:
    """Up to three rows for each method: both studies' and the difference."""
    views = sorted(part["views"].unique(), reverse=True)
    tested, other_tested, both = (int(part[name].iloc[0]) for name in COUNTS)
    lines = [
        Line(OWN_TITLE, OURS[2:], OURS[0], both or tested),
        Line(title, THEIRS[2:], THEIRS[0], both or other_tested),
        Line("difference", DIFFERENCE, "paired", both, "+"),
    ]
    rows = []
    for method in dict.fromkeys([*own, *part["method"]]):
        of_method = part[part["method"] == method].set_index("views")
        of_lines = filter(None, (line.cells(of_method, views) for line in lines))
        names = chain([titles.get(method, method)], repeat(""))
        rows += zip(names, of_lines, strict=False)
    patients = f"n = {both}" if both else f"n = {tested} and {other_tested}"
    heading = f"{METRICS[PRIMARY].title} of {OWN_TITLE} beside: {title}, {patients}"
    heads = ["method", "study", *(f"{count} views" for count in views)]
    return Section(heading, _remark(part), heads, rows)


def _remark(part: pd.DataFrame) -> str:
    """What is compared with what, as far as it holds of these studies."""
    tested, other_tested, both = (int(part[name].iloc[0]) for name in COUNTS)
    has_pair = part["patients"].notna() & part["other_patients"].notna()
    sentences = [COMPARED if both else NO_COMMON_PATIENT, MATCHED]
    if both and (tested > both or other_tested > both):
        sentences.append(LEFT_OUT.format(ours=tested - both, theirs=other_tested - both))
    if not has_pair.all():
        sentences.append(ALONE)
    if both and (part["seeds"] != part["other_seeds"])[has_pair].any():
        sentences.append(OTHER_SEEDS)
    return " ".join(sentences)
