"""Subtracted runs of X-ray angiography over time and over the angles of a rotation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ..geometry.cone_beam import view_name
from ..io.dicom.xa.run import Run
from .style import DOUBLE_COLUMN, MUTED, add_note, new_figure, place, scale_bar, show, styled

COLUMNS = 5
LEFT, GAP, TITLE, BELOW, ABOVE = 16.0, 1.2, 3.6, 6.0, 2.0  # mm
DARKEST = 0.995  # share of pixels that are not black


@styled
def angiograms(runs: Sequence[Run], note: str = "") -> Figure:
    """A row of frames with contrast for each run, dark where contrast absorbs.

    Parameters
    ----------
    runs : static ones are shown over time, rotational ones over their angles.
    note : small remark at the bottom.
    """
    cell = (DOUBLE_COLUMN - LEFT - (COLUMNS - 1) * GAP - 1) / COLUMNS
    height = BELOW + len(runs) * (cell + TITLE) + ABOVE
    figure = new_figure(DOUBLE_COLUMN, height)
    for row, run in enumerate(runs):
        bottom = height - ABOVE - (row + 1) * (cell + TITLE)
        frames = _shown(run)
        images = run.line_integrals(frames)
        black = np.quantile(images, DARKEST)
        for column, (frame, image) in enumerate(zip(frames, images, strict=True)):
            axes = place(figure, LEFT + column * (cell + GAP), bottom, cell, cell)
            magnified = run.distances[frame, 0] / run.distances[frame, 1]
            pixel = np.array(run.pixel_mm[::-1]) / magnified  # in the isocentre
            show(axes, -image, pixel, vmin=-black, vmax=black / 8)
            axes.set_title(_title(run, frame), size=6, pad=1.5)
        scale_bar(axes)
        label = place(figure, 0, bottom, LEFT, cell)
        label.text(0.06, 0.5, _label(run), size=7, va="center", transform=label.transAxes)
        label.text(0.06, 0.3, _directions(run), size=6, va="center", color=MUTED,
                   transform=label.transAxes)  # fmt: skip
    add_note(figure, f"{note}; scale in the isocentre" if note else "scale in the isocentre")
    return figure


def _shown(run: Run) -> list[int]:
    """Evenly spread frames; of a static run from the first that contrast is in to the fullest and
    as far beyond."""
    frames = run.contrast
    if not run.is_rotational:
        seen = run.opacification > 0.05 * run.opacification.max()
        frames = [frame for frame, is_seen in zip(frames, seen, strict=True) if is_seen]
    chosen = np.linspace(0, len(frames) - 1, min(COLUMNS, len(frames)))
    return [frames[round(number)] for number in chosen]


def _title(run: Run, frame: int) -> str:
    if run.is_rotational:
        return view_name(*run.angles[frame])
    return "" if run.times is None else f"{run.times[frame]:.1f} s"


def _label(run: Run) -> str:
    return "rotation" if run.is_rotational else f"plane {run.plane}" if run.plane else "run"


def _directions(run: Run) -> str:
    angles = run.angles[run.contrast]
    if not run.is_rotational:
        return view_name(*angles[0]).replace(", ", "\n")
    arc = np.ptp(angles[:, 0])
    return f"{len(angles)} views,\n{arc:.0f} degrees"
