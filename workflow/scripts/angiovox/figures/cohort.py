"""Contact sheet of a cohort's masks, to see at a glance which are implausible."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .style import (
    ALERT,
    DOUBLE_COLUMN,
    MUTED,
    OUTLINE,
    add_note,
    canvas,
    new_figure,
    place,
    show,
    styled,
)

COLUMNS = 7
CHARACTERS = 23  # of a reason, per line at 5.5 pt in a panel's width
REASON_LINES = 3
TINT = 0.18  # opacity of the mask: one that covers all has no outline, but is seen
BRIGHTEST = 99.8  # percentile of the projection that is drawn white


def montage_row(quality: Mapping, volume: np.ndarray, mask: np.ndarray) -> dict:
    """What `mask_montage` shows of a patient: its figures, with the projections from in front.

    volume, mask : (x, y, z). They need not be kept: a cohort of them does not fit in memory.
    """
    return {**quality, "volume_mip": volume.max(axis=1), "mask_mip": mask.max(axis=1)}


@styled
def mask_montage(rows: Sequence[Mapping], note: str = "") -> Figure:
    """Each patient's maximum projection with the outline of its mask; implausible ones framed.

    Parameters
    ----------
    rows : for each patient a mapping with patient (name), volume_mip and mask_mip ((x, z) arrays),
        fraction (of voxels that are vessel, in [0, 1]), components (count), plausible, and reason
        (why it is not).
    note : small remark at the bottom.

    Raises
    ------
    ValueError : no rows.
    """
    if not rows:
        raise ValueError("a montage needs at least one patient")
    gap, heading, foot = 1.6, 10.5, 4.0 if note else 0.0
    side = (DOUBLE_COLUMN - 2 - gap * (COLUMNS - 1)) / COLUMNS
    lines = [rows[start : start + COLUMNS] for start in range(0, len(rows), COLUMNS)]
    words = [_room_for_words(line) for line in lines]
    top = foot + sum(side + room for room in words)
    figure = new_figure(DOUBLE_COLUMN, top + heading)
    page = canvas(figure)
    for line, room in zip(lines, words, strict=True):
        for column, row in enumerate(line):
            left = 1 + column * (side + gap)
            _panel(place(figure, left, top - side, side, side), row)
            _describe(page, row, left, top - side, side)
        top -= side + room
    _head(page, rows)
    add_note(figure, note)
    return figure


def _room_for_words(line: Sequence[Mapping]) -> float:
    """Height in mm below a line of panels: name and numbers, and reasons where there are any."""
    lengths = [len(_reason(row)) for row in line]
    return 7.8 + 2.4 * max(lengths)


def _reason(row: Mapping) -> list[str]:
    """Lines that say why a mask is implausible, none for a plausible one."""
    if row["plausible"]:
        return []
    return textwrap.wrap(str(row["reason"]), CHARACTERS, max_lines=REASON_LINES, placeholder=" …")


def _panel(axes: Axes, row: Mapping) -> None:
    image, mask = np.asarray(row["volume_mip"]), np.asarray(row["mask_mip"]) != 0
    white = float(np.percentile(image, BRIGHTEST))
    show(axes, image, (1.0, 1.0), vmin=float(image.min()), vmax=white)
    tint = np.zeros((*mask.T.shape, 4))
    tint[mask.T] = to_rgba(OUTLINE, TINT)
    axes.imshow(tint, origin="lower", extent=(0, mask.shape[0], 0, mask.shape[1]))
    if mask.any() and not mask.all():
        centres = [np.arange(n) + 0.5 for n in mask.shape]
        axes.contour(*centres, mask.T, levels=[0.5], colors=OUTLINE, linewidths=0.5)


def _describe(page: Axes, row: Mapping, left: float, bottom: float, side: float) -> None:
    plausible = bool(row["plausible"])
    colour = "black" if plausible else ALERT
    name = str(row["patient"]) if plausible else f"! {row['patient']}"
    page.text(left, bottom - 0.6, name, size=6.5, weight="bold", color=colour, va="top")
    noun = "part" if row["components"] == 1 else "parts"
    parts = f"{100 * row['fraction']:.2f} %, {row['components']} {noun}"
    page.text(left, bottom - 3.4, parts, size=5.5, color=MUTED, va="top")
    if not plausible:
        text = "\n".join(_reason(row))
        page.text(left, bottom - 5.8, text, size=5.5, color=ALERT, va="top", linespacing=1.1)
        frame = Rectangle((left - 0.3, bottom - 0.3), side + 0.6, side + 0.6, fill=False)
        frame.set(edgecolor=ALERT, linewidth=1.6)
        page.add_patch(frame)


def _head(page: Axes, rows: Sequence[Mapping]) -> None:
    bad = sum(not row["plausible"] for row in rows)
    top = page.get_ylim()[1]
    title = f"Masks of {len(rows)} patients: {bad} implausible"
    page.text(1, top - 1.2, title, size=8, weight="bold", va="top", color=ALERT if bad else "black")
    key = "Maximum projection from in front; outline: mask; share of voxels and connected parts"
    page.text(1, top - 5.4, key, size=6.5, color=MUTED, va="top")
