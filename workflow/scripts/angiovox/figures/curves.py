"""Curves: IoU over the number of views, and training over epochs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator

from .style import (
    DOUBLE_COLUMN,
    MUTED,
    PUBLISHED_COLOUR,
    PUBLISHED_LABEL,
    SINGLE_COLUMN,
    add_note,
    method_styles,
    new_figure,
    require_columns,
    styled,
    view_colours,
)

DODGE = 0.016  # decades between neighbouring methods, so that their intervals do not overlap
LEGEND_LINE = 3.3  # mm


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
    axes = _axes_in_mm(figure, 11, 9 + (4 if note else 0), SINGLE_COLUMN - 13, 51)
    axes.set(ylim=(0, 1), xlabel="Number of views", ylabel="IoU (mean, 95 % interval)")
    _view_axis(axes, sorted(set(summary["views"]) | set(published["views"])))
    axes.grid(axis="y", color="0.92", lw=0.6)
    axes.set_axisbelow(True)
    for number, (method, look) in enumerate(styles.items()):
        shift = 10 ** (DODGE * (number - (len(styles) - 1) / 2))
        _line_with_intervals(axes, summary[summary["method"] == method], shift, method, look)
    if len(published):
        line = published.sort_values("views")
        look = {"color": PUBLISHED_COLOUR, "marker": "x", "ls": (0, (4, 2)), "lw": 1.0}
        axes.plot(line["views"], line["iou"], label=PUBLISHED_LABEL, **look)
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


def _line_with_intervals(
    axes: Axes, table: pd.DataFrame, shift: float, label: str, look: dict
) -> None:
    table = table.sort_values("views")
    mean = table["mean"].to_numpy()
    below = mean - table["low"].to_numpy()
    above = table["high"].to_numpy() - mean
    intervals = np.clip(np.stack([below, above]), 0, None)
    axes.errorbar(
        table["views"] * shift, mean, intervals, label=label, elinewidth=0.8, capsize=1.5, **look
    )


def _view_axis(axes: Axes, views: list[int]) -> None:
    """Logarithmic, with a tick at each view count that is used."""
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(views, [str(count) for count in views])
    axes.set_xlim(min(views) * 0.85, max(views) * 1.18)


def _axes_in_mm(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    total = figure.get_size_inches() * 25.4
    return figure.add_axes(
        (left / total[0], bottom / total[1], width / total[0], height / total[1])
    )


@styled
def learning_curves(history: pd.DataFrame, note: str = "") -> Figure:
    """Training loss (logarithmic) and IoU over epochs: a column per method, a line per view count.

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
    foot = 13.0
    figure = new_figure(width, foot + 70)
    left, gap, legend = 14.0, 4.0, 15.0
    panel = (width - left - legend - gap * (len(methods) - 1)) / len(methods)
    first: dict[str, Axes] = {}
    for column, method in enumerate(methods):
        table = history[history["method"] == method]
        for bottom, quantity in ((foot, "iou"), (foot + 34, "loss")):
            axes = _axes_in_mm(figure, left + column * (panel + gap), bottom, panel, 31)
            if quantity in first:
                axes.sharey(first[quantity])
                axes.tick_params(labelleft=False, which="both")
            first.setdefault(quantity, axes)
            _lines_per_view(axes, table, quantity, colours)
        axes.set_title(method)
        axes.tick_params(labelbottom=False)
    _label_learning(figure, first, panel)
    if history["seed"].nunique() > 1:
        remark = "thin: one seed each; thick: mean"
        figure.text(
            1 - 1 / width, 1 / (foot + 70), remark, size=6, color=MUTED, ha="right", va="bottom"
        )
    handles, labels = _view_handles(colours)
    place = {"loc": "upper right", "bbox_to_anchor": (1.0, 1 - 4 / (foot + 70))}
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


def _label_learning(figure: Figure, first: dict[str, Axes], panel: float) -> None:
    first["loss"].set(yscale="log", ylabel="Training loss")
    first["iou"].set(ylim=(0, 1), ylabel="Training IoU")
    first["loss"].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    first["loss"].yaxis.set_major_formatter(FormatStrFormatter("%g"))
    first["loss"].yaxis.set_minor_locator(NullLocator())
    for axes in first.values():
        axes.yaxis.set_label_coords(-11.0 / panel, 0.5)
    for axes in figure.axes:
        axes.grid(color="0.92", lw=0.6)
        axes.set_axisbelow(True)
        axes.xaxis.get_major_locator().set_params(integer=True)
    for axes in figure.axes[::2]:
        axes.set_xlabel("Epoch")


def _view_handles(colours: dict[int, tuple[float, ...]]) -> tuple[list[Line2D], list[str]]:
    handles = [Line2D([], [], color=colour, lw=1.6) for colour in colours.values()]
    return handles, [str(count) for count in colours]
