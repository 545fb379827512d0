"""Where errors sit: by calibre, by distance from the middle, and by the probability given."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..metrics.calibration import BINS
from .legends import blocks, four_panels
from .style import MUTED, Methods, method_looks, of_methods, require_columns, styled

# Title, which way is better, and what runs along the axes, of each profile.
PANELS = {
    "recall_by_calibre": (
        "Recall of the true centreline, higher is better",
        "Radius of the true artery (mm)",
        "Share that was found",
    ),
    "false_discovery_by_calibre": (
        "False discovery along the found centreline, lower is better",
        "Radius of the found artery (mm)",
        "Share outside the truth",
    ),
    "error_by_distance_to_middle": (
        "Error rate within vessels found or true, lower is better",
        "Distance from the middle of the volume (mm)",
        "Share found wrongly or missed",
    ),
    "reliability": (
        "Reliability of soft methods, best on the diagonal",
        "Probability given",
        "Share that is vessel",
    ),
}
RELIABILITY = "reliability"


@styled
def error_profiles(profiles: pd.DataFrame, methods: Methods, note: str = "") -> Figure:
    """Recall and false discovery by calibre, errors from the middle outwards, reliability.

    A line per method: the mean over all patients (and seeds), each weighted by its count. A bin
    that has no count in any patient is a gap. The reliability diagram leaves out methods that give
    no probability between the first bin and the last.

    Parameters
    ----------
    profiles : method, profile, bin, count, position, value; a row per patient and bin
        (`metrics.evaluate.profiles`), of one view count.
    methods : those that are shown, by name with title and family.
    note : small remark at the bottom.

    Raises
    ------
    ValueError : the table lacks a column.
    """
    columns = ["method", "profile", "bin", "count", "position", "value"]
    require_columns(profiles, columns, "profiles")
    found, remark = set(profiles["method"]), "means over patients, weighted by counts in a bin"
    looks = {name: look for name, look in method_looks(methods).items() if name in found}
    means = weighted_means(of_methods(profiles, methods))
    figure, panels = four_panels(blocks(methods, looks), note, remark)
    for axes, (profile, words) in zip(panels, PANELS.items(), strict=True):
        _lines(axes, means[means["profile"] == profile], looks)
        _label(axes, *words)
        if profile == RELIABILITY:
            axes.plot([0, 1], [0, 1], color=MUTED, lw=0.6, ls=":", zorder=0)
            axes.set_xlim(-0.02, 1.02)
        else:
            axes.set_xlim(left=0)
    return figure


def _label(axes: Axes, title: str, along: str, up: str) -> None:
    axes.set(ylim=(-0.02, 1.02), xlabel=along, ylabel=up)
    axes.set_title(title, loc="left", pad=5)
    axes.grid(color="0.92", lw=0.6)
    axes.set_axisbelow(True)


def weighted_means(profiles: pd.DataFrame) -> pd.DataFrame:
    """Position and value of each profile, method and bin: means by count over all that it has.

    Bins between the first and the last without any count are NaN. Methods that give only a
    probability of about 0 or 1 have no reliability.
    """
    counts = profiles["count"]
    sums = profiles.assign(position=profiles["position"] * counts, value=profiles["value"] * counts)
    sums = sums.groupby(["profile", "method", "bin"])[["count", "position", "value"]].sum()
    means = sums[["position", "value"]].div(sums["count"], axis=0)
    parts = []
    for (profile, method), part in means.groupby(["profile", "method"]):
        part = part.droplevel(["profile", "method"])
        if profile == RELIABILITY and set(part.index) <= {0, BINS - 1}:
            continue
        whole = part.reindex(range(part.index.min(), part.index.max() + 1))
        parts.append(whole.reset_index().assign(profile=profile, method=method))
    return pd.concat(parts, ignore_index=True)


def _lines(axes: Axes, means: pd.DataFrame, looks: Mapping[str, dict]) -> None:
    """Earlier methods on top and thinner: a soft one's mask may be that of its hard sibling."""
    for number, (method, look) in enumerate(looks.items()):
        line = means[means["method"] == method]
        share = min(1 / 9, 1 / len(looks)) * number
        size = {"lw": 0.9 + share, "ms": 3 + 2 * share, "zorder": 3 - share}
        if len(line):
            axes.plot(line["position"], line["value"], label=method, **look, **size)
    if means.empty:
        nothing = {"color": MUTED, "style": "italic", "ha": "center", "va": "center"}
        axes.text(0.5, 0.5, "no method to show", transform=axes.transAxes, **nothing)
