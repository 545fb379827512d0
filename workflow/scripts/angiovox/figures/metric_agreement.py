"""Where metrics rank methods differently, and which of them prefer a result that lost vessels."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..metrics import agreement
from .legends import Block, blocks, draw_legend, height_of, in_columns
from .misleading_pair import HEIGHT as PAIR_HEIGHT
from .misleading_pair import Pair, draw_pair
from .style import (
    DOUBLE_COLUMN,
    MUTED,
    PAGE_HEIGHT,
    Methods,
    add_note,
    add_remark,
    axes_in_mm,
    canvas,
    method_looks,
    new_figure,
    styled,
)

GROUPS = {
    "Axial slices": agreement.OF_SLICES,
    "Held-out projections": agreement.OF_PROJECTIONS,
    "Masks": agreement.OF_MASKS,
    "What a surgeon looks for": agreement.OF_VESSELS,
}
LABELS = {  # within a group
    **{f"{kind}_psnr_db": "PSNR" for kind in ("slice", "projection")},
    **{f"{kind}_ssim": "SSIM" for kind in ("slice", "projection")},
    **{f"{kind}_gmsd": "GMSD" for kind in ("slice", "projection")},
    "pixel_accuracy": "pixel accuracy",
    "iou": "IoU",
    "nsd_1mm": "NSD",
    "cldice": "clDice",
    "topology_sensitivity": "centreline found",
    "centreline_recall_thin": "thin arteries found",
    "lesion_recall": "lesions found",
    "topology_precision": "not invented",
}
BY_DEFINITION = ("cldice", agreement.FOUND, agreement.REAL)  # never prefer what lost vessels
BAND = "0.955"  # grey behind every other group
LEGEND_COLUMNS = 3
LEFT, RIGHT = 8.0, 3.0  # mm, beside the ranks
ROW, LEAST_RANKS, MOST_RANKS = 4.0, 26.0, 44.0  # mm
RANKS_HEAD, MATRIX_HEAD = 17.5, 19.5  # mm, of titles and labels above both
MATRIX_LEFT, CELL, BESIDE = 29.0, 4.6, 6.0  # mm
BETWEEN, FOOT = 5.0, 5.0  # mm


@styled
def metric_agreement(
    values: pd.DataFrame, methods: Methods, pair: Pair | None = None, note: str = ""
) -> Figure:
    """Ranks of methods by each metric, Kendall's tau between metrics, and who prefers a loss.

    a: rank of each method's mean, a line per method. b: Kendall's tau-b between those ranks. c: of
    the pairs of results of a patient in which one has lost vessels (`metrics.agreement`), the share
    in which a metric prefers that one, mean over patients with a 95 % interval. d: the pair that
    lost the most of those that PSNR and SSIM of slices both order wrongly.

    Parameters
    ----------
    values : as `agreement.oriented` returns them.
    methods : those that are shown, by name with title and family.
    pair : of d; None where there is no such pair.
    note : small remark at the bottom.

    Raises
    ------
    ValueError : there are no values to show.
    """
    if values.empty:
        raise ValueError("no metric has values of all the methods that are shown")
    ranked = agreement.ranks(values)
    legend = _legend(methods, ranked)
    levels = _Levels.of(ranked, height_of(legend))
    figure = new_figure(DOUBLE_COLUMN, levels.total)
    page = canvas(figure)
    draw_legend(figure, legend, 1, levels.total - 1, DOUBLE_COLUMN - 2)
    _ranks(figure, page, ranked, method_looks(methods), levels)
    _matrix(figure, page, agreement.kendall(ranked), levels.matrix)
    _misled(figure, page, agreement.misled(values), levels.matrix)
    draw_pair(figure, page, pair, methods, levels.pair)
    add_note(figure, note)
    add_remark(figure, f"means over patients, n = {_counts(values)}")
    return figure


@dataclass(frozen=True)
class _Levels:
    """Tops of the panels below their titles, and the height of the ranks; mm."""

    total: float
    ranks: float
    ranks_height: float
    matrix: float
    pair: float

    @classmethod
    def of(cls, ranked: pd.DataFrame, legend: float) -> _Levels:
        pair = FOOT + PAIR_HEIGHT
        matrix = pair + BETWEEN + CELL * len(ranked)
        below, above = matrix + MATRIX_HEAD + BETWEEN, RANKS_HEAD + legend + 2
        room = min(ROW * ranked.shape[1], MOST_RANKS, PAGE_HEIGHT - below - above)
        height = max(LEAST_RANKS, room)
        return cls(below + height + above, below + height, height, matrix, pair)


def _legend(methods: Methods, ranked: pd.DataFrame) -> list[list[Block]]:
    width = (DOUBLE_COLUMN - 2) / LEGEND_COLUMNS
    shown = blocks(methods, ranked.columns)
    return in_columns([block.within(width) for block in shown], LEGEND_COLUMNS)


def _counts(values: pd.DataFrame) -> str:
    """Number of patients, or the range: not all have lesions or thin arteries."""
    counts = values.groupby(level="metric").size()
    low, high = counts.min(), counts.max()
    return f"{high}" if low == high else f"{low} to {high}"


def _groups(metrics: pd.Index) -> dict[str, tuple[int, int]]:
    """First and last place of the metrics of each group that has any."""
    places = {
        title: [metrics.get_loc(name) for name in names if name in metrics]
        for title, names in GROUPS.items()
    }
    return {title: (own[0], own[-1]) for title, own in places.items() if own}


def _title(page: Axes, letter: str, title: str, left: float, level: float) -> None:
    page.text(left, level, letter, weight="bold", size=8, va="center")
    page.text(left + 3.5, level, title, va="center")


def _ranks(
    figure: Figure, page: Axes, ranked: pd.DataFrame, looks: Mapping[str, dict], levels: _Levels
) -> None:
    """Panel a: a line per method over the metrics, rank 1 on top."""
    count, steps = ranked.shape[1], len(ranked)
    width = DOUBLE_COLUMN - LEFT - RIGHT
    axes = axes_in_mm(figure, LEFT, levels.ranks - levels.ranks_height, width, levels.ranks_height)
    for number, (name, line) in enumerate(reversed([*ranked.items()])):
        size = {"lw": 0.9, "ms": 5 - 1.8 * number / count, "zorder": 2 + number / count}
        axes.plot(range(steps), line, label=name, **looks[name] | size)
    axes.set(xlim=(-0.5, steps - 0.5), ylim=(count + 0.5, 0.5), xticks=[])
    axes.set_yticks(range(1, count + 1, 1 + count // 10))
    axes.spines["bottom"].set_visible(False)
    _title(page, "a", "Rank of each method by each metric, 1 is best", 1, levels.ranks + 15)
    step = width / steps
    for place, name in enumerate(ranked.index):
        label = textwrap.fill(LABELS[name], 10)
        middle = LEFT + (place + 0.5) * step
        page.text(middle, levels.ranks + 0.8, label, size=6, ha="center", va="bottom")
    for number, (title, (first, last)) in enumerate(_groups(ranked.index).items()):
        middle = LEFT + (first + last + 1) / 2 * step
        look = {"weight": "bold", "size": 6.5, "ha": "center", "va": "center"}
        page.text(middle, levels.ranks + 10.8, title, **look)
        if number % 2 == 0:
            axes.axvspan(first - 0.5, last + 0.5, color=BAND, lw=0, zorder=0)


def _matrix(figure: Figure, page: Axes, taus: pd.DataFrame, top: float) -> None:
    """Panel b: Kendall's tau between each two metrics, in colour and in figures."""
    count = len(taus)
    side = CELL * count
    axes = axes_in_mm(figure, MATRIX_LEFT, top - side, side, side)
    shown = taus.to_numpy(dtype=float, copy=True)
    np.fill_diagonal(shown, np.nan)
    colours = matplotlib.colormaps["RdBu"].with_extremes(bad=BAND)
    axes.imshow(np.ma.masked_invalid(shown), cmap=colours, vmin=-1, vmax=1, aspect="auto")
    for row, column in np.argwhere(~np.isnan(shown)):
        tau = shown[row, column]
        look = {"size": 5, "color": "white" if abs(tau) > 0.7 else "black"}
        axes.text(column, row, _short(tau), ha="center", va="center", **look)
    for _, last in _groups(taus.index).values():
        for line in (axes.axhline, axes.axvline):
            line(last + 0.5, color="white", lw=1.6)
    axes.set_axis_off()
    _title(page, "b", "Kendall's tau between those ranks", 1, top + MATRIX_HEAD - 2.5)
    for place, name in enumerate(taus.index):
        at = (place + 0.5) * CELL
        row = {"ha": "right", "va": "center", "size": 6}
        page.text(MATRIX_LEFT - 1.2, top - at, LABELS[name], **row)
        column = {"ha": "center", "va": "bottom", "size": 6, "rotation": 90}
        page.text(MATRIX_LEFT + at, top + 0.8, LABELS[name], **column)
    _brackets(page, taus.index, top)


def _brackets(page: Axes, metrics: pd.Index, top: float) -> None:
    """Names of the groups along the left edge."""
    for title, (first, last) in _groups(metrics).items():
        low, high = top - (last + 1) * CELL + 0.6, top - first * CELL - 0.6
        page.plot([4.6, 4.6], [low, high], color=MUTED, lw=0.6)
        words = textwrap.fill(title, 14)
        look = {"size": 5.5, "color": MUTED, "rotation": 90, "ha": "center", "va": "center"}
        page.text(2.4, (low + high) / 2, words, linespacing=1.0, **look)


def _short(tau: float) -> str:
    """Two decimals in the least room: .53, -.12, 1."""
    text = f"{tau:.2f}".replace("1.00", "1").replace("0.", ".", 1)
    return text.replace("-", "\N{MINUS SIGN}")


def _misled(figure: Figure, page: Axes, misled: pd.DataFrame, top: float) -> None:
    """Panel c: rows of the matrix, share of the pairs that a metric orders wrongly."""
    count = len(misled)
    left = MATRIX_LEFT + CELL * count + BESIDE
    axes = axes_in_mm(figure, left, top - CELL * count, DOUBLE_COLUMN - left - RIGHT, CELL * count)
    percent = 100 * misled[["share", "low", "high"]]
    for row, name in enumerate(misled.index):
        share, low, high = percent.loc[name]
        is_given = name in BY_DEFINITION
        axes.plot([low, high], [row, row], color="black", lw=1.0)
        axes.plot(share, row, "o", ms=4, color="black", mfc="white" if is_given else "black")
        if is_given and share == 0:
            axes.annotate(
                "by definition", (share, row), (4, 0), textcoords="offset points",
                size=6, color=MUTED, va="center",
            )  # fmt: skip
    largest = np.nan_to_num(percent.to_numpy(dtype=float)).max(initial=0)
    axes.set(xlim=(-0.02 * max(largest, 10), 1.05 * max(largest, 10)), yticks=[])
    axes.set(ylim=(count - 0.5, -0.5), xlabel="")
    axes.xaxis.tick_top()
    axes.spines["top"].set_visible(True)
    axes.spines["bottom"].set_visible(False)
    axes.grid(axis="x", color="0.9", lw=0.6)
    axes.set_axisbelow(True)
    for number, (first, last) in enumerate(_groups(misled.index).values()):
        if number % 2 == 0:
            axes.axhspan(first - 0.5, last + 0.5, color=BAND, lw=0, zorder=0)
    pairs, patients = misled["pairs"].max(), misled["patients"].max()
    title = "Prefers the result that lost vessels"
    _title(page, "c", title, left, top + MATRIX_HEAD - 2.5)
    words = f"% of {pairs} pairs of results ({patients} patients)\nin which one has lost vessels"
    page.text(left + 3.5, top + MATRIX_HEAD - 5, words, size=6, color=MUTED, va="top")
