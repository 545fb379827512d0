"""Curves: IoU over the number of views, and training over epochs."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullLocator

from .style import (
    DOUBLE_COLUMN,
    LEGEND_LINE,
    PUBLISHED_COLOUR,
    PUBLISHED_LABEL,
    SINGLE_COLUMN,
    add_note,
    add_remark,
    axes_in_mm,
    method_styles,
    new_figure,
    require_columns,
    styled,
    view_colours,
)

DODGE = 0.016  # decades between neighbouring methods, so that their intervals do not overlap
LEAST_FALL = 5.0  # of a loss, that its axis has room for
TITLE_LINE, LETTER = 3.0, 1.4  # mm, of a title
PUBLISHED_LOOK = {"color": PUBLISHED_COLOUR, "marker": "x", "ls": (0, (4, 2)), "lw": 1.0}


@styled
def iou_by_views(summary: pd.DataFrame, published: pd.DataFrame, note: str = "") -> Figure:
    """Mean IoU over the number of views, with intervals, one line per method.

    Parameters
    ----------
    summary : method, views, mean, low, high; IoU in [0, 1], low and high bound a 95 % interval.
    published : views, iou; the paper's curve, drawn in another style.
    note : small remark at the bottom.

    Raises
    ------
    ValueError : a table lacks a column.
    """
    require_columns(summary, ["method", "views", "mean", "low", "high"], "summary")
    require_columns(published, ["views", "iou"], "published")
    styles = method_styles(summary["method"])
    lines = len(styles) + (len(published) > 0)
    figure = new_figure(SINGLE_COLUMN, 62.5 + LEGEND_LINE * lines + (4 if note else 0))
    axes = axes_in_mm(figure, 11, 9 + (4 if note else 0), SINGLE_COLUMN - 13, 51)
    axes.set(ylim=(0, 1), xlabel="Number of views", ylabel="IoU (mean, 95 % interval)")
    view_axis(axes, sorted(set(summary["views"]) | set(published["views"])))
    lines_with_intervals(axes, summary, styles)
    if len(published):
        published_line(axes, published)
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: labels[i] == PUBLISHED_LABEL)
    axes.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        borderaxespad=0,
        labelspacing=0.3,
    )
    add_note(figure, note)
    return figure


def lines_with_intervals(axes: Axes, table: pd.DataFrame, styles: Mapping[str, dict]) -> None:
    """Means over the number of views with their intervals; methods stand a little apart.

    table : method, views, mean, low, high; without an interval NaN. styles : by method.
    """
    axes.grid(axis="y", color="0.92", lw=0.6)
    axes.set_axisbelow(True)
    for number, (method, look) in enumerate(styles.items()):
        shift = 10 ** (DODGE * (number - (len(styles) - 1) / 2))
        rows = table[table["method"] == method].sort_values("views")
        mean = rows["mean"].to_numpy()
        below, above = mean - rows["low"].to_numpy(), rows["high"].to_numpy() - mean
        intervals = np.clip(np.stack([below, above]), 0, None)
        bars = {"elinewidth": 0.8, "capsize": 1.5, "label": method}
        axes.errorbar(rows["views"] * shift, mean, intervals, **bars, **look)


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


@styled
def learning_curves(history: pd.DataFrame, note: str = "") -> Figure:
    """Training loss (logarithmic) and IoU over epochs: a column per method, a line per view count.

    Each method has its own epochs and, as losses of different kinds do not compare, its own scale
    of the loss.

    Parameters
    ----------
    history : method, views (a count, or a word for one model of all), seed, epoch, loss, iou.
        Epochs without an IoU may hold NaN. Where there are several seeds, each is a thin line and
        their mean a thick one.
    note : small remark at the bottom.

    Raises
    ------
    ValueError : the table lacks a column or has no rows.
    """
    require_columns(history, ["method", "views", "seed", "epoch", "loss", "iou"], "history")
    if history.empty:
        raise ValueError("history: no rows, nothing was trained")
    methods = list(dict.fromkeys(history["method"]))
    colours = view_colours(history["views"])
    width = SINGLE_COLUMN if len(methods) == 1 else DOUBLE_COLUMN
    foot, left, gap, legend = 13.0, 14.0, 8.5, 13.0
    panel = (width - left - legend - gap * (len(methods) - 1)) / len(methods)
    characters = int((panel + gap - 2) / LETTER)
    titles = {method: textwrap.fill(method, characters) for method in methods}
    heading = 4.0 + TITLE_LINE * max(title.count("\n") + 1 for title in titles.values())
    figure = new_figure(width, foot + 65 + heading)
    for column, method in enumerate(methods):
        table = history[history["method"] == method]
        for bottom, quantity in ((foot, "iou"), (foot + 34, "loss")):
            axes = axes_in_mm(figure, left + column * (panel + gap), bottom, panel, 31)
            _lines_per_view(axes, table, quantity, colours)
            axes.set_xlim(0, 1.04 * table["epoch"].max())
            (_label_loss if quantity == "loss" else _label_iou)(axes, first=column == 0)
            axes.yaxis.set_label_coords(-11.0 / panel, 0.5)
        axes.set_title(titles[method])
    if history["seed"].nunique() > 1:
        add_remark(figure, "thin: one seed each; thick: mean")
    handles, labels = _view_handles(colours)
    place = {"loc": "upper right", "bbox_to_anchor": (1.0, 1 - 4 / (foot + 65 + heading))}
    figure.legend(handles, labels, title="Views", handlelength=1.2, **place)
    add_note(figure, note)
    return figure


def _lines_per_view(
    axes: Axes, table: pd.DataFrame, quantity: str, colours: dict[int, tuple[float, ...]]
) -> None:
    import seaborn  # brings pyplot along, which no other figure needs

    lines = {"data": table.dropna(subset=[quantity]), "x": "epoch", "y": quantity, "hue": "views"}
    shown = {"palette": colours, "legend": False, "ax": axes}
    if table["seed"].nunique() > 1:
        seaborn.lineplot(**lines, **shown, units="seed", estimator=None, lw=0.5, alpha=0.45)
    seaborn.lineplot(**lines, **shown, errorbar=None, lw=1.2)
    axes.set(xlabel="", ylabel="")


def _label_loss(axes: Axes, first: bool) -> None:
    axes.set(yscale="log", ylabel="Training loss" if first else "")
    low, high = axes.get_ylim()
    room = max(1.0, LEAST_FALL * low / high) ** 0.5  # for two ticks at least
    axes.set_ylim(low / room, high * room)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.tick_params(labelbottom=False)
    _grid(axes)


def _label_iou(axes: Axes, first: bool) -> None:
    axes.set(ylim=(0, 1), ylabel="Training IoU" if first else "", xlabel="Epoch")
    axes.tick_params(labelleft=first)
    _grid(axes)


def _grid(axes: Axes) -> None:
    axes.grid(color="0.92", lw=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10), integer=True))


def _view_handles(colours: dict[int, tuple[float, ...]]) -> tuple[list[Line2D], list[str]]:
    handles = [Line2D([], [], color=colour, lw=1.6) for colour in colours.values()]
    return handles, [str(count) for count in colours]
