"""What phantom patients look like: a sheet of some of them, and one with its arteries named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ..geometry.affine import LPS_TO_RAS, isotropic_affine, voxel_sizes
from ..phantoms.anatomy import kind
from ..projectors.mip import project_max
from ..vessels.graph import Arteries
from ..vessels.voxelize import occupancy
from .style import (
    DOUBLE_COLUMN,
    DPI,
    MM,
    MUTED,
    OKABE_ITO,
    add_note,
    canvas,
    new_figure,
    place,
    scale_bar,
    show,
    styled,
)
from .surfaces import OVERSAMPLING, TRUTH_COLOUR, VIEWPOINTS, Window, render, rgb

ANGLES = (0.0, 45.0, 90.0)  # degrees
EYES = ("Anterior", "Right lateral")
FINE_EDGE = 224  # voxels, about, of the grid from which surfaces are drawn
CHART_SHAPE, CHART_VOXEL = (340, 340, 260), 0.5  # of the anatomy's projections; mm
BRIGHTEST = 99.8  # percentile of a projection that is drawn white
DARKEST = 1  # percentile of the volume that is drawn black
SPARSE = 3  # every third voxel along each axis tells it as well
FAMILIES = {
    "Internal carotid": ("ICA", "ophthalmic", "AChA", "PCoA"),
    "Anterior cerebral": ("A1", "A2", "A3", "ACoA"),
    "Middle cerebral": ("M1", "M2", "M3", "lenticulostriate"),
    "Posterior cerebral": ("P1", "P2", "P3", "thalamoperforating"),
    "Vertebral and basilar": ("vertebral", "basilar", "PICA", "AICA", "SCA"),
}
COLOURS = dict(zip(FAMILIES, OKABE_ITO, strict=False))
# Label, artery, the place in mm near which it is pointed at (left side), and where the label
# stands in shares of the panel. A patient who lacks the artery lacks the label.
FRONT_LABELS = (
    ("ICA", "left ICA", (21, 10, -29), (0.80, 0.20)),
    ("MCA", "left M1", (24, -5, 5), (0.93, 0.60)),
    ("ACA", "left A2", (2, -26, 30), (0.66, 0.78)),
    ("PCA", "right P2", (17, 22, 5), (0.14, 0.30)),
    ("BA", "basilar", (0, 9, -20), (0.33, 0.08)),
    ("VA", "right vertebral", (9, 21, -37), (0.44, 0.05)),
)
SIDE_LABELS = (
    ("ICA", "right ICA", (21, 10, -29), (0.78, 0.24)),
    ("MCA", "right M2 superior", (38, -6, 14), (0.40, 0.66)),
    ("ACA", "right A2", (2, -3, 39), (0.84, 0.90)),
    ("PCA", "right P2", (7, 60, 9), (0.10, 0.72)),
    ("BA", "basilar", (0, 9, -20), (0.44, 0.14)),
    ("VA", "right vertebral", (9, 21, -37), (0.40, 0.05)),
)
CIRCLE_LABELS = (
    ("ACoA", "ACoA", (0, -15, 4), (0.50, 0.95)),
    ("A2", "right A2", (2, -19, 5), (0.32, 0.93)),
    ("A1", "left A1", (8, -8, 6), (0.72, 0.90)),
    ("M1", "left M1", (24, -5, 5), (0.94, 0.72)),
    ("ICA", "right ICA", (10, -12, -5), (0.10, 0.82)),
    ("PCoA", "left PCoA", (11, 1, -1), (0.85, 0.48)),
    ("PCoA", "right PCoA", (11, 1, -1), (0.15, 0.48)),
    ("P1", "right P1", (5, 6, 1), (0.30, 0.22)),
    ("P2", "left P2", (16, 15, 3), (0.92, 0.30)),
    ("BA", "basilar", (0, 7, -8), (0.50, 0.14)),
)
CIRCLE_REACH = 30.0  # mm around the isocentre of the anatomy


def sheet_row(
    patient: str, volume: np.ndarray, affine: np.ndarray, arteries: Arteries
) -> dict[str, object]:
    """What `phantom_sheet` shows of a patient, its arteries sampled finely enough to look round.

    The volume itself is not kept: several do not fit in memory.

    volume, affine : (x, y, z) centred on the isocentre, and (4, 4) voxel indices to RAS mm.
    arteries : around the isocentre.
    """
    fine = max(1, FINE_EDGE // max(volume.shape))
    voxel_size = float(voxel_sizes(affine)[0]) / fine
    shape = tuple(fine * n for n in volume.shape)
    artery = occupancy(arteries, shape, voxel_size)[0] >= 0.5
    return {
        "patient": patient,
        "projections": project_max(volume, np.array(ANGLES)),
        "black": np.percentile(volume[::SPARSE, ::SPARSE, ::SPARSE], DARKEST),
        "affine": affine,
        "artery": artery,
        "artery_affine": isotropic_affine(shape, voxel_size),
    }


@styled
def phantom_sheet(rows: Sequence[Mapping], note: str = "") -> Figure:
    """Some patients as maximum projections at 0, 45 and 90 degrees and as surfaces of the truth.

    Parameters
    ----------
    rows : what `sheet_row` gives, for each patient.
    note : small remark at the bottom.

    Raises
    ------
    ValueError : no rows.
    """
    if not rows:
        raise ValueError("a sheet needs at least one patient")
    names, gap, heading, foot = 5.0, 1.2, 6.0, 4.0
    columns = len(ANGLES) + len(EYES)
    side = (DOUBLE_COLUMN - names - gap * columns) / columns
    figure = new_figure(DOUBLE_COLUMN, heading + foot + len(rows) * (side + gap))
    page = canvas(figure)
    titles = [f"{angle:g}°" for angle in ANGLES] + [f"Surface, {e.lower()}" for e in EYES]
    top = page.get_ylim()[1] - heading
    for column, title in enumerate(titles):
        page.text(names + (column + 0.5) * side + column * gap, top + 2.5, title, ha="center")
    for number, row in enumerate(rows):
        bottom = top - (number + 1) * side - number * gap
        places = [
            place(figure, names + column * (side + gap), bottom, side, side)
            for column in range(columns)
        ]
        _draw_projections(places[: len(ANGLES)], row)
        _draw_surfaces(places[len(ANGLES) :], row, side)
        page.text(
            names / 2, bottom + side / 2, row["patient"], rotation=90, ha="center", va="center"
        )
    add_note(figure, note)
    return figure


def _draw_projections(places: Sequence[Axes], row: Mapping) -> None:
    sizes = voxel_sizes(row["affine"])
    for axes, image in zip(places, row["projections"], strict=True):
        white = np.percentile(image, BRIGHTEST)
        show(axes, image, (sizes[0], sizes[2]), vmin=row["black"], vmax=white)
        scale_bar(axes)


def _draw_surfaces(places: Sequence[Axes], row: Mapping, side: float) -> None:
    from ..masks.surfaces import surface  # slow to import

    mesh = surface(row["artery"], row["artery_affine"], smoothing_steps=5)
    for axes in places:
        axes.set_axis_on()
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color="0.85")
    if mesh is None:
        for axes in places:
            axes.text(0.5, 0.5, "empty", color=MUTED, style="italic", ha="center", va="center")
        return
    mesh.point_data["colour"] = np.tile(rgb(TRUTH_COLOUR), (mesh.n_points, 1)).astype(np.uint8)
    shape = np.array(row["artery"].shape)
    half = float((shape * voxel_sizes(row["artery_affine"])).max() / 2)
    centre = (LPS_TO_RAS @ row["artery_affine"] @ [*((shape - 1) / 2), 1])[:3]
    windows = [Window(centre, -np.asarray(VIEWPOINTS[eye]), half, half) for eye in EYES]
    pixels = side / (2 * half) * MM * DPI * OVERSAMPLING
    for axes, image in zip(places, render(mesh, windows, pixels), strict=True):
        axes.imshow(image)


@styled
def anatomy_chart(arteries: Arteries, origin: np.ndarray, note: str = "") -> Figure:
    """One patient with every artery filled: projections, and centrelines in the arteries' colours.

    Parameters
    ----------
    arteries, origin : of the whole head around its middle, as `contrast.inject` returns them.
    note : small remark at the bottom.
    """
    share, _ = occupancy(arteries, CHART_SHAPE, CHART_VOXEL)
    extent = np.array(CHART_SHAPE) * CHART_VOXEL
    wide, circle, gap, heading, foot = 59.0, 57.0, 1.6, 5.0, 4.0
    high = wide * extent[2] / extent[0]
    figure = new_figure(DOUBLE_COLUMN, 2 * (high + gap) + heading + foot)
    page = canvas(figure)
    lower, upper = foot, foot + high + gap
    title = {"ha": "center", "va": "bottom"}
    for column, (words, name) in enumerate(
        (("From in front", "front"), ("From the right", "side"))
    ):
        left = gap + column * (wide + gap)
        page.text(left + wide / 2, upper + high + 1, words, **title)
        axes = place(figure, left, upper, wide, high)
        image = share.max(axis=1) if name == "front" else share.max(axis=0)[::-1]
        # The square root shows arteries thinner than a voxel beside thick ones.
        show(axes, np.sqrt(image), (CHART_VOXEL, CHART_VOXEL), vmin=0, vmax=1)
        half = (extent[0] / 2, extent[2] / 2)
        axes.images[0].set_extent((-half[0], half[0], -half[1], half[1]))
        _draw_labels(axes, arteries, name, origin, np.zeros(3), half)
        scale_bar(axes)
        axes = place(figure, left, lower, wide, high)
        _draw_lines(axes, arteries, name, np.zeros(3), half, wide)
    left = gap + 2 * (wide + gap)
    page.text(left + circle / 2, upper + high + 1, "Circle of Willis, axial", **title)
    axes = place(figure, left, upper + high - circle, circle, circle)
    half = (CIRCLE_REACH, CIRCLE_REACH)
    _draw_lines(axes, arteries, "axial", origin, half, circle)
    _draw_labels(axes, arteries, "axial", origin, origin, half)
    _draw_legend(page, left + 3, upper + high - circle - 8)
    add_note(figure, note)
    return figure


def _seen(points: np.ndarray, view: str) -> tuple[np.ndarray, np.ndarray]:
    """Where points (n, 3) in LPS mm lie on the page, and how near they are to the eye.

    Axial pictures are seen from below, as radiologists do.
    """
    x, y, z = points.T
    across, up, near = {"front": (x, z, -y), "side": (-y, z, -x), "axial": (x, -y, -z)}[view]
    return np.stack([across, up], axis=1), near


def _draw_lines(
    axes: Axes,
    arteries: Arteries,
    view: str,
    centre: np.ndarray,
    half: tuple[float, float],
    width: float,
) -> None:
    """Centrelines as thick as the arteries, nearer ones on top; `width` in mm on the page."""
    points = arteries.points - centre
    if view == "axial":
        points_in = np.abs(points[:, 2]) < CIRCLE_REACH / 2
        arteries = arteries.keep(points_in[arteries.segments].all(axis=1))
        points = arteries.points - centre
    page, near = _seen(points, view)
    order = np.argsort(near[arteries.segments].mean(axis=1))
    family = {word: COLOURS[name] for name, words in FAMILIES.items() for word in words}
    colours = [family[kind(arteries.names[n])] for n in arteries.artery[order]]
    thick = 2 * arteries.radii[arteries.segments[order]].mean(axis=1)
    points_per_mm = 72 / 25.4 * width / (2 * half[0])
    lines = LineCollection(
        page[arteries.segments[order]],
        colors=colours,
        linewidths=thick * points_per_mm,
        capstyle="round",
    )
    axes.add_collection(lines)
    axes.set(xlim=(-half[0], half[0]), ylim=(-half[1], half[1]))


def _draw_labels(
    axes: Axes,
    arteries: Arteries,
    view: str,
    origin: np.ndarray,
    centre: np.ndarray,
    half: tuple[float, float],
) -> None:
    labels = {"front": FRONT_LABELS, "side": SIDE_LABELS, "axial": CIRCLE_LABELS}[view]
    colour, behind = ("black", "white") if view == "axial" else ("white", "black")
    halo = [patheffects.withStroke(linewidth=1.6, foreground=behind)]
    for text, name, spot, at in labels:
        if name not in arteries.names:
            continue  # this patient lacks it
        own = arteries.segments[arteries.artery == arteries.names.index(name)]
        spot = origin + np.array(spot) * [-1 if name.startswith("right") else 1, 1, 1]
        points = arteries.points[own[:, 0]]
        nearest = points[np.argmin(np.linalg.norm(points - spot, axis=1))]
        target = _seen((nearest - centre)[None], view)[0][0]
        at = (2 * np.array(at) - 1) * half
        line = {"color": colour, "lw": 0.6, "path_effects": halo, "solid_capstyle": "butt"}
        axes.plot(*np.stack([at, target], axis=1), **line)
        words = {"color": colour, "size": 7, "weight": "bold", "path_effects": halo}
        axes.text(*at, text, ha="center", va="center", zorder=3, **words)
    axes.set(xlim=(-half[0], half[0]), ylim=(-half[1], half[1]))


def _draw_legend(page: Axes, left: float, top: float) -> None:
    for number, (name, colour) in enumerate(COLOURS.items()):
        level = top - 4.2 * number
        page.plot([left, left + 5], [level, level], color=colour, lw=2.4, solid_capstyle="round")
        page.text(left + 7, level, name, va="center")
