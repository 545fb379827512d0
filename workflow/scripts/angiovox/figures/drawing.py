"""Drawings in millimetres on a `style.canvas`: boxes, arrows, volumes as cubes of projections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Polygon
from matplotlib.transforms import Affine2D

from .style import GREY, MUTED, round_length

DEPTH = np.array([0.30, 0.22])  # how a unit of depth is drawn, right and up


@dataclass(frozen=True)
class Box:
    """A cuboid in oblique projection: lower left front corner and edges in mm on the page."""

    left: float
    bottom: float
    width: float
    height: float
    depth: float

    @property
    def slant(self) -> np.ndarray:
        return self.depth * DEPTH

    @property
    def right(self) -> float:
        return self.left + self.width + self.slant[0]

    @property
    def top(self) -> float:
        return self.bottom + self.height + self.slant[1]

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def faces(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Corner and two edges, all on the page, of the front, the top and the right face."""
        corner = np.array([self.left, self.bottom])
        along, up = np.array([self.width, 0.0]), np.array([0.0, self.height])
        return [(corner, along, up), (corner + up, along, self.slant)] + [
            (corner + along, self.slant, up)
        ]


def box_for(shape: tuple[int, ...], sizes: np.ndarray, edge: float) -> tuple[np.ndarray, float]:
    """Width, depth and height on the page (mm) of a volume with longest side `edge`; the scale."""
    extent = np.asarray(shape) * sizes
    scale = edge / float(extent.max())
    return extent * scale, scale


def draw_volume(
    axes: Axes,
    volume: np.ndarray,
    sizes: np.ndarray,
    left: float,
    bottom: float,
    edge: float,
    limits: tuple[float, float] | None = None,
    bar: bool = True,
) -> Box:
    """A volume as a cuboid whose faces are its maximum intensity projections, seen from in front.

    Parameters
    ----------
    axes : a canvas. volume : (x, y, z) of numbers or a mask. sizes : (3,) voxel edges in mm.
    left, bottom, edge : corner and longest edge of the cuboid on the page, mm.
    limits : intensities drawn black and white; the volume's own extremes if not given.
    bar : draw a scale bar below the front face.
    """
    (width, depth, height), scale = box_for(volume.shape, sizes, edge)
    box = Box(left, bottom, width, height, depth)
    low, high = limits or (float(volume.min()), float(volume.max()))
    projections = (volume.max(axis=1), volume.max(axis=2), volume.max(axis=0))
    for image, (corner, first, second) in zip(projections, box.faces(), strict=True):
        to_page = Affine2D.from_values(*first, *second, *corner) + axes.transData
        axes.imshow(
            image.T.astype(np.float32),
            origin="lower",
            extent=(0, 1, 0, 1),
            transform=to_page,
            cmap=GREY,
            vmin=low,
            vmax=high,
            aspect="auto",
        )
        outline = [corner, corner + first, corner + first + second, corner + second]
        axes.add_patch(Polygon(outline, fill=False, ec="0.75", lw=0.5, joinstyle="round"))
    if bar:
        _bar_below(axes, box, scale)
    return box


def _bar_below(axes: Axes, box: Box, scale: float) -> None:
    length = round_length(0.35 * box.width / scale)
    end, level = box.left + box.width, box.bottom - 1.2
    axes.plot([end - length * scale, end], [level, level], color="black", lw=1.2, clip_on=False)
    axes.lines[-1].set_solid_capstyle("butt")
    axes.text(end, level - 0.6, f"{length:g} mm", size=6, ha="right", va="top")


def draw_block(axes: Axes, box: Box, colour: str) -> None:
    """A plain cuboid, its top and side shaded."""
    for (corner, first, second), light in zip(box.faces(), (0.25, 0.5, 0.0), strict=True):
        outline = [corner, corner + first, corner + first + second, corner + second]
        axes.add_patch(
            Polygon(outline, fc=_lighten(colour, light), ec="white", lw=0.3, joinstyle="round")
        )


def _lighten(colour: str, amount: float) -> tuple[float, ...]:
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return tuple(rgb + (1 - rgb) * amount)


def arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    text: str = "",
    offset: tuple[float, float] = (0.0, 1.2),
    **options,
) -> None:
    """An arrow on the page with a remark beside its middle."""
    options = {"color": "black", "lw": 0.9, **options}
    patch = FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=7, shrinkA=0, shrinkB=0)
    patch.set(**options)
    axes.add_patch(patch)
    if text:
        x, y = (start[0] + end[0]) / 2 + offset[0], (start[1] + end[1]) / 2 + offset[1]
        horizontal = "center" if offset[0] == 0 else "left"
        vertical = "bottom" if offset[1] > 0 else "top" if offset[1] < 0 else "center"
        axes.text(x, y, text, ha=horizontal, va=vertical, size=6.5, linespacing=1.1)


def caption(axes: Axes, x: float, y: float, title: str, remark: str = "", **options) -> None:
    """A bold title on the page with a muted remark below it."""
    axes.text(x, y, title, weight="bold", ha="center", va="top", **options)
    if remark:
        axes.text(x, y - 3.2, remark, size=6.5, color=MUTED, ha="center", va="top", **options)
