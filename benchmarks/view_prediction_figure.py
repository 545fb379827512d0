"""Figure of `benchmarks/view_prediction.py`: held-out views of one phantom, true and predicted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from angiovox.figures import style
from angiovox.io.atomic import atomic_file
from angiovox.view_prediction.scores import view_scores

from benchmarks.view_prediction_data import HELD_OUT, Cohort
from benchmarks.view_prediction_tables import title

SHOWN = (1, 4, 7)  # of the held-out views
DPI, TOP, BOTTOM, LEFT, GAP = 200, 7.0, 0.0, 5.0, 1.0  # mm
WRAPPED = {
    "nearest_view": "nearest\ngiven view",
    "grey_hull": "visual hull\nin grey",
    "consistent": "consistent\nU-Net, projected",
    "deferred_neural_rendering": "deferred neural\nrendering",
}


class HeldOut(Protocol):
    """Whoever has predicted the held-out views."""

    def held_out(self, name: str, views: int, patient: str) -> tuple[np.ndarray, float]: ...


@style.styled
def draw(cohort: Cohort, views: HeldOut, names: Sequence[str], count: int, path: Path) -> None:
    """A row for each of three views, a column for the truth and for each predictor.

    count : of given views. path : of the PNG.
    """
    patient = cohort.test[0]
    truth = cohort.projections(patient)[list(HELD_OUT)]
    found = {"truth": truth} | {one: views.held_out(one, count, patient)[0] for one in names}
    tile = (style.DOUBLE_COLUMN - LEFT - GAP * len(found)) / len(found)
    height = TOP + BOTTOM + len(SHOWN) * (tile + GAP)
    figure = style.new_figure(style.DOUBLE_COLUMN, height)
    low, high = float(truth.min()), float(truth.max())
    for line, number in enumerate(SHOWN):
        bottom = height - TOP - (line + 1) * (tile + GAP)
        for column, (name, images) in enumerate(found.items()):
            left = LEFT + column * (tile + GAP)
            axes = style.place(figure, left, bottom, tile, tile)
            greys = {"vmin": low, "vmax": high, "interpolation": "nearest"}
            style.show(axes, images[number], (0.75, 0.75), **greys)
            if line == 0:
                axes.set_title("truth" if column == 0 else WRAPPED.get(name, title(name)), pad=2)
            if column == 0:
                angle = cohort.angles[HELD_OUT[number]]
                place = {"rotation": 90, "ha": "right", "va": "center"}
                axes.text(-0.04, 0.5, f"{angle:.0f}°", transform=axes.transAxes, **place)
                if line == 0:
                    style.scale_bar(axes)
                continue
            vessel = cohort.threshold(patient)
            scores = view_scores(images[number], truth[number], cohort.full_scale, vessel)
            words = f"{scores['psnr']:.1f} dB, Dice {scores['dice']:.2f}"
            look = {"color": "white", "size": 5, "va": "top", "transform": axes.transAxes}
            axes.text(0.03, 0.97, words, **look)
    with atomic_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
