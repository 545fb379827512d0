"""The whole study on one sheet (A3, landscape): its data, surfaces, curves and ranks."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..geometry.affine import voxel_sizes
from ..geometry.imaging import LINE_INTEGRAL, MAXIMUM
from ..methods.registry import PAPER_METHOD
from .best_method import NAMES, SurfaceRows
from .curves import lines_with_intervals, published_line, view_axis
from .drawing import arrow, caption, draw_volume
from .legends import PUBLISHED, blocks, draw_legend, height_of, in_columns
from .style import (
    MUTED,
    Methods,
    axes_in_mm,
    canvas,
    method_looks,
    new_figure,
    of_methods,
    place,
    require_columns,
    show,
    styled,
)
from .surfaces import FAR_COLOUR, NEAR_COLOUR, legend_below, scale_below

WIDTH, HEIGHT, MARGIN = 420.0, 297.0, 12.0  # mm
INNER = WIDTH - 2 * MARGIN
EDGE, BETWEEN = 37.0, 19.0  # mm, of a volume and to the next
LEFT, RIGHT = MARGIN, MARGIN + 0.64 * INNER  # mm, where the two columns of the lower part begin
UPPER, MIDDLE, LOWER = HEIGHT - 34, HEIGHT - 101, 92.0  # mm, tops of the three rows
HEADING = 9.0  # mm
LEGEND = 78.0  # mm, width of what the lines mean
SENTENCE, TITLE = 62, 34  # letters in a line
LETTERING = {
    **{key: 9 for key in ("font.size", "axes.titlesize", "axes.labelsize", "legend.fontsize")},
    **{key: 9 for key in ("xtick.labelsize", "ytick.labelsize")},
}
HULL = "hull"
PROJECTION = {MAXIMUM: "maximum intensity projections", LINE_INTEGRAL: "line integrals"}


@dataclass(frozen=True)
class Patient:
    """What is shown of one patient before any method.

    volume, mask : (x, y, z). projections : (n, detector, z), a few of all. taken : how many there
    are. back_projected : by view count a volume, most views first. kind : of the projections, as
    in `geometry.imaging.Imaging`.
    """

    volume: np.ndarray
    mask: np.ndarray
    projections: np.ndarray
    taken: int
    back_projected: Mapping[int, np.ndarray]
    affine: np.ndarray
    kind: str = MAXIMUM


@styled
def poster(
    patient: Patient,
    rows: SurfaceRows,
    board: pd.DataFrame,
    published: pd.DataFrame,
    methods: Methods,
    note: str,
) -> Figure:
    """The study on one sheet: from volume to views, surfaces by view count, IoU, ranks.

    Parameters
    ----------
    patient : whose data and surfaces are shown.
    rows : surfaces of the same patient.
    board : metric, method, views, patients, mean, low, high (`leaderboard.leaderboard`).
    published : views, iou; the paper's curve.
    methods : those that are shown, by name with title and family.
    note : what the data are, below the title.

    Raises
    ------
    ValueError : a table lacks a column.
    """
    require_columns(board, ["metric", "method", "views", "mean", "low", "high"], "board")
    require_columns(published, ["views", "iou"], "published")
    ious = of_methods(board[board["metric"] == "iou"], methods)
    views = int(ious.loc[ious["views"] > 1, "views"].min())
    figure = new_figure(WIDTH, HEIGHT)
    with matplotlib.rc_context(LETTERING):
        page = canvas(figure)
        title = "Cerebral arteries in 3D from few angiographic views"
        page.text(LEFT, HEIGHT - MARGIN, title, size=26, weight="bold", va="top")
        page.text(LEFT, HEIGHT - MARGIN - 12, note, size=11, color=MUTED, va="top")
        _heading(page, LEFT, UPPER, "1  From a volume to its views")
        _data(figure, page, patient)
        _heading(page, LEFT, MIDDLE, "2  What each number of views leaves")
        _surfaces(figure, page, rows)
        _heading(page, LEFT, LOWER, "3  Overlap with the truth (IoU) by number of views")
        _curves(figure, ious, published, methods)
        _heading(page, RIGHT, MIDDLE, f"4  Every method at {views} views")
        _ranks(figure, ious[ious["views"] == views], methods)
        _heading(page, RIGHT, LOWER, "5  In words")
        _words(page, sentences(ious, views, methods))
    return figure


def _heading(page: Axes, left: float, level: float, words: str) -> None:
    page.text(left, level, words, size=14, weight="bold", va="top")


def _data(figure: Figure, page: Axes, patient: Patient) -> None:
    """Volume, some projections and back-projections from left to right, then the mask."""
    sizes, bottom = voxel_sizes(patient.affine), UPPER - HEADING - 1.35 * EDGE
    level = bottom + EDGE / 2
    box = draw_volume(page, patient.volume, sizes, LEFT, bottom, EDGE)
    caption(page, box.middle[0], box.top + 5, "Volume")
    left = box.right + BETWEEN
    arrow(page, (box.right + 2, level), (left - 2, level), "project")
    start = left
    for image in patient.projections:
        show(place(figure, left, bottom, EDGE, EDGE), image, (sizes[0], sizes[2]))
        left += EDGE + 1.5
    words = f"{len(patient.projections)} of {patient.taken} {PROJECTION[patient.kind]}"
    caption(page, (start + left - 1.5) / 2, bottom + EDGE + 5, words)
    arrow(page, (left + 0.5, level), (left + BETWEEN - 3.5, level), "smear\nback")
    for number, (count, volume) in enumerate(patient.back_projected.items()):
        if number:
            page.text(left + BETWEEN / 2, level, "or", ha="center", va="center")
        box = draw_volume(page, volume, sizes, left + BETWEEN - 1.5, bottom, EDGE, bar=False)
        caption(page, box.middle[0], box.top + 5, f"From {count} views")
        left = box.right
    arrow(page, (left + 2, level), (left + BETWEEN - 3.5, level), "find")
    left += BETWEEN - 1.5
    box = draw_volume(page, patient.mask, sizes, left, bottom, EDGE, (0, 1), bar=False)
    caption(page, box.middle[0], box.top + 5, "Arteries")


def _surfaces(figure: Figure, page: Axes, rows: SurfaceRows) -> None:
    """Between the data and the curves, as large as the room allows."""
    room, width = MIDDLE - HEADING - LOWER - 12, RIGHT - LEFT - 8
    while rows.height(width) > room:
        width *= 0.98
    bottom = MIDDLE - HEADING - rows.height(width)
    rows.draw(figure, page, LEFT, bottom, width)
    scale_below(page, LEFT + NAMES, bottom - 1, rows.scale(width))
    entries = [("within one voxel of the truth", NEAR_COLOUR), ("further away", FAR_COLOUR)]
    legend_below(page, entries, right=LEFT + width, level=bottom - 3)


def _curves(figure: Figure, ious: pd.DataFrame, published: pd.DataFrame, methods: Methods) -> None:
    """Lines of all methods, beside what they mean."""
    groups = [*blocks(methods, ious["method"]), *[PUBLISHED] * (len(published) > 0)]
    width, height = RIGHT - LEFT - 30 - LEGEND, LOWER - HEADING - MARGIN - 9
    axes = axes_in_mm(figure, LEFT + 12, MARGIN + 9, width, height)
    looks = method_looks(methods)
    lines_with_intervals(axes, ious, {name: looks[name] for name in ious["method"].unique()})
    if len(published):
        published_line(axes, published)
    view_axis(axes, sorted({*ious["views"], *published["views"]}))
    axes.set(ylim=(0, 1), xlabel="Number of views", ylabel="IoU (mean, 95 % interval)")
    with matplotlib.rc_context({"font.size": 7.5}):
        fitted = [block.within(LEGEND) for block in groups]
        columns = in_columns(fitted, 1 if height_of([fitted]) <= height + 8 else 2)
        left, top = LEFT + 12 + width + 8, LOWER - HEADING
        draw_legend(figure, columns, left, top, LEGEND)


def sentences(ious: pd.DataFrame, views: int, methods: Methods) -> list[str]:
    """What the means say: the best, the paper's network, and who is better than the hull.

    ious : method, views, mean, low, high, and versus_hull_mark where the hull was compared.
    views : of the ranks.
    """
    said = []
    for count in sorted({views, int(ious["views"].max())}):
        rows = ious[ious["views"] == count].set_index("method")
        best = rows["mean"].idxmax()
        means = [f"{methods[best]['title']} has the highest mean IoU, {_interval(rows.loc[best])}"]
        for name in (PAPER_METHOD, HULL):
            if name in rows.index and name != best:
                means.append(f"{methods[name]['title']} has {rows.loc[name, 'mean']:.2f}")
        said.append(f"From {count} views: " + "; ".join(means) + ".")
        if f"versus_{HULL}_mark" in rows and HULL in rows.index:
            marks = rows.drop(index=HULL)[f"versus_{HULL}_mark"]
            better, worse = (marks == "better").sum(), (marks == "worse").sum()
            rest = len(marks) - better - worse
            said.append(
                f"Better than the visual hull from {count} views: {better} of {len(marks)} other "
                f"methods; worse: {worse}; no difference is shown: {rest}."
            )
    return said


def _interval(row: pd.Series) -> str:
    return f"{row['mean']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def _words(page: Axes, said: list[str]) -> None:
    lines = [textwrap.fill(sentence, SENTENCE) for sentence in said]
    page.text(RIGHT, LOWER - HEADING, "\n\n".join(lines), size=10, va="top", linespacing=1.3)


def _ranks(figure: Figure, ious: pd.DataFrame, methods: Methods) -> None:
    """Means with intervals, the best on top."""
    ious = ious.sort_values("mean", ascending=True)
    names, foot = 56.0, LOWER + 18  # mm
    box = (RIGHT + names, foot, WIDTH - MARGIN - RIGHT - names - 12, MIDDLE - HEADING - foot)
    axes = axes_in_mm(figure, *box)
    looks = method_looks(methods)
    for level, row in enumerate(ious.itertuples()):
        look = looks[row.method] | {"ls": ""}
        error = [[row.mean - row.low], [row.high - row.mean]]
        axes.errorbar([row.mean], [level], xerr=np.clip(error, 0, None), elinewidth=0.8, **look)
        axes.text(1.02, level, f"{row.mean:.2f}", va="center", color=MUTED)
    titles = [textwrap.fill(methods[name]["title"], TITLE) for name in ious["method"]]
    axes.set_yticks(range(len(ious)), titles)
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 1), ylim=(-0.7, len(ious) - 0.3), xlabel="IoU (mean, 95 % interval)")
    axes.grid(axis="x", color="0.92", lw=0.6)
    axes.set_axisbelow(True)
