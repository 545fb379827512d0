"""Legends of methods, grouped by family, and the panels that they stand above."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import (
    DOUBLE_COLUMN,
    PUBLISHED_LOOK,
    Methods,
    add_note,
    add_remark,
    axes_in_mm,
    families,
    method_looks,
    new_figure,
    place,
)

LINE, GAP = 3.3, 1.2  # mm, of a line and between two families
HANDLE, LETTER = 8.5, 1.22  # mm, of a line with its marker, and of a letter
COLUMNS = 3  # above four panels


@dataclass(frozen=True)
class Block:
    """A family in a legend: its title, and label and look of each member by name."""

    heading: str
    members: Mapping[str, tuple[str, dict]]

    @property
    def names(self) -> list[str]:
        """Of the members."""
        return [*self.members]

    @property
    def entries(self) -> list[tuple[str, dict]]:
        """Label and look of each member."""
        return [*self.members.values()]

    @property
    def lines(self) -> int:
        """Of the heading and the members, whose labels may take several."""
        return 1 + sum(1 + label.count("\n") for label, _ in self.entries)

    @property
    def height(self) -> float:
        """mm."""
        return LINE * self.lines + GAP

    @property
    def colour(self) -> str:
        """Of all members."""
        return self.entries[0][1]["color"]

    def within(self, width: float) -> Block:
        """The same with labels that are wrapped to a width in mm."""
        letters = int((width - HANDLE) / LETTER)
        wrapped = {
            name: (textwrap.fill(label, letters), look)
            for name, (label, look) in self.members.items()
        }
        return replace(self, members=wrapped)


PUBLISHED = Block("Published, other data", {"": ("Wu et al. 2023", PUBLISHED_LOOK)})


def blocks(methods: Methods, shown: Iterable[str]) -> list[Block]:
    """List the families that are shown, each with its members that are."""
    looks, wanted = method_looks(methods), set(shown)
    members = {
        family: {name: (methods[name]["title"], looks[name]) for name in names if name in wanted}
        for family, names in families(methods).items()
    }
    return [Block(family, entries) for family, entries in members.items() if entries]


def in_columns(groups: Sequence[Block], columns: int) -> list[list[Block]]:
    """Put blocks, in their order and undivided, into at most some columns of the least height."""
    for lines in count(max(block.lines for block in groups)):
        found = _filled(groups, lines)
        if len(found) <= columns:
            return found
    raise AssertionError("unreachable: some height holds all in one column")


def _filled(groups: Sequence[Block], lines: int) -> list[list[Block]]:
    columns: list[list[Block]] = [[]]
    for block in groups:
        if columns[-1] and sum(other.lines for other in columns[-1]) + block.lines > lines:
            columns.append([])
        columns[-1].append(block)
    return columns


def height_of(columns: Sequence[Sequence[Block]]) -> float:
    """mm, of the highest column."""
    return max(sum(block.height for block in column) for column in columns)


def draw_legend(
    figure: Figure, columns: Sequence[Sequence[Block]], left: float, top: float, width: float
) -> Axes:
    """Draw a legend below and to the right of a point in mm, in axes of its own."""
    height = height_of(columns)
    axes = place(figure, left, top - height, width, height)
    axes.set(xlim=(0, width), ylim=(0, height), label="legend")
    axes.set_autoscale_on(False)
    for number, column in enumerate(columns):
        start, level = number * width / len(columns), height - LINE / 2
        for block in column:
            look = {"color": block.colour, "weight": "bold", "va": "center"}
            axes.text(start, level, block.heading, **look)
            for label, look in block.entries:
                lines = 1 + label.count("\n")
                middle = level - LINE * (1 + lines) / 2
                ends = [start + part * HANDLE for part in (0.05, 0.45, 0.85)]
                axes.plot(ends, [middle] * 3, markevery=[1], label=label, **look)
                axes.text(start + HANDLE, middle, label, va="center")
                level -= lines * LINE
            level -= LINE + GAP
    return axes


def four_panels(groups: Sequence[Block], note: str, remark: str) -> tuple[Figure, list[Axes]]:
    """Two by two panels with room for titles and labels, and one legend above them.

    groups : of the legend. note, remark : small words in the lower corners.
    """
    width, height, across, up = 76.0, 46.0, 15.0, 15.5  # mm, of a panel and between two
    left, heading, foot = 11.0, 6.0, 9.0 + (4 if note else 0)
    across_all = DOUBLE_COLUMN - 2
    columns = in_columns([block.within(across_all / COLUMNS) for block in groups], COLUMNS)
    top = foot + 2 * height + up + heading + height_of(columns)
    figure = new_figure(DOUBLE_COLUMN, top + 1)
    axes = [
        axes_in_mm(
            figure, left + column * (width + across), foot + row * (height + up), width, height
        )
        for row in (1, 0)
        for column in (0, 1)
    ]
    draw_legend(figure, columns, 1, top, across_all)
    add_note(figure, note)
    add_remark(figure, remark)
    return figure, axes
