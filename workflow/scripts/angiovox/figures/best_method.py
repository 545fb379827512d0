"""Figure 4's companion: the paper's network and the best method, row by row."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..io import nifti
from ..metrics import overlap
from .style import (
    DOUBLE_COLUMN,
    DPI,
    MM,
    MUTED,
    Methods,
    add_note,
    canvas,
    new_figure,
    place,
    styled,
)
from .surfaces import (
    FAR_COLOUR,
    NEAR_COLOUR,
    OVERSAMPLING,
    Window,
    coloured_surface,
    coloured_truth,
    in_lps,
    legend_below,
    render,
    scale_below,
    windows_around,
)

if TYPE_CHECKING:
    import pyvista

VIEWPOINT = "Oblique"
NAMES, HEADING, LABEL, GAP, FOOT = 9.0, 5.0, 4.0, 0.8, 9.0  # mm
LETTER = 0.19  # mm of a name's average letter, for each point of its size
WIDEST = 40.0  # mm, of a panel


@dataclass(frozen=True)
class Row:
    """What a method makes of one patient: by view count a probability, or mask, and its IoU."""

    title: str
    found: Mapping[int, np.ndarray]
    ious: Mapping[int, float]


@dataclass(frozen=True)
class SurfaceRows:
    """Surfaces of a truth and of methods below each other, seen by one camera.

    truth : (x, y, z) array, vessel where it is not zero. affine : (4, 4) voxel indices to RAS mm.
    volume : (x, y, z) intensities that the truth's mask was made of; its surface is where they
    cross the threshold.
    """

    truth: np.ndarray
    rows: Sequence[Row]
    affine: np.ndarray
    volume: np.ndarray | None = None

    def __post_init__(self) -> None:
        self._check()

    @cached_property
    def counts(self) -> list[int]:
        """Every view count, most first."""
        return sorted({count for row in self.rows for count in row.found}, reverse=True)

    @cached_property
    def truth_mesh(self) -> pyvista.PolyData | None:
        """Surface of the truth."""
        return coloured_truth(self.truth, self.affine, self.volume)

    @cached_property
    def meshes(self) -> list[dict[int, pyvista.PolyData | None]]:
        """Surfaces of each row by view count."""
        return [
            {n: coloured_surface(given, self.truth, self.affine) for n, given in row.found.items()}
            for row in self.rows
        ]

    @cached_property
    def window(self) -> Window:
        """What the camera sees: all surfaces, or the whole grid if there are none."""
        meshes = [self.truth_mesh, *(mesh for row in self.meshes for mesh in row.values())]
        points = [np.asarray(mesh.points) for mesh in meshes if mesh is not None]
        corners = np.indices((2, 2, 2)).reshape(3, -1).T * (np.array(self.truth.shape) - 1)
        points = points or [in_lps(corners, self.affine)]
        return windows_around(np.concatenate(points), [VIEWPOINT])[0]

    def _check(self) -> None:
        for row in self.rows:
            for count, given in row.found.items():
                who = f"{row.title}, {count} views"
                if given.shape != self.truth.shape:
                    expected = self.truth.shape
                    raise ValueError(f"{who}: shape {given.shape}, but the truth has {expected}")
                if count not in row.ious:
                    raise ValueError(f"{who}: no IoU is given")

    def width_of_panel(self, width: float) -> float:
        """mm, where all columns have some width in mm."""
        return min(WIDEST, (width - NAMES) / (1 + len(self.counts)) - GAP)

    def scale(self, width: float) -> float:
        """mm on the page per mm of the patient."""
        return self.width_of_panel(width) / (2 * self.window.half_width)

    def height(self, width: float) -> float:
        """mm, with headings."""
        panel = 2 * self.window.half_height * self.scale(width)
        return HEADING + len(self.rows) * (panel + LABEL)

    def draw(self, figure: Figure, page: Axes, left: float, bottom: float, width: float) -> None:
        """Draw all panels above and to the right of a point in mm."""
        across, scale = self.width_of_panel(width), self.scale(width)
        up = 2 * self.window.half_height * scale
        pixels = scale * MM * DPI * OVERSAMPLING
        columns = [left + NAMES + number * (across + GAP) for number in range(1 + len(self.counts))]
        top = bottom + self.height(width)
        for start, title in zip(columns, ["Truth", *map(_views, self.counts)], strict=True):
            look = {"weight": "bold", "ha": "center", "va": "top"}
            page.text(start + across / 2, top - 1, title, **look)
        middle = bottom + (top - HEADING - LABEL - bottom - up) / 2
        self._panel(figure, self.truth_mesh, (columns[0], middle, across, up), pixels)
        for number, (row, meshes) in enumerate(zip(self.rows, self.meshes, strict=True)):
            level = top - HEADING - (number + 1) * (up + LABEL)
            look = {"rotation": 90, "ha": "center", "va": "center", "linespacing": 1.1}
            letters = int((up + LABEL) / (LETTER * rcParams["font.size"]))
            name = textwrap.fill(row.title, max(8, letters))
            page.text(left + NAMES / 2, level + up / 2, name, **look)
            for start, count in zip(columns[1:], self.counts, strict=True):
                if count not in meshes:
                    continue
                self._panel(figure, meshes[count], (start, level, across, up), pixels)
                label = {"size": 6.5, "color": MUTED, "ha": "center", "va": "center"}
                words = f"IoU {row.ious[count]:.2f}"
                page.text(start + across / 2, level + up + LABEL / 2, words, **label)

    def _panel(
        self,
        figure: Figure,
        mesh: pyvista.PolyData | None,
        box: tuple[float, float, float, float],
        pixels: float,
    ) -> None:
        axes = place(figure, *box)
        if mesh is None:
            axes.text(0.5, 0.5, "empty", color=MUTED, style="italic", ha="center", va="center")
        else:
            axes.imshow(render(mesh, [self.window], pixels)[0], aspect="auto")


def _views(count: int) -> str:
    return "1 view" if count == 1 else f"{count} views"


@styled
def best_method(rows: SurfaceRows, note: str = "") -> Figure:
    """Marching-cubes surfaces of one patient: methods down; the truth and each view count across.

    A surface is coloured as in Figure 4; a method has no panel at a view count that it lacks.

    Parameters
    ----------
    rows : of the methods.
    note : small remark at the bottom.
    """
    figure = new_figure(DOUBLE_COLUMN, FOOT + rows.height(DOUBLE_COLUMN))
    page = canvas(figure)
    rows.draw(figure, page, 0, FOOT, DOUBLE_COLUMN)
    scale_below(page, NAMES, FOOT, rows.scale(DOUBLE_COLUMN))
    legend_below(
        page, [("within one voxel of the truth", NEAR_COLOUR), ("further away", FAR_COLOUR)]
    )
    add_note(figure, note)
    return figure


def beside_the_best(
    board: pd.DataFrame,
    paper: str,
    files: Mapping[str, Path | str],
    methods: Methods,
    truth: np.ndarray,
) -> list[Row]:
    """Read what the paper's network and the best of the others, if any, make of one patient.

    The best has the highest mean IoU over the test patients at the fewest views that all have.

    Parameters
    ----------
    board : metric, views, method, mean (`leaderboard.leaderboard`).
    paper : name of the paper's network.
    files : by method and view count, such as "dae 2", the file of a probability, or mask.
    methods : by name title and family.
    truth : (x, y, z) array, vessel where it is not zero.

    Raises
    ------
    ValueError : none of the others has an IoU at those views.
    """
    by_method: dict[str, dict[int, Path | str]] = {}
    for run, path in files.items():
        name, views = run.split()
        by_method.setdefault(name, {})[int(views)] = path
    fewest = min(set.intersection(*map(set, by_method.values())))
    others = [name for name in by_method if name != paper]
    rows = []
    for name in [paper, *([best_name(board, fewest, others)] if others else [])]:
        found, ious = {}, {}
        for views, path in by_method[name].items():
            probability = nifti.load_volume(path)[0]
            ious[views] = overlap.ratios(overlap.binary(probability), truth)["iou"]
            found[views] = probability.astype(np.float16)  # all are held at once
        rows.append(Row(methods[name]["title"], found, ious))
    return rows


def best_name(board: pd.DataFrame, views: int, names: Sequence[str]) -> str:
    """Which of some methods has the highest mean IoU over the test patients at a view count.

    board : metric, views, method, mean (`leaderboard.leaderboard`).

    Raises
    ------
    ValueError : none of them is there.
    """
    rows = board[(board["metric"] == "iou") & (board["views"] == views)]
    rows = rows[rows["method"].isin([*names])].dropna(subset="mean")
    if rows.empty:
        raise ValueError(f"no IoU at {views} views of {', '.join(names)}")
    return rows.loc[rows["mean"].idxmax(), "method"]
