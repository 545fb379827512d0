"""What each method is worth by number of views, at the measures that vessels need."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..metrics.catalogue import METRICS
from .curves import LEGEND_LINE, PUBLISHED_LOOK, lines_with_intervals, published_line, view_axis
from .style import (
    DOUBLE_COLUMN,
    PUBLISHED_LABEL,
    add_note,
    add_remark,
    axes_in_mm,
    legend_on_top,
    looks_of,
    new_figure,
    require_columns,
    styled,
)

SHOWN = ("iou", "cldice", "hd95_mm", "projection_dice")
WITH_PUBLISHED = "iou"
PANEL = (77.0, 46.0)  # mm
LEFT, BETWEEN, FOOT, ABOVE, HEADING = 8.0, (14.0, 15.5), 9.0, 2.5, 4.0  # mm
COLUMNS = 2


@styled
def quality_by_views(
    board: pd.DataFrame, published: pd.DataFrame, methods: Sequence[str], note: str = ""
) -> Figure:
    """IoU, clDice, HD95 and Dice of held-out projections over the number of views.

    Means with 95 % intervals, a line per method; a method at one view count is a lone marker.

    Parameters
    ----------
    board : metric, method, views, mean, low, high (`leaderboard.leaderboard`).
    published : views, iou; the paper's curve, drawn in another style.
    methods : all of the study's, in its order, from which their colours follow.
    note : small remark at the bottom.

    Raises
    ------
    ValueError : a table lacks a column, or rows are of a method that is not among `methods`.
    """
    require_columns(board, ["metric", "method", "views", "mean", "low", "high"], "board")
    require_columns(published, ["views", "iou"], "published")
    shown = board[board["metric"].isin(SHOWN)]
    styles = looks_of(shown["method"], methods, "board")
    lone = shown.groupby("method")["views"].nunique().eq(1)
    looks = {name: look | {"ls": ""} if lone[name] else look for name, look in styles.items()}
    foot = FOOT + (4 if note else 0)
    rows = len(SHOWN) // COLUMNS
    legend = ABOVE + LEGEND_LINE * -(-(len(looks) + 1) // 3)
    top = foot + rows * PANEL[1] + (rows - 1) * BETWEEN[1]
    figure = new_figure(DOUBLE_COLUMN, top + HEADING + legend)
    counts = sorted(set(shown["views"]) | set(published["views"]))
    for number, metric in enumerate(SHOWN):
        row, column = divmod(number, COLUMNS)
        left = LEFT + column * (PANEL[0] + BETWEEN[0])
        bottom = top - PANEL[1] - row * (PANEL[1] + BETWEEN[1])
        axes = axes_in_mm(figure, left, bottom, *PANEL)
        lines_with_intervals(axes, shown[shown["metric"] == metric], looks)
        if metric == WITH_PUBLISHED and len(published):
            published_line(axes, published)
        view_axis(axes, counts)
        _label(axes, metric)
    handles = [Line2D([], [], label=name, **look) for name, look in looks.items()]
    handles += [Line2D([], [], label=PUBLISHED_LABEL, **PUBLISHED_LOOK)] * bool(len(published))
    legend_on_top(figure, handles)
    add_note(figure, note)
    add_remark(figure, "means over patients with 95 % intervals")
    return figure


def _label(axes: Axes, name: str) -> None:
    """Quantity, unit and which way is better, above scales that begin at 0; scores end at 1."""
    metric = METRICS[name]
    quantity = f"{metric.title} ({metric.unit})" if metric.unit else metric.title
    axes.set_ylim(0, None if metric.unit else 1)
    axes.set_title(f"{quantity}, {metric.better} is better", loc="left", pad=5)
    axes.set_xlabel("Number of views")
