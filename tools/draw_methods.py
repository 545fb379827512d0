"""Draw docs/all_methods.png: IoU of every stored method at 2 and at 10 views.

python tools/draw_methods.py    from docs/methods/*.csv, which tools/method_pages.py stores
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from angiovox.figures import style  # noqa: E402
from angiovox.method import Needs  # noqa: E402
from method_pages import RESULTS, stored, study  # noqa: E402

COUNTS = (2, 10)  # views, a column each
BASELINE = "hull"
FED = ", fed maxima"  # ends titles; here all are
NEITHER, TRAINED, FITTED, BOTH = range(4)
KINDS = {
    NEITHER: ("no training, no fit", "#000000", "s"),
    TRAINED: ("trained on other patients", style.OKABE_ITO[0], "o"),
    FITTED: ("fitted to the patient's views", style.OKABE_ITO[1], "^"),
    BOTH: ("trained, then fitted to the views", style.OKABE_ITO[2], "D"),
}
ROW, TOP, BOTTOM, LEFT = 4.2, 15.0, 12.0, 56.0  # mm


@dataclass(frozen=True)
class Score:
    """A method's mean IoU with its 95 % interval."""

    mean: float
    low: float
    high: float


def scores(views: int) -> dict[str, Score]:
    """Of each stored entry that tells voxels from background in its own way."""
    rows = (row for name in RESULTS for row in stored(name)[1] if row["views"] == str(views))
    return {
        row["method"]: Score(*(float(row[key]) for key in ("iou", "low", "high")))
        for row in rows
        if not row["method"].startswith("soft_")
    }


def kind(needs: Needs, settings: dict) -> int:
    """Whom a method learns from."""
    fits = needs.one_job_per_patient or settings.get("refinement_steps", 0) > 0
    if needs.has_model:
        return BOTH if fits else TRAINED
    return FITTED if fits else NEITHER


def draw_column(axes: Axes, order: list[str], found: dict[str, Score]) -> None:
    """Means and intervals, and the baseline's mean through all rows."""
    axes.axvline(found[BASELINE].mean, color=style.MUTED, lw=0.8, ls=(0, (3, 2)), zorder=0)
    for place, entry in enumerate(order):
        if entry not in found:
            continue
        score, given = found[entry], study()[entry]
        _, colour, marker = KINDS[kind(given.needs, given.settings)]
        axes.plot([score.low, score.high], [place, place], color=colour, lw=1)
        axes.plot(score.mean, place, marker, color=colour, ms=3.6)
    axes.set(xlim=(-0.01, 0.9), ylim=(len(order) - 0.4, -0.6), xlabel="IoU")
    axes.set_yticks(range(len(order)))
    axes.grid(axis="x", lw=0.4, color="#dddddd")
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


@style.styled
def main() -> None:
    """Draw a column for each number of views, its rows ordered by IoU at the first."""
    found = {views: scores(views) for views in COUNTS}
    order = sorted(found[COUNTS[0]], key=lambda entry: -found[COUNTS[0]][entry].mean)
    height = TOP + BOTTOM + ROW * len(order)
    figure = style.new_figure(style.DOUBLE_COLUMN, height)
    width = (style.DOUBLE_COLUMN - LEFT - 8) / len(COUNTS)
    for column, views in enumerate(COUNTS):
        place = LEFT + column * (width + 4), BOTTOM, width - 2, height - TOP - BOTTOM
        axes = style.axes_in_mm(figure, *place)
        draw_column(axes, order, found[views])
        axes.set_title(f"{views} views", loc="left", fontweight="bold")
        titles = [study()[entry].title.removesuffix(FED) for entry in order]
        axes.set_yticklabels([] if column else titles)
    paper = style.canvas(figure)
    for number, (text, colour, marker) in enumerate(KINDS.values()):
        x = 4 + 44 * number
        paper.plot(x, height - 5, marker, color=colour, ms=4)
        paper.text(x + 2.5, height - 5, text, va="center", size=7)
    style.add_note(figure, "10 phantoms, not patients; maxima; one training seed; 95 % intervals")
    style.add_remark(figure, "dashed: visual hull; empty: not run at that number of views")
    figure.savefig(ROOT / "docs/all_methods.png", dpi=200)


if __name__ == "__main__":
    main()
