"""Figures of the study of reconstructions from angiograms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import (
    DOUBLE_COLUMN,
    MUTED,
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

LEFT, FOOT, TOP, HEIGHT = 12.0, 14.0, 12.0, 45.0  # mm
APART = 0.012  # of an axis, between neighbouring methods, so that their intervals do not overlap
DECADES = 2  # from which ratio of the points on (powers of ten) an axis is logarithmic


@styled
def against(
    means: pd.DataFrame, methods: Methods, labels: Sequence[tuple[str, str]], axis: str, note: str
) -> Figure:
    """Means with 95 % intervals over what a series changes: a panel for each metric.

    Parameters
    ----------
    means : point (a number), method, metric, mean, low, high. methods : those that are shown, by
        name with title and family. labels : metrics with their axis labels. axis : what is changed.
    note : small remark at the bottom, on whose data these are.

    Raises
    ------
    ValueError : a table without one of these columns.
    """
    require_columns(means, ["point", "method", "metric", "mean", "low", "high"], "means")
    means, looks = of_methods(means, methods), method_looks(methods)
    width = (DOUBLE_COLUMN - LEFT * len(labels) - 3) / len(labels)
    figure = new_figure(DOUBLE_COLUMN, FOOT + HEIGHT + TOP)
    for number, (metric, label) in enumerate(labels):
        left = LEFT + number * (width + LEFT)
        axes = axes_in_mm(figure, left, FOOT, width, HEIGHT)
        _lines(axes, means[means["metric"] == metric], looks, methods)
        axes.set(xlabel=axis, ylabel=label)
    handles, titles = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, titles, loc="upper left", ncols=4, borderaxespad=0.4)
    add_note(figure, note)
    return figure


def _lines(axes: Axes, table: pd.DataFrame, looks: dict[str, dict], methods: Methods) -> None:
    points = np.sort(table["point"].unique().astype(float))
    positive = points[points > 0]
    wide = len(positive) == len(points) and positive.max() >= positive.min() * 10 ** (DECADES / 2)
    if wide:
        axes.set_xscale("log")
    place = np.log10(points) if wide else points
    step = APART * np.ptp(place)
    for number, (name, look) in enumerate(looks.items()):
        rows = table[table["method"] == name].sort_values("point")
        if rows.empty:
            continue
        shift = step * (number - (len(looks) - 1) / 2)
        at = rows["point"].to_numpy(float)
        at = at * 10**shift if wide else at + shift
        mean = rows["mean"].to_numpy()
        reach = np.abs(rows[["low", "high"]].to_numpy().T - mean)
        title = methods[name]["title"]
        axes.errorbar(at, mean, reach, label=title, capsize=1.5, elinewidth=0.8, **look)
    axes.set_xticks(points, [f"{point:g}" for point in points])
    axes.minorticks_off()
    axes.grid(axis="y", color="0.92", lw=0.6)


@styled
def lesions(recall: pd.DataFrame, methods: Methods, note: str) -> Figure:
    """Share of lesions that were found, by kind and size: a panel for each kind.

    recall : method, kind, size, n, found, of one point and group. The number of lesions stands
    below each class of size.

    Raises ValueError for a table without one of these columns.
    """
    require_columns(recall, ["method", "kind", "size", "n", "found"], "recall")
    recall, looks = of_methods(recall, methods), method_looks(methods)
    kinds = list(dict.fromkeys(recall["kind"]))
    width = (DOUBLE_COLUMN - LEFT * len(kinds) - 3) / len(kinds)
    figure = new_figure(DOUBLE_COLUMN, FOOT + HEIGHT + TOP)
    for number, kind in enumerate(kinds):
        part = recall[recall["kind"] == kind]
        axes = axes_in_mm(figure, LEFT + number * (width + LEFT), FOOT, width, HEIGHT)
        counts = part.groupby("size", sort=False)["n"].max()
        for place, (name, look) in enumerate(looks.items()):
            rows = part[part["method"] == name].set_index("size").reindex(counts.index)
            at = np.arange(len(rows)) + (place - (len(looks) - 1) / 2) * 0.8 / len(looks)
            title = methods[name]["title"]
            axes.bar(at, rows["found"], 0.8 / len(looks), color=look["color"], label=title)
        ticks = [f"{size}\nn = {n}" for size, n in counts.items()]
        axes.set_xticks(np.arange(len(counts)), ticks)
        axes.set(ylim=(0, 1), ylabel="share found" if not number else "", title=kind)
    handles, titles = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, titles, loc="upper left", ncols=4, borderaxespad=0.4)
    add_note(figure, note)
    return figure


@styled
def second_view(table: pd.DataFrame, first: tuple[float, float], label: str, note: str) -> Figure:
    """Map of a metric over the angles of the second of two views.

    table : primary, secondary (degrees) of the second view, mean; on a full lattice of angles.
    first : angles of the first view, which is marked. label : of the metric.

    Raises ValueError for a table without one of these columns, or an incomplete lattice.
    """
    require_columns(table, ["primary", "secondary", "mean"], "table")
    wide = table.pivot(index="secondary", columns="primary", values="mean")
    if wide.isna().to_numpy().any():
        raise ValueError("table: not every pair of a primary and a secondary angle has a mean")
    height = SINGLE_COLUMN - LEFT - 28
    figure = new_figure(SINGLE_COLUMN, FOOT + height + 5)
    axes = axes_in_mm(figure, LEFT, FOOT, SINGLE_COLUMN - LEFT - 16, height)
    image = axes.imshow(wide.to_numpy(), origin="lower", cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(wide.columns)), [f"{value:g}" for value in wide.columns])
    axes.set_yticks(range(len(wide.index)), [f"{value:g}" for value in wide.index])
    axes.set(xlabel="primary angle of view 2 (LAO, degrees)", ylabel="secondary (CRA, degrees)")
    for row, column in np.ndindex(wide.shape):
        value = wide.iat[row, column]
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", size=6, color="white")
    figure.colorbar(image, cax=axes_in_mm(figure, SINGLE_COLUMN - 14, FOOT, 3, height))
    title = f"{label}; view 1 at {first[0]:g}, {first[1]:g}"
    axes.set_title(title, color=MUTED)
    add_note(figure, note)
    return figure
