"""What each method is worth by number of views, at the measures that vessels need."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..metrics.registry import METRICS
from .curves import lines_with_intervals, published_line, view_axis
from .legends import PUBLISHED, blocks, four_panels
from .style import Methods, method_looks, of_methods, require_columns, styled

SHOWN = ("iou", "cldice", "hd95_mm", "projection_dice")
WITH_PUBLISHED = "iou"


@styled
def quality_by_views(
    board: pd.DataFrame, published: pd.DataFrame, methods: Methods, note: str = ""
) -> Figure:
    """IoU, clDice, HD95 and Dice of held-out projections over the number of views.

    Means with 95 % intervals, a line per method; a method at one view count is a lone marker.

    Parameters
    ----------
    board : metric, method, views, mean, low, high (`leaderboard.leaderboard`).
    published : views, iou; the paper's curve, drawn in another style.
    methods : those that are shown, by name with title and family.
    note : small remark at the bottom.

    Raises
    ------
    ValueError : a table lacks a column.
    """
    require_columns(board, ["metric", "method", "views", "mean", "low", "high"], "board")
    require_columns(published, ["views", "iou"], "published")
    shown = of_methods(board[board["metric"].isin(SHOWN)], methods)
    lone = shown.groupby("method")["views"].nunique().eq(1)
    looks = {
        name: look | {"ls": ""} if lone[name] else look
        for name, look in method_looks(methods).items()
        if name in lone
    }
    groups = [*blocks(methods, looks), *[PUBLISHED] * (len(published) > 0)]
    figure, panels = four_panels(groups, note, "means over patients with 95 % intervals")
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
