"""Lines over the number of views: IoU of each family of methods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from .legends import Block, blocks, draw_legend, height_of
from .style import (
    DOUBLE_COLUMN,
    PAGE_HEIGHT,
    PUBLISHED_LABEL,
    PUBLISHED_LOOK,
    SINGLE_COLUMN,
    Methods,
    add_note,
    axes_in_mm,
    method_looks,
    new_figure,
    of_methods,
    require_columns,
    styled,
)

DODGE = 0.016  # decades between neighbouring methods, so that their intervals do not overlap
WIDEST_DODGE = 0.6  # of the room between two view counts, that all methods take together
FEW = 9  # methods whose intervals have caps
BEHIND = {"color": "0.84", "lw": 0.7, "zorder": 0.5}  # methods that a panel is not about
MAX_COLUMNS = 4


@styled
def iou_by_views(
    summary: pd.DataFrame, published: pd.DataFrame, methods: Methods, note: str = ""
) -> Figure:
    """Mean IoU over the number of views: a panel for each family of methods, the others in grey.

    Parameters
    ----------
    summary : method, views, mean, low, high; IoU in [0, 1], low and high bound a 95 % interval.
    published : views, iou; the paper's curve, drawn in another style.
    methods : those that are shown, by name with title and family.
    note : small remark at the bottom.

    Raises
    ------
    ValueError : a table lacks a column.
    """
    require_columns(summary, ["method", "views", "mean", "low", "high"], "summary")
    require_columns(published, ["views", "iou"], "published")
    summary, looks = of_methods(summary, methods), method_looks(methods)
    counts = sorted(set(summary["views"]) | set(published["views"]))
    groups = blocks(methods, summary["method"])
    figure, panels = _family_panels(groups, bool(note))
    for axes, block in zip(panels, groups, strict=True):
        own = {name: looks[name] for name in block.names}
        lines_with_intervals(axes, of_methods(summary, own), own)
        for _, rows in summary[~summary["method"].isin(block.names)].groupby("method"):
            _line_behind(axes, rows.sort_values("views"))
        if len(published):
            published_line(axes, published)
        view_axis(axes, counts)
        axes.set_ylim(0, 1)
    _legend_of_all(figure, len(groups) > 1, len(published) > 0)
    add_note(figure, note)
    return figure


def _family_panels(groups: Sequence[Block], has_note: bool) -> tuple[Figure, list[Axes]]:
    """Panels in rows, each below the legend of its family, with room for one line above all."""
    columns = min(MAX_COLUMNS, math.ceil(math.sqrt(len(groups))))
    foot, top, left, gap, below = 9.0 + (4 if has_note else 0), 6.0, 11.0, 7.0, 8.0
    page = SINGLE_COLUMN if columns == 1 else DOUBLE_COLUMN
    width = (page - left - 2 - gap * (columns - 1)) / columns
    fitted = [block.within(width + 1) for block in groups]
    rows = [fitted[start : start + columns] for start in range(0, len(fitted), columns)]
    headings = [1 + height_of([[block] for block in row]) for row in rows]
    taken = foot + top + sum(headings) + below * (len(rows) - 1)
    height = min(50.0, 0.85 * width, (PAGE_HEIGHT - taken) / len(rows))
    figure = new_figure(page, taken + height * len(rows))
    panels, level = [], taken + height * len(rows) - top
    for row, heading in zip(rows, headings, strict=True):
        for column, block in enumerate(row):
            start = left + column * (width + gap)
            draw_legend(figure, [[block]], start, level - heading + 1 + block.height, width)
            axes = axes_in_mm(figure, start, level - heading - height, width, height)
            axes.set_ylabel("" if column else "IoU (mean, 95 % interval)")
            axes.set_xlabel("Number of views" if len(panels) + columns >= len(groups) else "")
            panels.append(axes)
        level -= heading + height + below
    return figure, panels


def _line_behind(axes: Axes, rows: pd.DataFrame) -> None:
    marker = "." if len(rows) == 1 else ""
    axes.plot(rows["views"], rows["mean"], marker=marker, **BEHIND)


def _legend_of_all(figure: Figure, has_others: bool, has_published: bool) -> None:
    """One line above all panels: what they have in common."""
    handles = []
    if has_published:
        handles.append(Line2D([], [], label=PUBLISHED_LABEL, **PUBLISHED_LOOK))
    if has_others:
        handles.append(Line2D([], [], label="all other methods", **BEHIND))
    place = {"loc": "upper left", "bbox_to_anchor": (0.005, 0.995), "ncols": 2}
    figure.legend(handles=handles, borderaxespad=0, borderpad=0, **place)


def lines_with_intervals(axes: Axes, table: pd.DataFrame, looks: Mapping[str, dict]) -> None:
    """Means over the number of views with their intervals; methods stand a little apart.

    table : method, views, mean, low, high; without an interval NaN. looks : by method.
    """
    axes.grid(axis="y", color="0.92", lw=0.6)
    axes.set_axisbelow(True)
    step = _dodge(table["views"].unique(), len(looks))
    few = len(looks) <= FEW
    for number, (method, look) in enumerate(looks.items()):
        shift = 10 ** (step * (number - (len(looks) - 1) / 2))
        rows = table[table["method"] == method].sort_values("views")
        mean = rows["mean"].to_numpy()
        below, above = mean - rows["low"].to_numpy(), rows["high"].to_numpy() - mean
        intervals = np.clip(np.stack([below, above]), 0, None)
        bars = {"elinewidth": 0.8 if few else 0.5, "capsize": 1.5 if few else 0, "label": method}
        lines = {} if few else {"lw": 0.8, "ms": 3}
        axes.errorbar(rows["views"] * shift, mean, intervals, **bars, **look, **lines)


def _dodge(views: np.ndarray, methods: int) -> float:
    """Decades between two methods; all stay nearer to their own view count than to another."""
    gaps = np.diff(np.log10(np.sort(views)))
    widest = WIDEST_DODGE * gaps.min() if len(gaps) else math.inf
    return min(DODGE, widest / max(1, methods - 1))


def published_line(axes: Axes, published: pd.DataFrame) -> None:
    """The paper's IoU over the number of views, in a style of its own."""
    line = published.sort_values("views")
    axes.plot(line["views"], line["iou"], label=PUBLISHED_LABEL, **PUBLISHED_LOOK)


def view_axis(axes: Axes, views: list[int]) -> None:
    """Logarithmic, with a tick at each view count that is used."""
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(views, [str(count) for count in views])
    axes.set_xlim(min(views) * 0.8, max(views) * 1.25)
