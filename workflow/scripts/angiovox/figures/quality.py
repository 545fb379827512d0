"""What each method is worth by number of views, at the measures that vessels need."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..metrics.registry import METRICS
from .curves import PUBLISHED_LOOK, lines_with_intervals, published_line, view_axis
from .style import PUBLISHED_LABEL, four_panels, looks_of, require_columns, styled

SHOWN = ("iou", "cldice", "hd95_mm", "projection_dice")
WITH_PUBLISHED = "iou"


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
    handles = [Line2D([], [], label=name, **look) for name, look in looks.items()]
    if len(published):
        handles.append(Line2D([], [], label=PUBLISHED_LABEL, **PUBLISHED_LOOK))
    figure, panels = four_panels(handles, note, "means over patients with 95 % intervals")
    counts = sorted(set(shown["views"]) | set(published["views"]))
    for axes, metric in zip(panels, SHOWN, strict=True):
        lines_with_intervals(axes, shown[shown["metric"] == metric], looks)
        if metric == WITH_PUBLISHED and len(published):
            published_line(axes, published)
        view_axis(axes, counts)
        _label(axes, metric)
    return figure


def _label(axes: Axes, name: str) -> None:
    """Quantity, unit and which way is better, above scales from 0, with room for what is there."""
    metric = METRICS[name]
    quantity = f"{metric.title} ({metric.unit})" if metric.unit else metric.title
    top = axes.get_ylim()[1] if metric.unit else 1
    axes.set_ylim(-0.02 * top, 1.02 * top)
    axes.set_title(f"{quantity}, {metric.better} is better", loc="left", pad=5)
    axes.set_xlabel("Number of views")
