"""Figures 1 and 2: the pre-processing of one patient, and what each view count leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from ..geometry.affine import voxel_sizes
from ..geometry.imaging import LINE_INTEGRAL, MAXIMUM
from .drawing import arrow, caption, draw_volume
from .style import (
    DOUBLE_COLUMN,
    MUTED,
    OKABE_ITO,
    PAGE_HEIGHT,
    add_note,
    canvas,
    new_figure,
    place,
    scale_bar,
    show,
    styled,
)

EDGE = 24.0  # mm on the page, of a volume in Figure 1
GRID = (53.0, 29.0, 22.0, 1.2)  # left, bottom, cell and gap of its projections, mm
OUTCOMES = 144.0  # mm on the page, left edge of what the pre-processing gives
PROJECTIONS = {MAXIMUM: "Maximum intensity projections", LINE_INTEGRAL: "Line integrals"}
ALONG_RAYS = {MAXIMUM: "maximum", LINE_INTEGRAL: "integrate"}
SHOWN = 0.999  # of the pixels of line integrals
FIGURE_ANGLES = (0.0, 22.5, 45.0, 67.5, 90.0)  # degrees, under Figure 2 of the paper


@styled
def figure1(
    volume: np.ndarray,
    mask: np.ndarray,
    projections: np.ndarray,
    angles: np.ndarray,
    backprojection: np.ndarray,
    affine: np.ndarray,
    note: str = "",
    kind: str = MAXIMUM,
) -> Figure:
    """Pre-processing of one patient: volume, Otsu mask, projections, back-projected volume.

    Parameters
    ----------
    volume, mask, backprojection : (x, y, z) arrays on one grid.
    projections, angles : (views, detector, z) and (views,) degrees, as taken.
    affine : (4, 4) voxel indices to RAS mm.
    note : small remark at the bottom, such as what the data are.
    kind : of the projections, as in `geometry.imaging.Imaging`.

    Raises
    ------
    ValueError : the arrays disagree in shape, or there are not as many angles as projections.
    """
    if not volume.shape == mask.shape == backprojection.shape:
        raise ValueError(
            f"volume {volume.shape}, mask {mask.shape} and back-projection {backprojection.shape} "
            "must have one shape"
        )
    if len(projections) != len(angles):
        raise ValueError(f"{len(projections)} projections but {len(angles)} angles")
    sizes = voxel_sizes(affine)
    figure = new_figure(DOUBLE_COLUMN, 89)
    page = canvas(figure)
    source = draw_volume(page, volume, sizes, 4, 33, EDGE)
    noisy = draw_volume(page, backprojection, sizes, OUTCOMES, 52, EDGE)
    target = draw_volume(page, mask, sizes, OUTCOMES, 8, EDGE, (0.0, 1.0))
    _grid_of_projections(figure, page, projections, angles, sizes, kind)
    caption(page, source.middle[0], source.top + 4.5, "1  Patient volume")
    caption(page, noisy.middle[0], noisy.top + 7, "3  Back-projected volume", "network's input")
    caption(page, target.middle[0], target.top + 7, "Otsu mask", "ground truth")
    level = source.middle[1]
    arrow(page, (source.right + 3, level), (GRID[0] - 2, level), f"rotate,\n{ALONG_RAYS[kind]}")
    start, level = GRID[0] + 3 * (GRID[2] + GRID[3]) + 2, noisy.bottom + noisy.height / 2
    arrow(page, (start, level), (OUTCOMES - 3, level), "repeat,\nrotate back,\nsum")
    start, level = source.left + source.width / 2, target.bottom + target.height / 2
    page.plot([start, start], [source.bottom - 5.5, level], color="black", lw=0.9)
    arrow(page, (start, level), (OUTCOMES - 3, level), "Otsu threshold")
    add_note(figure, note)
    return figure


def _grid_of_projections(
    figure: Figure,
    page: Axes,
    projections: np.ndarray,
    angles: np.ndarray,
    sizes: np.ndarray,
    kind: str,
) -> None:
    """Five projections over the arc, and in the sixth place where all were taken from."""
    left, bottom, cell, gap = GRID
    title = f"2  {PROJECTIONS[kind]}, n = {len(angles)}"
    caption(page, left + 1.5 * cell + gap, bottom + 2 * cell + gap + 4.5, title)
    spread = np.linspace(angles[0], angles[-1], len(FIGURE_ANGLES))
    chosen = [int(np.abs(np.asarray(angles) - wanted).argmin()) for wanted in spread]
    # Along an artery a line integral is many times that across it: those few pixels are cut off.
    brightest = projections.max() if kind == MAXIMUM else np.quantile(projections, SHOWN)
    limits = {"vmin": float(projections.min()), "vmax": float(brightest)}
    for number, index in enumerate(dict.fromkeys(chosen)):
        row, column = divmod(number, 3)
        place_left, place_bottom = left + column * (cell + gap), bottom + (1 - row) * (cell + gap)
        axes = place(figure, place_left, place_bottom, cell, cell)
        show(axes, projections[index], (sizes[0], sizes[2]), **limits)
        _corner_label(axes, f"{angles[index]:.3g}°")
        if number == 0:
            scale_bar(axes)
    axes = place(figure, left + 2 * (cell + gap), bottom, cell, cell)
    _arc_of_views(axes, np.asarray(angles))


def _arc_of_views(axes: Axes, angles: np.ndarray) -> None:
    """The axial plane seen from the feet: a tick where each projection is viewed from."""
    axes.set(xlim=(-1.5, 1.5), ylim=(1.5, -1.5), aspect="equal")  # posterior is downwards
    axes.add_patch(Circle((0, 0), 0.62, fc="0.95", ec="0.6", lw=0.6))
    radians = np.radians(angles)
    sources = -np.stack([np.sin(radians), np.cos(radians)], axis=1)
    for source in sources:
        axes.plot(*np.stack([source * 0.95, source * 1.08]).T, color=OKABE_ITO[0], lw=0.5)
    for angle, source in zip(angles[[0, -1]], sources[[0, -1]], strict=True):
        look = {"arrowstyle": "-|>", "lw": 0.6, "mutation_scale": 5, "color": "0.3"}
        axes.annotate("", source * 0.55, source * 0.95, arrowprops={**look, "shrinkA": 0})
        axes.text(*source * 1.32, f"{angle:.3g}°", size=6, ha="center", va="center")
    for letter, x, y in (("A", 0, -0.4), ("P", 0, 0.4), ("R", -0.4, 0), ("L", 0.4, 0)):
        axes.text(x, y, letter, size=5.5, color=MUTED, ha="center", va="center")
    axes.text(
        0, 0.95, "viewpoints,\nseen from the feet", size=5.5, color=MUTED, ha="center", va="center"
    )


def _corner_label(axes: Axes, text: str) -> None:
    axes.text(0.05, 0.95, text, transform=axes.transAxes, color="white", size=6.5, va="top")


@styled
def figure2(
    projections: Mapping[int, np.ndarray],
    affine: np.ndarray,
    angles: Sequence[float] = FIGURE_ANGLES,
    note: str = "",
) -> Figure:
    """Maximum projections of the back-projected volume: view counts down, angles across.

    Parameters
    ----------
    projections : view count to (angles, detector, z) array of the back-projected volume, whose
        own copies for every view count do not fit in memory; each is shown over its own range.
    affine : (4, 4) voxel indices to RAS mm.
    angles : degrees at which the volumes are projected.
    note : small remark at the bottom.

    Raises
    ------
    ValueError : no projections, of different shapes, or not one for each angle.
    """
    shapes = {images.shape for images in projections.values()}
    if len(shapes) != 1:
        raise ValueError(f"projections of one shape are needed, these have {sorted(shapes)}")
    sizes = voxel_sizes(affine)
    ((taken, across, up),) = shapes
    if taken != len(angles):
        raise ValueError(f"{taken} projections but {len(angles)} angles")
    counts = sorted(projections, reverse=True)
    names, heading, gap, foot = 10.0, 5.0, 0.8, 4.5
    ratio = up * sizes[2] / (across * sizes[0])
    widest = (DOUBLE_COLUMN - names) / len(angles) - gap
    tallest = (PAGE_HEIGHT - heading - foot) / len(counts) - gap
    width = min(widest, tallest / ratio, 30.0)
    height = width * ratio
    total_width = names + len(angles) * (width + gap)
    figure = new_figure(total_width, heading + foot + len(counts) * (height + gap))
    page = canvas(figure)
    for row, count in enumerate(counts):
        bottom = foot + (len(counts) - 1 - row) * (height + gap)
        page.text(names / 2, bottom + height / 2, f"{count}\nviews", ha="center", va="center")
        images = projections[count]
        limits = {"vmin": float(images.min()), "vmax": float(images.max())}
        for column, image in enumerate(images):
            left = names + column * (width + gap)
            axes = place(figure, left, bottom, width, height)
            show(axes, image, (sizes[0], sizes[2]), **limits)
            if row == 0:
                top = bottom + height + 1.2
                page.text(left + width / 2, top, f"{angles[column]:g}°", ha="center")
    scale_bar(figure.axes[1])
    remark = "grey from the minimum to the maximum of each row"
    page.text(total_width - 1, 1, remark, size=6, color=MUTED, ha="right", va="bottom")
    add_note(figure, note)
    return figure
