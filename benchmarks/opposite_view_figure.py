"""Figure of `benchmarks/opposite_view.py`: a phantom's views, and what each brings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from angiovox.figures import style
from angiovox.io.atomic import atomic_file
from angiovox.metrics.statistics import paired_difference
from matplotlib.axes import Axes

from benchmarks.opposite_view_tables import ADDED, BASES, TITLES, by_set, set_name

DPI = 200
TILE, GAP, TOP = 42.0, 2.0, 7.0  # mm
CONTRAST_MM, ERROR_MM = 8.0, 4.0  # of undiluted contrast, at which greys and colours end
COLUMNS = (
    "frontal view, measured",
    "true opposite view (noise left out)",
    "error of the mirrored view",
    "error of the predicted view",
)
LOOKS = {"hull": "s", "sirt": "o"}
Images = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # as COLUMNS, mm of contrast


@style.styled
def draw(images: Mapping[float, Images], rows: pd.DataFrame, path: Path) -> None:
    """images : by voxel size in mm. rows : of the benchmark's table. path : of the PNG."""
    height = TILE * 67 / 91
    panels = 2 * 39.0
    total = TOP + 2 * (height + GAP) + panels + 8
    figure = style.new_figure(style.DOUBLE_COLUMN, total)
    for number, (voxel_mm, views) in enumerate(images.items()):
        bottom = total - TOP - (number + 1) * height - number * GAP
        for column, image in enumerate(views):
            left = 4.0 + column * (TILE + GAP)
            axes = style.place(figure, left, bottom, TILE, height)
            _show(axes, image, voxel_mm, is_error=column > 1)
            if number == 0:
                axes.set_title(COLUMNS[column], size=7, pad=3)
            if column == 0:
                style.scale_bar(axes)
                words = f"{64 * voxel_mm:g} mm field"
                axes.text(-0.03, 0.5, words, rotation=90, **_LABEL, transform=axes.transAxes)
    limits = f"grey: 0 to {CONTRAST_MM:g} mm of contrast; errors: {ERROR_MM:g} mm too much "
    where = (4.0 + 4 * TILE + 3 * GAP) / style.DOUBLE_COLUMN, (panels + 5) / total
    figure.text(*where, limits + "(red) or too little (blue)", size=6, ha="right")
    cone = rows[rows["beam"] == "cone"]
    for line, (voxel_mm, own) in enumerate(cone.groupby("voxel_mm")):
        for column, base in enumerate(BASES):
            place = 34 + column * 76, panels - (line + 1) * 39 + 14, 66, 25
            axes = style.axes_in_mm(figure, *place)
            _draw_brought(axes, own, base)
            title = f"{64 * voxel_mm:g} mm field, beside {' and '.join(f'{a}°' for a in base)}"
            axes.set_title(title, size=7, loc="left", pad=2)
            axes.tick_params(labelleft=column == 0)
            if line == 1:
                axes.set_xlabel("Dice brought by one more view", size=7)
            if (line, column) == (0, 0):
                axes.legend(fontsize=6, ncols=2, loc="lower right", bbox_to_anchor=(1.02, 0.98))
    with atomic_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})


def _degrees(name: str) -> str:
    """ "+ 180° predicted" of a view's name "180 predicted"."""
    angle, *rest = name.split(" ")
    return " ".join(["+", f"{angle}°", *rest])


_LABEL = {"ha": "right", "va": "center", "size": 7}


def _show(axes: Axes, image: np.ndarray, voxel_mm: float, is_error: bool) -> None:
    """A view, its pixels as wide as a voxel in the isocentre."""
    pixel = (voxel_mm, voxel_mm)
    if is_error:
        style.show(axes, image, pixel, cmap="RdBu_r", vmin=-ERROR_MM, vmax=ERROR_MM)
    else:
        style.show(axes, image, pixel, vmin=0, vmax=CONTRAST_MM)


def _draw_brought(axes: Axes, rows: pd.DataFrame, base: Iterable[str]) -> None:
    """Paired differences of Dice with intervals, a line for each view that is added."""
    base = tuple(base)
    for place, (method, marker) in enumerate(LOOKS.items()):
        values = by_set(rows[rows["method"] == method], "dice")
        start = values[set_name(base)].to_numpy()
        for line, added in enumerate(ADDED):
            found = values[set_name((*base, added))].to_numpy()
            mean, low, high = paired_difference(found, start)
            level, colour = line + 0.3 * (place - 0.5), style.OKABE_ITO[place]
            axes.plot([low, high], [level, level], color=colour, lw=1.1)
            label = TITLES[method] if line == 0 else None
            axes.plot(mean, level, marker, color=colour, ms=3.2, ls="", label=label)
    axes.axvline(0, color=style.MUTED, lw=0.6, zorder=0)
    axes.set_yticks(range(len(ADDED)), [_degrees(name) for name in ADDED], size=6.5)
    axes.set_ylim(len(ADDED) - 0.5, -0.5)
    axes.tick_params(axis="x", labelsize=6)
    axes.tick_params(axis="y", length=0)
