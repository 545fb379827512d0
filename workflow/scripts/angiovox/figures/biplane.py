"""All methods on one patient: what each finds, misses and makes up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..geometry.affine import voxel_sizes
from ..metrics import overlap
from .style import (
    DOUBLE_COLUMN,
    DPI,
    MM,
    MUTED,
    PAGE_HEIGHT,
    Methods,
    add_note,
    canvas,
    method_looks,
    new_figure,
    place,
    show,
    styled,
)
from .surfaces import (
    FAR_COLOUR,
    NEAR_COLOUR,
    OVERSAMPLING,
    TRUTH_COLOUR,
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

FALSE_ALARM, MISSED, HIT = 1, 2, 3  # of a voxel; 0 is background that was left alone
MISSED_COLOUR = "#000000"
COLOURS = ListedColormap(["white", FAR_COLOUR, MISSED_COLOUR, NEAR_COLOUR])
TRUTH_COLOURS = ListedColormap(["white", "white", "white", TRUTH_COLOUR])
LEGEND = [
    ("hit (surface: within one voxel of the truth)", NEAR_COLOUR),
    ("missed", MISSED_COLOUR),
    ("false alarm (surface: further away)", FAR_COLOUR),
]
FRAME = {"fill": False, "edgecolor": "0.8", "linewidth": 0.5, "clip_on": False}
HEADINGS = ("Axial slice", "Coronal", "Surface")
VIEWPOINT = "Oblique"
MAX_COLUMNS = 3
LABEL, HEADING, FOOT, GAP, BETWEEN = 8.6, 3.0, 10.0, 1.2, 5.0  # mm


@dataclass(frozen=True)
class View:
    """What all rows show of their masks: a box, an axial slice in it, a window on the surface."""

    box: tuple[slice, ...]
    level: int
    window: Window
    voxel_mm: np.ndarray

    @property
    def panels(self) -> np.ndarray:
        """Width and height of the three panels, mm of the patient."""
        width, depth, height = (
            size * (part.stop - part.start)
            for size, part in zip(self.voxel_mm, self.box, strict=True)
        )
        across, up = 2 * self.window.half_width, 2 * self.window.half_height
        return np.array([(width, depth), (width, height), (across, up)])


@styled
def biplane(
    truth: np.ndarray,
    found: Mapping[str, np.ndarray],
    scores: Mapping[str, Mapping[str, float]],
    affine: np.ndarray,
    methods: Methods,
    note: str = "",
    volume: np.ndarray | None = None,
) -> Figure:
    """One patient, the truth and then each method: axial slice, coronal projection, surface.

    Methods stand family by family, each with its marker in other figures.

    A method's surface is where its probability is 0.5, between voxels; that of the truth is where
    the intensities cross the threshold which made the mask, if these are given.

    Hits, misses and false alarms have colours of their own. A pixel of the projection has that of
    the commonest of the three on its ray: a vessel too far back is not right there. The slice is
    that with the most vessel. All panels have one scale, and show all that anyone found.

    Parameters
    ----------
    truth : (x, y, z) array, vessel where it is not zero.
    found : by method a probability, or mask, on the same grid; an empty one is marked as such.
    scores : by method its iou and cldice, for the labels.
    affine : (4, 4) voxel indices to RAS mm.
    methods : by name title and family, of all that are found.
    note : small remark at the bottom.
    volume : (x, y, z) intensities that the truth's mask was made of.

    Raises
    ------
    ValueError : a mask on another grid, or a method without its scores or its title.
    """
    _check(truth, found, scores, methods)
    truth = truth != 0
    view = _view(truth, found, affine)
    looks = {name: look for name, look in method_looks(methods).items() if name in found}
    columns = max(range(1, MAX_COLUMNS + 1), key=lambda n: _scale(view.panels, 1 + len(found), n))
    rows = -(-(1 + len(found)) // columns)
    scale = _scale(view.panels, 1 + len(found), columns)
    panels = scale * view.panels
    across, up = panels[:, 0].sum() + 2 * GAP, panels[:, 1].max() + LABEL
    figure = new_figure(DOUBLE_COLUMN, HEADING + rows * up + FOOT)
    page = canvas(figure)
    for number, name in enumerate([None, *looks]):
        column, row = divmod(number, rows)
        left, top = 1 + column * (across + BETWEEN), FOOT + (rows - row) * up
        if row == 0:
            _headings(page, panels, left, top)
        if name is None:
            page.text(left, top - 6.8, "Truth", weight="bold", va="center")
        else:
            _label(page, methods[name]["title"], looks[name], scores[name], left, top - 3.6)
        axes = _axes(figure, panels, left, top - LABEL)
        mask = truth if name is None else overlap.binary(found[name])
        _slice_and_projection(axes, mask, truth, view, name is None)
        if name is None:  # one mesh at a time: those of all methods together would take gigabytes
            mesh = coloured_truth(truth, affine, volume)
        else:
            mesh = coloured_surface(found[name], truth, affine)
        _surface(axes[2], mesh, view.window, scale)
    scale_below(page, 1, FOOT, scale)
    legend_below(page, LEGEND)
    add_note(figure, note)
    return figure


def _check(truth: np.ndarray, found: Mapping, scores: Mapping, methods: Methods) -> None:
    for name, mask in found.items():
        if name not in methods:
            raise ValueError(f"{name}: no title and family are given")
        if mask.shape != truth.shape:
            raise ValueError(f"{name}: shape {mask.shape}, but the truth has {truth.shape}")
        missing = {"iou", "cldice"} - set(scores.get(name, ()))
        if missing:
            raise ValueError(f"{name}: no {', '.join(sorted(missing))} is given")


def _view(truth: np.ndarray, found: Mapping[str, np.ndarray], affine: np.ndarray) -> View:
    """All that is vessel to anyone, or the whole grid if nothing is."""
    union = truth.copy()
    for mask in found.values():
        union |= overlap.binary(mask)
    if not union.any():
        union[...] = True
    ends = _ends(union)
    low, high = (np.clip(ends.min(axis=0) - 1, 0, None), ends.max(axis=0) + 2)
    box = tuple(
        slice(int(a), int(min(b, n))) for a, b, n in zip(low, high, truth.shape, strict=True)
    )
    level = int(truth.sum(axis=(0, 1)).argmax())
    faces = (ends[:, None] + 0.5 * np.concatenate([np.eye(3), -np.eye(3)])).reshape(-1, 3)
    (window,) = windows_around(in_lps(faces, affine), [VIEWPOINT])
    return View(box, level, window, voxel_sizes(affine))


def _ends(mask: np.ndarray) -> np.ndarray:
    """First and last voxel of every column along z, (n, 3): as far as the mask goes anywhere."""
    columns = np.argwhere(mask.any(axis=2))
    filled = mask[tuple(columns.T)]
    first, last = filled.argmax(axis=1), mask.shape[2] - 1 - filled[:, ::-1].argmax(axis=1)
    return np.concatenate([np.column_stack([columns, end]) for end in (first, last)])


def _scale(panels: np.ndarray, count: int, columns: int) -> float:
    """mm on the page per mm of the patient, for all to fit a page in some columns."""
    rows = -(-count // columns)
    width = (DOUBLE_COLUMN - 2 - (columns - 1) * BETWEEN) / columns - 2 * GAP
    height = (PAGE_HEIGHT - HEADING - FOOT) / rows - LABEL
    return min(width / panels[:, 0].sum(), height / panels[:, 1].max())


def _headings(page: Axes, panels: np.ndarray, left: float, top: float) -> None:
    for heading, width in zip(HEADINGS, panels[:, 0], strict=True):
        middle = left + width / 2
        page.text(middle, top + 0.6, heading, size=6, color=MUTED, ha="center", va="center")
        left += width + GAP


def _label(page: Axes, title: str, look: dict, scores: Mapping, left: float, level: float) -> None:
    """Marker and title of the method, and its scores below."""
    page.plot([left + 1], [level], **look | {"ls": ""})
    page.text(left + 3, level, title, weight="bold", va="center")
    values = f"IoU {scores['iou']:.2f}   clDice {scores['cldice']:.2f}"
    page.text(left, level - 3.2, values, size=6, color=MUTED, va="center")


def _axes(figure: Figure, panels: np.ndarray, left: float, top: float) -> list[Axes]:
    """Three panels side by side, their middles at one height."""
    axes, middle = [], top - panels[:, 1].max() / 2
    for width, height in panels:
        axes.append(place(figure, left, middle - height / 2, width, height))
        left += width + GAP
    return axes


def _slice_and_projection(
    axes: list[Axes], mask: np.ndarray, truth: np.ndarray, view: View, is_truth: bool
) -> None:
    across, depth, up = view.voxel_mm
    x, y, z = view.box
    slices = [part[x, y, view.level][:, ::-1] for part in (mask, truth)]  # anterior is up
    images = [
        (slices[0] | slices[1] << 1, slices[1], (across, depth)),
        (along_rays(mask[view.box], truth[view.box]), truth[view.box].any(axis=1), (across, up)),
    ]
    colours = TRUTH_COLOURS if is_truth else COLOURS
    for panel, (image, outline, pixel) in zip(axes, images, strict=False):
        show(panel, image, pixel, cmap=colours, vmin=0, vmax=HIT, interpolation="nearest")
        if outline.any() and not outline.all():
            centres = [(np.arange(n) + 0.5) * p for n, p in zip(outline.shape, pixel, strict=True)]
            panel.contour(*centres, outline.T, levels=[0.5], colors="black", linewidths=0.35)
        panel.add_patch(Rectangle((0, 0), 1, 1, transform=panel.transAxes, **FRAME))
    height = (view.level + 0.5 - z.start) * up
    axes[1].axhline(height, color=MUTED, lw=0.4, ls=(0, (2, 2)), zorder=0.5)


def along_rays(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The commonest of false alarm, miss and hit on each ray along y; of equals the first of these.

    found, truth : (x, y, z) bool. Returns (x, z), 0 where a ray meets no vessel.
    """
    hits = (found & truth).sum(axis=1)
    counts = np.stack([found.sum(axis=1) - hits, truth.sum(axis=1) - hits, hits])
    return np.where(counts.any(axis=0), counts.argmax(axis=0) + FALSE_ALARM, 0)


def _surface(axes: Axes, mesh: pyvista.PolyData | None, window: Window, scale: float) -> None:
    if mesh is None:
        axes.text(0.5, 0.5, "empty", color=MUTED, style="italic", ha="center", va="center")
    else:
        (image,) = render(mesh, [window], scale * MM * DPI * OVERSAMPLING)
        axes.imshow(image, aspect="auto")
