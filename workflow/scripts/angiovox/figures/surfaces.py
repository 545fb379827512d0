"""Figure 4: surfaces of the truth and of each reconstruction, rendered off-screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from ctypes.util import find_library
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import InputError
from ..geometry.affine import LPS_TO_RAS
from ..masks.proximity import is_near
from .style import (
    DOUBLE_COLUMN,
    DPI,
    MM,
    MUTED,
    add_note,
    canvas,
    new_figure,
    place,
    round_length,
    styled,
)

if TYPE_CHECKING:
    import pyvista

# Where the eye is, in the patient's axes (x left, y posterior, z superior).
VIEWPOINTS = {
    "Anterior": (0.0, -1.0, 0.0),
    "Right lateral": (-1.0, 0.0, 0.0),
    "Oblique": (-0.6, -0.6, 0.53),
}
TRUTH_COLOUR = "#C9C4B8"
NEAR_COLOUR = "#56B4E9"
FAR_COLOUR = "#D55E00"
LEVEL = 0.5  # of the probability
SMOOTHING_STEPS = 5  # takes off the stairs; see `masks.surfaces.surface` for what it costs
# Rendered pixels per printed pixel and axis: smooth edges. VTK's own 8 samples for each pixel took
# three times as long without a graphics card, and are left out.
OVERSAMPLING = 3
MARGIN = 1.04
UP = (0.0, 0.0, 1.0)
ROWS = range(len(VIEWPOINTS))


@dataclass(frozen=True)
class Window:
    """What one viewpoint shows: centre (LPS mm), unit line of sight, half the extent in mm."""

    focus: np.ndarray
    towards: np.ndarray
    half_width: float
    half_height: float


@styled
def figure4(
    truth_mask: np.ndarray,
    reconstructions: Mapping[int, np.ndarray],
    affine: np.ndarray,
    ious: Mapping[int, float],
    note: str = "",
    volume: np.ndarray | None = None,
) -> Figure:
    """Marching-cubes surfaces: viewpoints down; the truth and each view count across.

    A reconstruction's surface is where its probability is 0.5, between voxels. That of the truth is
    where the intensities cross the threshold which made the mask, if these are given.

    All panels have one scale, and a row has one camera. A reconstruction's surface is coloured
    where it lies further than one voxel from any vessel of the truth.

    Parameters
    ----------
    truth_mask : (x, y, z) array, vessel where it is not zero.
    reconstructions : view count to probability, or mask, on the same grid; an empty one is marked
        as such.
    affine : (4, 4) voxel indices to RAS mm.
    ious : view count to IoU in [0, 1], for the titles.
    note : small remark at the bottom.
    volume : (x, y, z) intensities that the truth's mask was made of.

    Raises
    ------
    ValueError : a reconstruction on another grid, or one without its IoU.
    """
    _check(truth_mask, reconstructions, ious)
    counts = sorted(reconstructions, reverse=True)
    titles = ["Ground truth"] + [f"{count} views\nIoU {ious[count]:.2f}" for count in counts]
    given = [reconstructions[count] for count in counts]
    meshes = _meshes(truth_mask, given, affine, volume)
    corners = np.indices((2, 2, 2)).reshape(3, -1).T * (np.array(truth_mask.shape) - 1)
    points = [np.asarray(mesh.points) for mesh in meshes if mesh is not None]
    windows = windows_around(np.concatenate(points or [in_lps(corners, affine)]))
    names, heading, gap, foot = 5.0, 7.5, 0.8, 9.0
    width = min(40.0, (DOUBLE_COLUMN - names) / len(meshes) - gap)
    scale = width / (2 * windows[0].half_width)  # mm on the page per mm of the patient
    heights = [2 * window.half_height * scale for window in windows]
    bottoms = [foot + sum(heights[row + 1 :]) + gap * (len(heights) - 1 - row) for row in ROWS]
    top = bottoms[0] + heights[0]
    figure = new_figure(names + len(meshes) * (width + gap), top + heading)
    page = canvas(figure)
    pixels = scale * MM * DPI * OVERSAMPLING
    for column, (title, mesh) in enumerate(zip(titles, meshes, strict=True)):
        left = names + column * (width + gap)
        page.text(left + width / 2, top + 4, title, ha="center", va="center", linespacing=1.15)
        images = [None] * len(windows) if mesh is None else render(mesh, windows, pixels)
        for image, bottom, height in zip(images, bottoms, heights, strict=True):
            axes = place(figure, left, bottom, width, height)
            if image is None:
                axes.text(0.5, 0.5, "empty", color=MUTED, style="italic", ha="center", va="center")
            else:
                axes.imshow(image, aspect="auto")
    for name, bottom, height in zip(VIEWPOINTS, bottoms, heights, strict=True):
        page.text(names / 2, bottom + height / 2, name, rotation=90, ha="center", va="center")
    scale_below(page, names, foot, scale)
    legend_below(
        page, [("within one voxel of the truth", NEAR_COLOUR), ("further away", FAR_COLOUR)]
    )
    add_note(figure, note)
    return figure


def _check(
    truth: np.ndarray, reconstructions: Mapping[int, np.ndarray], ious: Mapping[int, float]
) -> None:
    for count, mask in reconstructions.items():
        if mask.shape != truth.shape:
            raise ValueError(f"{count} views: shape {mask.shape}, but the truth has {truth.shape}")
        if count not in ious:
            raise ValueError(f"{count} views: no IoU is given")


def _meshes(
    truth: np.ndarray,
    reconstructions: list[np.ndarray],
    affine: np.ndarray,
    volume: np.ndarray | None = None,
) -> list[pyvista.PolyData | None]:
    """Surfaces with a colour at each point, that of the truth first."""
    found = [coloured_surface(given, truth, affine) for given in reconstructions]
    return [coloured_truth(truth, affine, volume), *found]


def coloured_surface(
    volume: np.ndarray, truth: np.ndarray, affine: np.ndarray
) -> pyvista.PolyData | None:
    """Surface in LPS mm whose `colour` says where it is near the truth; None where it is empty.

    volume : (x, y, z) probability, or mask.
    """
    from ..masks.surfaces import level_surface  # slow to import, and not every figure needs it

    mesh = level_surface(volume, affine, LEVEL, smoothing_steps=SMOOTHING_STEPS)
    if mesh is not None:
        near = is_near(truth, mesh.points, affine)
        colours = np.where(near[:, None], rgb(NEAR_COLOUR), rgb(FAR_COLOUR))
        mesh.point_data["colour"] = colours.astype(np.uint8)
    return mesh


def coloured_truth(
    mask: np.ndarray, affine: np.ndarray, volume: np.ndarray | None = None
) -> pyvista.PolyData | None:
    """Surface of the truth in LPS mm, in its own `colour`; None of an empty mask."""
    from ..masks.surfaces import surface, truth_surface

    if volume is None:
        mesh = surface(mask, affine, SMOOTHING_STEPS)
    else:
        mesh = truth_surface(mask != 0, volume, affine, SMOOTHING_STEPS)
    if mesh is not None:
        colours = np.tile(rgb(TRUTH_COLOUR), (mesh.n_points, 1))
        mesh.point_data["colour"] = colours.astype(np.uint8)
    return mesh


def rgb(colour: str) -> list[int]:
    """Red, green and blue in [0, 255] of a colour such as #0072B2."""
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def in_lps(indices: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Voxel indices, (n, 3), in the patient's millimetres (LPS)."""
    to_lps = LPS_TO_RAS @ affine
    return indices @ to_lps[:3, :3].T + to_lps[:3, 3]


def windows_around(points: np.ndarray, viewpoints: Iterable[str] = VIEWPOINTS) -> list[Window]:
    """What each viewpoint has to show for all points, (n, 3) LPS mm, to be seen; equally wide."""
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    windows = []
    for direction in (VIEWPOINTS[name] for name in viewpoints):
        towards = -np.asarray(direction) / np.linalg.norm(direction)
        right = np.cross(towards, UP) / np.linalg.norm(np.cross(towards, UP))
        to_page = np.stack([right, np.cross(right, towards)])
        page = to_page @ points.T
        low, high = (extreme(axis=1) - to_page @ centre for extreme in (page.min, page.max))
        middle = (low + high) / 2
        focus = centre + middle[0] * right + middle[1] * np.cross(right, towards)
        half_width, half_height = MARGIN * (high - low) / 2
        windows.append(Window(focus, towards, half_width, half_height))
    widest = max(window.half_width for window in windows)
    return [replace(window, half_width=widest) for window in windows]


def _need_egl() -> None:
    """Without a display VTK draws through EGL, and dies without a word where there is none."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY") and not find_library("EGL"):
        raise InputError("no libEGL to draw surfaces with; on Debian: apt-get install libegl1")


def render(mesh: pyvista.PolyData, windows: list[Window], pixels: float) -> list[np.ndarray]:
    """An image for each window, `pixels` per mm of the patient, parallel projection, on white.

    mesh : in LPS mm, with red, green and blue of each point as `colour`.
    """
    _need_egl()
    import pyvista  # slow to import, and not every figure needs it

    pyvista.OFF_SCREEN = True
    half = max(max(window.half_width, window.half_height) for window in windows)
    side = round(2 * half * pixels)
    plotter = pyvista.Plotter(off_screen=True, window_size=(side, side), lighting="light kit")
    plotter.disable_anti_aliasing()
    plotter.set_background("white")
    plotter.add_mesh(
        mesh, scalars="colour", rgb=True, smooth_shading=True, specular=0.15, ambient=0.12
    )
    reach = float(np.linalg.norm(np.ptp(np.asarray(mesh.points), axis=0))) + 4 * half
    images = []
    for window in windows:
        eye = window.focus - reach * window.towards
        plotter.camera_position = [tuple(eye), tuple(window.focus), UP]
        plotter.camera.parallel_projection = True
        plotter.camera.parallel_scale = half
        plotter.renderer.reset_camera_clipping_range()
        plotter.render()
        image = plotter.screenshot(return_img=True)
        across, down = (
            round(side * (1 - size / half) / 2) for size in (window.half_width, window.half_height)
        )
        images.append(image[down : side - down, across : side - across])
    plotter.close()
    return images


def scale_below(page: Axes, left: float, foot: float, scale: float) -> None:
    """One bar for all panels, below them; `scale` is mm on the page per mm of the patient."""
    length = round_length(10.0 / scale)
    end, level = left + length * scale, foot - 1.8
    page.plot([left, end], [level, level], color="black", lw=1.4, solid_capstyle="butt")
    page.text(end + 1.2, level, f"{length:g} mm, all panels", size=6, va="center")


def legend_below(
    page: Axes,
    entries: Sequence[tuple[str, str]],
    right: float | None = None,
    level: float = 7.2,
) -> None:
    """What colours mean, in the lower right corner or left of a point: text and colour of each."""
    right = page.get_xlim()[1] - 2.0 if right is None else right
    for text, colour in reversed(entries):
        label = page.text(right, level, text, size=6, color=MUTED, ha="right", va="center")
        right -= label.get_window_extent().width / DPI / MM + 1.4
        page.plot(right, level, marker="s", ms=4, color=colour, ls="")
        right -= 4.0
