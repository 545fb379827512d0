"""What all figures share: sizes, colours, lettering, scale bars, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from ..io.atomic import atomic_file

if TYPE_CHECKING:
    import pandas as pd

Methods = Mapping[str, Mapping[str, str]]  # by name, the title and the family of a method

DPI = 300
SINGLE_COLUMN = 85.0  # mm
DOUBLE_COLUMN = 180.0  # mm
PAGE_HEIGHT = 235.0  # mm
MM = 1 / 25.4  # inches

# Okabe and Ito (2008), in the order of use: told apart with every kind of colour vision.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
# Of families: those without the yellow, which is pale on white, but with black; then wine and
# indigo of Tol's, two browns and a blue. With any kind of colour vision no two are closer than the
# closest of Okabe and Ito's.
FAMILY_COLOURS = (*OKABE_ITO[:6], "#000000", "#882255", "#332288", "#443300", "#776644", "#0000EE")
MEMBER_TONES = (
    (1, 0.0),
    (1, 0.55),
    (0, 0.45),
    (1, 0.3),
    (0, 0.7),
)  # towards white or black, how far
MARKERS = ("o", "s", "^", "D", "v", ">", "<", "d", "p", "P", "X", "*", "h")
LINES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)))
FILLINGS = ("full", "none", "left", "bottom", "right", "top")  # of a marker
PUBLISHED_COLOUR = "#555555"
PUBLISHED_LABEL = "Wu et al. 2023 (published, other data)"
PUBLISHED_LOOK = {"color": PUBLISHED_COLOUR, "marker": "x", "ls": (0, (4, 2)), "lw": 1.0}
ALERT = "#D55E00"
OUTLINE = "#56B4E9"
MUTED = "#666666"
GREY = "gray"  # Matplotlib's map for intensities

STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with Matplotlib: the same pixels everywhere
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "mathtext.default": "regular",
    "pdf.fonttype": 42,  # editable text
    "savefig.dpi": DPI,
    "figure.dpi": DPI,
}

styled = matplotlib.rc_context(STYLE)  # decorator of every function that draws


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in mm, without pyplot's global state."""
    return Figure(figsize=(width * MM, height * MM), facecolor="white")


def axes_in_mm(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place in mm from the figure's lower left corner."""
    total = figure.get_size_inches() / MM
    return figure.add_axes(
        (left / total[0], bottom / total[1], width / total[0], height / total[1])
    )


def place(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """The same, without frame or ticks."""
    axes = axes_in_mm(figure, left, bottom, width, height)
    axes.set_axis_off()
    return axes


def canvas(figure: Figure) -> Axes:
    """Axes over the whole figure whose data are mm from its lower left corner."""
    width, height = figure.get_size_inches() / MM
    axes = place(figure, 0, 0, width, height)
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_autoscale_on(False)
    return axes


def add_note(figure: Figure, note: str) -> None:
    """Small remark in the lower left corner, such as what the data are."""
    if note:
        width, height = figure.get_size_inches() / MM
        figure.text(1 / width, 1 / height, note, size=6, color=MUTED, style="italic", va="bottom")


def add_remark(figure: Figure, remark: str) -> None:
    """Small remark in the lower right corner, on how to read the figure."""
    width, height = figure.get_size_inches() / MM
    look = {"size": 6, "color": MUTED, "ha": "right", "va": "bottom"}
    figure.text(1 - 1 / width, 1 / height, remark, **look)


def show(axes: Axes, image: np.ndarray, pixel: Sequence[float], **options) -> None:
    """Show an image indexed (right, up) with pixels of the given size in mm, in grey."""
    width, height = image.shape[0] * pixel[0], image.shape[1] * pixel[1]
    options = {"cmap": GREY, "aspect": "equal", **options}
    axes.imshow(image.T, origin="lower", extent=(0, width, 0, height), **options)
    axes.set_axis_off()


def scale_bar(axes: Axes) -> None:
    """White bar of a round length in the lower right corner of axes whose data are millimetres."""
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    width, height = right - left, top - bottom
    length = round_length(0.3 * width)
    end, level = right - 0.06 * width, bottom + 0.06 * height
    look = {
        "color": "white",
        "path_effects": [patheffects.withStroke(linewidth=1.8, foreground="black")],
    }
    axes.plot([end - length, end], [level, level], lw=1.4, solid_capstyle="butt", **look)
    place = {"ha": "right", "va": "bottom", "size": 6}
    axes.text(end, level + 0.03 * height, f"{length:g} mm", **place, **look)
    axes.set(xlim=(left, right), ylim=(bottom, top))


def round_length(longest: float) -> float:
    """Longest of 1, 2, 5, 10, 20, 50 ... (or 0.5, 0.2 ...) that is not above `longest`."""
    decade = 10.0 ** np.floor(np.log10(longest))
    return float(max(step * decade for step in (1, 2, 5) if step * decade <= longest * (1 + 1e-9)))


def families(methods: Methods) -> dict[str, list[str]]:
    """Group names of methods by family, both in order of first appearance."""
    found: dict[str, list[str]] = {}
    for name, known in methods.items():
        found.setdefault(known["family"], []).append(name)
    return found


def method_looks(methods: Methods) -> dict[str, dict]:
    """Style every method, family by family.

    Colour and marker are the family's, the line and the marker's filling the member's. Thirteen
    markers on twelve colours repeat a pair after 156 families; a family has 24 lines and fillings.
    """
    looks = {}
    for number, names in enumerate(families(methods).values()):
        colour = FAMILY_COLOURS[number % len(FAMILY_COLOURS)]
        shape = {"color": colour, "marker": MARKERS[number % len(MARKERS)]}
        for member, name in enumerate(names):
            again, place = divmod(member, len(FILLINGS))
            line = LINES[(place + again) % len(LINES)]
            looks[name] = shape | {"ls": line} | _filling(FILLINGS[place], colour)
    return looks


def surface_colours(methods: Methods) -> dict[str, str]:
    """Colour of each method's surface: the family's, and tints and shades of it for its members."""
    colours = {}
    for number, names in enumerate(families(methods).values()):
        base = np.array(to_rgb(FAMILY_COLOURS[number % len(FAMILY_COLOURS)]))
        for member, name in enumerate(names):
            towards, share = MEMBER_TONES[member % len(MEMBER_TONES)]
            colours[name] = to_hex(base + share * (towards - base))
    return colours


def _filling(kind: str, colour: str) -> dict:
    """A marker in its colour, in white, or half in each: an empty one would show the line."""
    is_empty = kind == "none"
    return {
        "fillstyle": "full" if is_empty else kind,
        "markerfacecolor": "white" if is_empty else colour,
        "markerfacecoloralt": "white",
        "markeredgewidth": 0.8,
    }


def of_methods(table: pd.DataFrame, methods: Methods) -> pd.DataFrame:
    """Keep a table's rows of the methods that a figure shows."""
    return table[table["method"].isin([*methods])]


def view_colours(views: Iterable[int | str]) -> dict[int | str, tuple[float, ...]]:
    """Colour of each view count: sequential, dark for many views, never too pale for white.

    A word in place of a count, for what knows all of them, is black and comes last.
    """
    words = {word: (0.0, 0.0, 0.0, 1.0) for word in set(views) if isinstance(word, str)}
    counts = sorted(set(views) - set(words), reverse=True)
    places = np.linspace(0.0, 0.88, len(counts)) if len(counts) > 1 else [0.0]
    colours = matplotlib.colormaps["viridis"](places)
    return {count: tuple(colour) for count, colour in zip(counts, colours, strict=True)} | words


def require_columns(table: pd.DataFrame, columns: Iterable[str], name: str) -> None:
    """Raise ValueError that names the columns a table lacks."""
    missing = sorted(set(columns) - set(table.columns))
    if missing:
        raise ValueError(f"{name}: no column {', '.join(missing)}; it has {list(table.columns)}")


@styled
def save(figure: Figure, png_path: Path | str, pdf_path: Path | str) -> None:
    """Write a figure as PNG (300 dpi) and PDF, then free it.

    The same figure gives the same bytes: no date is written. Each file appears whole or not at all.
    """
    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Creator": "angiovox"}}
    for path, kind in ((png_path, "png"), (pdf_path, "pdf")):
        with atomic_file(path) as temporary:
            figure.savefig(temporary, format=kind, dpi=DPI, metadata=metadata[kind])
    figure.clear()
