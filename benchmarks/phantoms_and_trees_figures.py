"""Pictures of `phantoms_and_trees.py`: projections to guess from, and what differs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from angiovox.figures import style
from angiovox.io.atomic import atomic_file
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from phantoms_and_trees_cubes import EDGE, VOXEL_MM, Cube
from scipy.ndimage import gaussian_filter

SHOWN, COLUMNS, ORDER_SEED = 6, 6, 11  # cubes of each kind
WINDOW = (40, 560)  # intensities from black to white
MAX_ROWS = 26
DPI = 160
LOOKS = {
    "trees": {"color": "black", "marker": "|"},
    "before": {"color": style.OKABE_ITO[1], "marker": "o"},
    "now": {"color": style.OKABE_ITO[0], "marker": "D"},
}
TEXTS = {"trees": "people", "before": "phantoms before", "now": "phantoms now"}


def shown(cubes: Sequence[Cube]) -> list[Cube]:
    """As many trees as phantoms, no two of one person, in an order that says nothing."""
    rng = np.random.default_rng(ORDER_SEED)
    first = {(cube.is_tree, cube.person): cube for cube in reversed(cubes)}
    people = [cube for (is_tree, _), cube in sorted(first.items()) if is_tree]
    phantoms = [cube for (is_tree, _), cube in sorted(first.items()) if not is_tree]
    chosen = [
        kind[number]
        for kind in (people, phantoms)
        for number in rng.choice(len(kind), min(SHOWN, len(kind)), replace=False)
    ]
    return [chosen[number] for number in rng.permutation(len(chosen))]


@style.styled
def draw_guess(cubes: Sequence[Cube], path: Path) -> None:
    """Front and side of each cube, by letter; mirrored, so that the filled side is the same."""
    tile, gap, block = 28.5, 1.4, 61.5
    rows = -(-len(cubes) // COLUMNS)
    figure = style.new_figure(style.DOUBLE_COLUMN, rows * block)
    for number, cube in enumerate(cubes):
        row, column = divmod(number, COLUMNS)
        left = column * (tile + gap) + 1
        top = (rows - row) * block
        for below, axis in enumerate((1, 0)):
            axes = style.place(figure, left, top - 3.2 - (below + 1) * (tile + 0.3), tile, tile)
            image = _upright(cube.volume, cube).max(axis=axis)
            limits = {"vmin": WINDOW[0], "vmax": WINDOW[1]}
            style.show(axes, image, (VOXEL_MM, VOXEL_MM), **limits)
            if number == 0:
                style.scale_bar(axes)
                look = {"color": "white", "size": 6, "va": "top"}
                words = ("front", "side, face to the left")[below]
                axes.text(1.5, EDGE * VOXEL_MM - 1.5, words, **look)
        figure.text(
            (left + 0.3) / style.DOUBLE_COLUMN,
            (top - 0.6) / (rows * block),
            chr(ord("A") + number),
            weight="bold",
            va="top",
        )
    _save(figure, path)


def letters(cubes: Sequence[Cube]) -> str:
    """Which letters are traced trees."""
    return ", ".join(chr(ord("A") + i) for i, cube in enumerate(cubes) if cube.is_tree)


@style.styled
def draw_measures(
    table: pd.DataFrame, cubes: Sequence[Cube], attention: np.ndarray, path: Path
) -> None:
    """What differs most, in spreads of the trees; where arteries are, and what gives them away.

    table : rows of `summaries`, of all versions. attention : as of `WholeCubes`, of each cube.
    """
    height, tile = 132.0, 26.5
    figure = style.new_figure(style.DOUBLE_COLUMN, height)
    _draw_ranges(style.axes_in_mm(figure, 62, 13, 56, 110), table)
    is_tree = np.array([cube.is_tree for cube in cubes])
    filled = np.stack([_upright(cube.mask, cube) for cube in cubes]).astype(float)
    kinds = (is_tree, ~is_tree)
    attended = [[_attended(attention[kind], axis) for axis in (1, 0)] for kind in kinds]
    top = float(np.percentile(np.abs(attended), 99.7))
    note = style.canvas(figure)
    for column, kind in enumerate(kinds):
        left = 125 + column * (tile + 1)
        note.text(left + tile / 2, height - 3.5, ("people", "phantoms")[column], ha="center")
        where = [np.sqrt(filled[kind].mean(axis=(0, axis))) for axis in (2, 1)]
        for row, image in enumerate([*where, *attended[column]]):
            bottom = height - 36 - row * (tile + 0.5) - (8 if row > 1 else 0)
            axes = style.place(figure, left, bottom, tile, tile)
            look = {"vmin": 0, "vmax": 0.45} if row < 2 else {"vmin": -top, "vmax": top}
            options = look | ({"cmap": "RdBu_r"} if row > 1 else {})
            style.show(axes, image, (VOXEL_MM, VOXEL_MM), **options)
            if column == 0:
                colour = "white" if row < 2 else "black"
                axes.text(1.5, 1.5, ("front", "side")[row % 2], color=colour, size=6)
    look = {"size": 6, "ha": "center", "va": "top"}
    note.text(152, height - 5, "where arteries are, on average", **look)
    words = "what a network's answer rests on:\nred speaks for a person, blue for a phantom"
    note.text(152, height - 64.5, words, **look)
    _save(figure, path)


def _attended(attention: np.ndarray, axis: int) -> np.ndarray:
    return gaussian_filter(attention.mean(axis=0).sum(axis=axis), 1.2)


def _draw_ranges(axes: Axes, table: pd.DataFrame) -> None:
    measured = table[table["group"] != "whole territory"].set_index(["group", "measure"])
    trees = measured[measured["sample"] == "trees"]
    versions = [name for name in ("before", "now") if (measured["sample"] == name).any()]
    first = measured[measured["sample"] == versions[0]]
    chosen = first["ks"].sort_values(ascending=False).index[:MAX_ROWS]
    chosen = sorted(chosen, key=list(first.index).index)
    step = 0.8 / (len(versions) + 1)
    for row, key in enumerate(chosen):
        middle = trees.loc[key, "median"]
        spread = max(trees.loc[key, "p90"] - trees.loc[key, "p10"], 1e-12) / 2.563
        for line, name in enumerate(["trees", *versions]):
            own = measured[measured["sample"] == name].loc[key]
            low, mid, high = ((own[c] - middle) / spread for c in ("p10", "median", "p90"))
            place, look = row + (line - len(versions) / 2) * step, LOOKS[name]
            axes.plot([low, high], [place] * 2, lw=1.1, color=look["color"])
            label = TEXTS[name] if row == 0 else None
            axes.plot(mid, place, ms=3, ls="", label=label, **look)
    axes.axvline(0, color=style.MUTED, lw=0.5, zorder=0)
    axes.set_yticks(range(len(chosen)), [_row_text(*key) for key in chosen], size=5.6)
    axes.set(ylim=(len(chosen) - 0.3, -0.7), xlim=(-9, 13))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("difference from the trees' median,\nin standard deviations of the trees")
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.04, 1.0), ncols=3, fontsize=6, columnspacing=0.8
    )


def _row_text(group: str, measure: str) -> str:
    prefix = "direction " if group == "directions" else ""
    text = prefix + measure
    return text if len(text) < 62 else text[:60] + "..."


def _upright(values: np.ndarray, cube: Cube) -> np.ndarray:
    return values[::-1] if cube.is_mirrored else values


def _save(figure: Figure, path: Path) -> None:
    with atomic_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
    figure.clear()
    _reduce_colours(path)


def _reduce_colours(path: Path) -> None:
    """A palette of 256 colours: a third of the bytes."""
    from PIL import Image

    with Image.open(path) as image:
        reduced = image.convert("RGB").quantize(256)
    reduced.save(path, optimize=True)
