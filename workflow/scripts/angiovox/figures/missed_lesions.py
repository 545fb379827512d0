"""Figure of lesions that a reconstruction from few angiograms misses, and of what views show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .style import (
    ALERT,
    DOUBLE_COLUMN,
    MUTED,
    OUTLINE,
    add_note,
    new_figure,
    place,
    scale_bar,
    show,
    styled,
)

EDGE, GAP, HEAD, TEXT, FOOT, SIDE = 40.0, 2.5, 6.0, 8.0, 9.0, 6.0  # mm
LEVEL = 0.5  # of a probability, or of mm of vessel on a ray
DARKEST = 24.0  # standard deviations of noise, of a view's grey scale


@styled
def missed_lesions(rows: Sequence[Mapping[str, Any]], step_mm: float) -> Figure:
    """Draw each missed lesion in its plane, and in two views.

    Parameters
    ----------
    rows : of each lesion: phantom, kind, size_mm, degree, lumen_mm; planes, for each number of
        views a mapping of views, recall, truth and found (i, j) in [0, 1]; images, of two views
        label, image (i, j) in standard deviations of noise, found (i, j) in mm of vessel on each
        ray, and pixel_mm. Lesions are in the middle. step_mm : edge of a pixel of a plane.

    Raises
    ------
    ValueError : no lesion.
    """
    if not rows:
        raise ValueError("no missed lesion to draw")
    height = EDGE + TEXT + GAP
    figure = new_figure(DOUBLE_COLUMN, FOOT + HEAD + height * len(rows))
    for number, row in enumerate(rows):
        bottom = FOOT + height * (len(rows) - 1 - number)
        _title(figure, row, bottom + EDGE + 1.0)
        for column, part in enumerate([*row["planes"], *row["images"]]):
            axes = place(figure, SIDE + column * (EDGE + GAP), bottom, EDGE, EDGE)
            if "truth" in part:
                _plane(axes, part, step_mm, row["size_mm"])
            else:
                _view(axes, part, row["size_mm"])
    _legend(figure)
    add_note(figure, "Phantoms, poses calibrated. Circle: where the lesion is.")
    return figure


def _title(figure: Figure, row: Mapping[str, Any], level: float) -> None:
    width, height = figure.get_size_inches() * 25.4
    degree = row.get("degree")
    narrowed = f", narrowed by {100 * degree:.0f} %" if degree and degree == degree else ""
    lumen = row.get("lumen_mm")
    text = f"{row['kind'].capitalize()} of {row['size_mm']:.1f} mm{narrowed}"
    text += f", lumen {lumen:.1f} mm" if lumen and lumen == lumen else ""
    where = f"phantom {row['phantom']}"
    figure.text(SIDE / width, level / height, f"{text}; {where}", va="bottom", weight="bold")


def _plane(axes: Axes, part: Mapping[str, Any], step_mm: float, size_mm: float) -> None:
    show(axes, 1 - part["truth"], (step_mm, step_mm), vmin=0, vmax=1.2)
    _contour(axes, part["found"], step_mm, ALERT)
    _circle(axes, size_mm)
    _label(axes, f"{part['views']} views: {100 * part['recall']:.0f} % found")


def _view(axes: Axes, part: Mapping[str, Any], size_mm: float) -> None:
    show(axes, -part["image"], (part["pixel_mm"],) * 2, vmin=-DARKEST, vmax=DARKEST / 4)
    _contour(axes, part["found"], part["pixel_mm"], OUTLINE)
    _circle(axes, size_mm)
    _label(axes, f"seen from {part['label']}")


def _contour(axes: Axes, values: np.ndarray, pixel: float, colour: str) -> None:
    if values.max() <= LEVEL:
        return
    along = [(np.arange(edge) + 0.5) * pixel for edge in values.shape]
    axes.contour(*along, values.T, levels=[LEVEL], colors=[colour], linewidths=0.9)


def _circle(axes: Axes, size_mm: float) -> None:
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    angles = np.linspace(0, 2 * np.pi, 100)
    radius = size_mm / 2 + 1
    axes.plot(
        (left + right) / 2 + radius * np.cos(angles),
        (bottom + top) / 2 + radius * np.sin(angles),
        color="black",
        lw=0.7,
        ls=(0, (3, 2)),
    )


def _label(axes: Axes, text: str) -> None:
    look = {"size": 6, "color": "black", "va": "top", "ha": "left"}
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.2}
    axes.text(0.03, 0.97, text, transform=axes.transAxes, bbox=box, **look)
    scale_bar(axes)


def _legend(figure: Figure) -> None:
    handles = [
        Line2D([], [], color=MUTED, lw=5),
        Line2D([], [], color=ALERT, lw=1.2),
        Line2D([], [], color=OUTLINE, lw=1.2),
    ]
    names = [
        "artery (truth) in the plane of the lesion",
        "reconstruction in that plane",
        "outline of the reconstruction from 2 views, projected",
    ]
    figure.legend(handles, names, loc="upper left", ncols=3, borderaxespad=0.4)
