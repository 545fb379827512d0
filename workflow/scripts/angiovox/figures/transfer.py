"""IoU by number of views on several groups of patients: a panel for each method."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .curves import lines_with_intervals, view_axis
from .legends import LETTER
from .style import (
    DOUBLE_COLUMN,
    FAMILY_COLOURS,
    MARKERS,
    PAGE_HEIGHT,
    Methods,
    add_note,
    add_remark,
    axes_in_mm,
    families,
    new_figure,
    of_methods,
    require_columns,
    styled,
)

OWN = {"color": "black", "marker": "o", "ls": "-"}  # of the study's test patients
MAX_COLUMNS, LEGEND_COLUMNS = 4, 3
LEFT, GAP, BELOW, TITLE, LEGEND_LINE = 11.0, 5.0, 5.0, 3.2, 4.0  # mm


@styled
def transfer(
    table: pd.DataFrame, methods: Methods, groups: Mapping[str, str], note: str = ""
) -> Figure:
    """Mean IoU over the number of views: a panel for each method, a line for each group.

    Parameters
    ----------
    table : method, views, group, patients, mean, low, high (`reporting.transfer`); IoU in [0, 1],
        low and high bound a 95 % interval.
    methods : those that are shown, by name with title and family; a family's stand together.
    groups : title by name; the first is the study's own, and black.
    note : small remark at the bottom.

    Raises
    ------
    ValueError : the table lacks a column.
    """
    require_columns(table, ["method", "views", "group", "patients", "mean", "low", "high"], "table")
    table = of_methods(table, methods)
    present = set(table["method"])
    names = [name for own in families(methods).values() for name in own if name in present]
    looks = group_looks(groups)
    figure, panels = _panels([methods[name]["title"] for name in names], len(groups), bool(note))
    for axes, name in zip(panels, names, strict=True):
        rows = table[table["method"] == name]
        lone = {"ls": ""} if rows["views"].nunique() == 1 else {}
        own = {group: look | lone for group, look in looks.items()}
        lines_with_intervals(
            axes, rows.drop(columns="method").rename(columns={"group": "method"}), own
        )
        view_axis(axes, sorted(table["views"].unique()))
        axes.set_ylim(-0.02, 1.02)
    _legend(figure, table, groups, looks)
    add_note(figure, note)
    add_remark(figure, "means over patients with 95 % intervals")
    return figure


def group_looks(groups: Mapping[str, str]) -> dict[str, dict]:
    """Style every group; the first, the study's own, in black."""
    first, *others = groups
    colours = [colour for colour in FAMILY_COLOURS if colour != OWN["color"]]
    return {first: OWN} | {
        name: {
            "color": colours[number % len(colours)],
            "marker": MARKERS[(number + 1) % len(MARKERS)],
            "ls": (0, (4, 1.5)),
        }
        for number, name in enumerate(others)
    }


def _panels(titles: list[str], groups: int, has_note: bool) -> tuple[Figure, list[Axes]]:
    """Panels in rows below a legend, each with its title; scales along the left and lower edges."""
    columns = min(MAX_COLUMNS, max(1, math.ceil(math.sqrt(len(titles)))))
    width = (DOUBLE_COLUMN - LEFT - 2 - GAP * (columns - 1)) / columns
    wrapped = [textwrap.wrap(title, int(width / LETTER)) for title in titles]
    rows = [wrapped[start : start + columns] for start in range(0, len(wrapped), columns)]
    headings = [1.5 + TITLE * max(map(len, row)) for row in rows]
    foot, top = 10.0 + 3 * has_note, 2 + LEGEND_LINE * math.ceil(groups / LEGEND_COLUMNS)
    taken = foot + top + sum(headings) + BELOW * (len(rows) - 1)
    height = min(46.0, 0.85 * width, (PAGE_HEIGHT - taken) / len(rows))
    figure = new_figure(DOUBLE_COLUMN, taken + height * len(rows))
    panels, level = [], taken + height * len(rows) - top
    for row, heading in zip(rows, headings, strict=True):
        for column, lines in enumerate(row):
            left = LEFT + column * (width + GAP)
            axes = axes_in_mm(figure, left, level - heading - height, width, height)
            axes.set_title("\n".join(lines), loc="left", pad=3)
            is_lowest = len(panels) + columns >= len(titles)
            axes.set_xlabel("Number of views" if is_lowest else "")
            axes.set_ylabel("" if column else "IoU")
            axes.tick_params(labelbottom=is_lowest, labelleft=column == 0)
            panels.append(axes)
        level -= heading + height + BELOW
    return figure, panels


def _legend(
    figure: Figure, table: pd.DataFrame, groups: Mapping[str, str], looks: Mapping[str, dict]
) -> None:
    counts = table.groupby("group")["patients"].max()
    handles = [
        Line2D([], [], label=f"{title} (n = {counts[name]})", **looks[name])
        for name, title in groups.items()
        if name in counts
    ]
    place = {"loc": "upper left", "bbox_to_anchor": (0.005, 0.995), "borderaxespad": 0}
    figure.legend(handles=handles, borderpad=0, handlelength=3, ncols=LEGEND_COLUMNS, **place)
