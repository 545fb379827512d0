"""Two results of a patient: PSNR and SSIM prefer the one that has lost vessels."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..metrics.registry import LOWER, METRICS
from ..vessels.skeleton import centreline
from .style import DOUBLE_COLUMN, MUTED, OKABE_ITO, Methods, place, scale_bar, show

SILHOUETTE = ListedColormap(["white", "0.86"])
FOUND, INVENTED, MISSED = OKABE_ITO[0], OKABE_ITO[1], "black"
KEY = {
    "true centreline, found": FOUND,
    "missed": MISSED,
    "centreline of what is not there": INVENTED,
}
NO_PAIR = "There is no pair of results of which PSNR and SSIM prefer the one that has lost vessels."
FRAME = {"fill": False, "edgecolor": "0.8", "linewidth": 0.5}
PICTURE, GAP = 36.5, 1.5  # mm, of each picture's longest side
HEIGHT = PICTURE + 14.0  # mm, of the panel with its titles and its key
LINE = 2.85  # mm, of the table
TABLE, FIRST, SECOND = 60.0, 46.0, 59.0  # mm: width of the table and where its columns end


@dataclass(frozen=True, eq=False)
class Pair:
    """A patient by two methods.

    patient : its name. preferred, better : names of the methods. truth : (x, y, z) mask. found : by
    method likewise. voxel_mm : (3,). scores : a row per metric, a column per method.
    """

    patient: str
    preferred: str
    better: str
    truth: np.ndarray
    found: dict[str, np.ndarray]
    voxel_mm: np.ndarray
    scores: pd.DataFrame


def draw_pair(figure: Figure, page: Axes, pair: Pair | None, methods: Methods, top: float) -> None:
    """Panel d: the truth and both results seen along y, and a table of their scores.

    top : mm from the foot of the page. Grey is the silhouette of a result; over it are the points
    of the true centreline, found or missed, and those of its own that are outside the truth.
    """
    page.text(1, top - 2, "d", weight="bold", size=8, va="center")
    if pair is None:
        page.text(4.5, top - 2, NO_PAIR, va="center", color=MUTED)
        return
    words = f"{pair.patient}: PSNR and SSIM of slices prefer the result that has lost vessels"
    page.text(4.5, top - 2, words, va="center")
    names = (pair.preferred, pair.better)
    heads = ["Truth", *(methods[name]["title"] for name in names)]
    remarks = ["", "preferred by PSNR and SSIM", "found more, invented no more"]
    truth, *found = _cropped([pair.truth, *(pair.found[name] for name in names)])
    line = centreline(truth)
    left, level = 1.0, top - 11
    for head, remark, mask in zip(heads, remarks, [truth, *found], strict=True):
        page.text(
            left,
            top - 6,
            textwrap.shorten(head, 32, placeholder="…"),
            weight="bold",
            size=6,
            va="center",
        )
        page.text(left, top - 8.8, remark, size=6, color=MUTED, va="center")
        axes, height = _picture(figure, mask, pair.voxel_mm, left, level)
        _points(axes, _marked(mask, truth, line), pair.voxel_mm, max(mask.shape))
        left += PICTURE + GAP
    _key(page, level - height - 2.4)
    _table(page, pair, DOUBLE_COLUMN - 1 - TABLE, top - 5)


def _cropped(volumes: list[np.ndarray]) -> list[np.ndarray]:
    """Masks within the box of all that is vessel in any, and a voxel around it."""
    masks = [volume != 0 for volume in volumes]
    places = np.argwhere(np.logical_or.reduce(masks))
    low, high = np.clip(places.min(axis=0) - 1, 0, None), places.max(axis=0) + 2
    box = tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))
    return [np.ascontiguousarray(mask[box]) for mask in masks]


def _marked(mask: np.ndarray, truth: np.ndarray, line: np.ndarray) -> dict[str, np.ndarray]:
    """(n, 3) indices of the points of each colour, in the order in which they are drawn."""
    own = centreline(mask)
    is_found = mask[tuple(line.T)]
    return {
        FOUND: line[is_found],
        INVENTED: own[~truth[tuple(own.T)]],
        MISSED: line[~is_found],
    }


def _picture(
    figure: Figure, mask: np.ndarray, voxel_mm: np.ndarray, left: float, top: float
) -> tuple[Axes, float]:
    """Silhouette seen along y, its longest side as long as a picture; the axes, their height."""
    image, pixel = mask.any(axis=1), voxel_mm[[0, 2]]
    across, up = np.array(image.shape) * pixel
    scale = PICTURE / max(across, up)
    axes = place(figure, left, top - scale * up, scale * across, scale * up)
    show(axes, image, pixel, cmap=SILHOUETTE, vmin=0, vmax=1, interpolation="nearest")
    axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, **FRAME))
    scale_bar(axes)
    return axes, scale * up


def _points(axes: Axes, marked: dict[str, np.ndarray], voxel_mm: np.ndarray, size: int) -> None:
    width = float(np.clip(150 / size, 0.8, 2.6))
    for colour, points in marked.items():
        x, _, z = ((points + 0.5) * voxel_mm).T
        axes.plot(x, z, "s", ms=width, mew=0, color=colour)


def _key(page: Axes, level: float) -> None:
    left = 1.0
    for words, colour in KEY.items():
        page.plot(left + 1, level, "s", ms=3, mew=0, color=colour)
        page.text(left + 2.6, level, words, size=6, color=MUTED, va="center")
        left += 6 + 1.05 * len(words)


def _table(page: Axes, pair: Pair, left: float, top: float) -> None:
    """A line per metric: both values, the preferred one in bold."""
    names = (pair.preferred, pair.better)
    ends = (left + FIRST, left + SECOND)
    for words, end in zip(("preferred", "the other"), ends, strict=True):
        page.text(end, top - 1, words, size=6, color=MUTED, ha="right", va="center")
    for number, (metric, row) in enumerate(pair.scores.iterrows()):
        known, level = METRICS[metric], top - 4.2 - LINE * number
        values = [float(row[name]) for name in names]
        best = min(values) if known.better == LOWER else max(values)
        page.text(left, level, known.title, size=5.5, va="center")
        for value, end in zip(values, ends, strict=True):
            weight = "bold" if value == best and min(values) < max(values) else "normal"
            text = f"{value:.1f} dB" if known.unit == "dB" else f"{value:.3f}"
            page.text(end, level, text, size=5.5, ha="right", va="center", weight=weight)
