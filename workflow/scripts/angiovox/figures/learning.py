"""Training over epochs: loss and IoU of every method that is trained."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullLocator

from .style import (
    DOUBLE_COLUMN,
    MM,
    PAGE_HEIGHT,
    SINGLE_COLUMN,
    Methods,
    add_note,
    add_remark,
    axes_in_mm,
    method_looks,
    new_figure,
    of_methods,
    require_columns,
    styled,
    view_colours,
)

LEAST_FALL = 5.0  # of a loss, that its axis has room for
TITLE_LINE, LETTER = 3.0, 1.4  # mm, of a title
MAX_COLUMNS = 5


@styled
def learning_curves(history: pd.DataFrame, methods: Methods, note: str = "") -> Figure:
    """Training loss (logarithmic) and IoU over epochs: two panels per method, family by family.

    A line per view count; the title has the colour of the family.

    Each method has its own epochs and, as losses of different kinds do not compare, its own scale
    of the loss.

    Parameters
    ----------
    history : method, views (a count, or a word for one model of all), seed, epoch, loss, iou.
        Epochs without an IoU may hold NaN. Where there are several seeds, each is a thin line and
        their mean a thick one.
    methods : those that are shown, by name with title and family.
    note : small remark at the bottom.

    Raises
    ------
    ValueError : the table lacks a column or has no rows.
    """
    require_columns(history, ["method", "views", "seed", "epoch", "loss", "iou"], "history")
    history = of_methods(history, methods)
    if history.empty:
        raise ValueError("history: no rows, nothing was trained")
    found = set(history["method"])
    looks = {name: look for name, look in method_looks(methods).items() if name in found}
    colours = view_colours(history["views"])
    figure, panels = _panels({name: methods[name]["title"] for name in looks})
    for (method, look), (loss, iou) in zip(looks.items(), panels, strict=True):
        table = history[history["method"] == method]
        for axes, quantity, label in ((iou, "iou", _label_iou), (loss, "loss", _label_loss)):
            _lines_per_view(axes, table, quantity, colours)
            axes.set_xlim(0, 1.04 * table["epoch"].max())
            label(axes)
        loss.title.set_color(look["color"])
    if history["seed"].nunique() > 1:
        add_remark(figure, "thin: one seed each; thick: mean")
    handles, labels = _view_handles(colours)
    place = {"loc": "upper right", "bbox_to_anchor": (1.0, 1 - 4 * MM / figure.get_figheight())}
    figure.legend(handles, labels, title="Views", handlelength=1.2, **place)
    add_note(figure, note)
    return figure


def _panels(titles: Mapping[str, str]) -> tuple[Figure, list[tuple[Axes, Axes]]]:
    """Two panels for each method, loss above IoU, in rows of at most `MAX_COLUMNS` methods."""
    rows = math.ceil(len(titles) / MAX_COLUMNS)
    columns = math.ceil(len(titles) / rows)
    page = SINGLE_COLUMN if columns == 1 else DOUBLE_COLUMN
    foot, left, gap, legend, between = 13.0, 14.0, 8.5, 13.0, 3.0
    width = (page - left - legend - gap * (columns - 1)) / columns
    wrapped = [textwrap.fill(title, int((width + gap - 2) / LETTER)) for title in titles.values()]
    heading = 4.0 + TITLE_LINE * max(title.count("\n") + 1 for title in wrapped)
    below = 7.0 * (rows > 1)
    height = min(31.0, ((PAGE_HEIGHT - foot + below) / rows - heading - between - below) / 2)
    step = heading + 2 * height + between + below
    figure = new_figure(page, foot + rows * step - below)
    panels = []
    for number, title in enumerate(wrapped):
        row, column = divmod(number, columns)
        start, bottom = left + column * (width + gap), foot + (rows - 1 - row) * step
        iou, loss = (
            axes_in_mm(figure, start, level, width, height)
            for level in (bottom, bottom + height + between)
        )
        loss.set_title(title)
        loss.set_ylabel("" if column else "Training loss")
        iou.set_ylabel("" if column else "Training IoU")
        iou.set_xlabel("Epoch" if number + columns >= len(wrapped) else "")
        iou.tick_params(labelleft=column == 0)
        for axes in (iou, loss):
            axes.yaxis.set_label_coords(-11.0 / width, 0.5)
        panels.append((loss, iou))
    return figure, panels


def _lines_per_view(
    axes: Axes, table: pd.DataFrame, quantity: str, colours: dict[int, tuple[float, ...]]
) -> None:
    import seaborn  # brings pyplot along, which no other figure needs

    labels = {"xlabel": axes.get_xlabel(), "ylabel": axes.get_ylabel()}  # it writes its own
    lines = {"data": table.dropna(subset=[quantity]), "x": "epoch", "y": quantity, "hue": "views"}
    shown = {"palette": colours, "legend": False, "ax": axes}
    if table["seed"].nunique() > 1:
        seaborn.lineplot(**lines, **shown, units="seed", estimator=None, lw=0.5, alpha=0.45)
    seaborn.lineplot(**lines, **shown, errorbar=None, lw=1.2)
    axes.set(**labels)


def _label_loss(axes: Axes) -> None:
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    room = max(1.0, LEAST_FALL * low / high) ** 0.5  # for two ticks at least
    axes.set_ylim(low / room, high * room)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.tick_params(labelbottom=False)
    _grid(axes)


def _label_iou(axes: Axes) -> None:
    axes.set_ylim(0, 1)
    _grid(axes)


def _grid(axes: Axes) -> None:
    axes.grid(color="0.92", lw=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10), integer=True))


def _view_handles(colours: dict[int, tuple[float, ...]]) -> tuple[list[Line2D], list[str]]:
    handles = [Line2D([], [], color=colour, lw=1.6) for colour in colours.values()]
    return handles, [str(count) for count in colours]
