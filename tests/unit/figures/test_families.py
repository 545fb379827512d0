"""Methods in figures: colour and marker say the family, line and filling the member."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from angiovox.figures import curves, error_profiles, learning, legends, quality, style
from matplotlib.text import Text

SIZES = (2, 2, 1, 4, 2, 3, 4, 2)  # of families
TWENTY = {
    f"m{family}{member}": {
        "title": f"Method {family}.{member}, with a setting of its own",
        "family": f"Family {family}",
    }
    for family, size in enumerate(SIZES)
    for member in range(size)
}
VIEWS = (90, 46, 24, 10, 5, 3, 2)
PUBLISHED = pd.DataFrame({"views": VIEWS, "iou": np.linspace(0.6, 0.2, len(VIEWS))})
RNG = np.random.default_rng(0)
BOARD = pd.DataFrame(
    [
        (metric, name, views, mean, mean - 0.03, mean + 0.03)
        for name, mean in zip(TWENTY, RNG.uniform(0.1, 0.9, 20), strict=True)
        for metric in quality.SHOWN
        for views in VIEWS
    ],
    columns=["metric", "method", "views", "mean", "low", "high"],
)
IOU = BOARD[BOARD["metric"] == "iou"]
PROFILES = pd.DataFrame(
    [
        (name, profile, number, 10, number / 10, number / 10)
        for name in TWENTY
        for profile in error_profiles.PANELS
        for number in range(5)
    ],
    columns=["method", "profile", "bin", "count", "position", "value"],
)
HISTORY = pd.DataFrame(
    [(name, views, 1, e, 1 / e, 1 - 1 / e) for name in TWENTY for views in (9, 2) for e in (1, 2)],
    columns=["method", "views", "seed", "epoch", "loss", "iou"],
)
DRAW = {
    "iou_by_views": lambda methods: curves.iou_by_views(IOU, PUBLISHED, methods, "note"),
    "quality_by_views": lambda methods: quality.quality_by_views(BOARD, PUBLISHED, methods, "note"),
    "error_profiles": lambda methods: error_profiles.error_profiles(PROFILES, methods, "note"),
    "learning_curves": lambda methods: learning.learning_curves(HISTORY, methods, "note"),
}
WITH_LEGEND = [name for name in DRAW if name != "learning_curves"]
FEW = {name: TWENTY[name] for name in ("m00", "m31", "m33", "m72") if name in TWENTY}


def look(name, methods=TWENTY):
    """What can be seen of a method: colour, marker, line, filling."""
    own = style.method_looks(methods)[name]
    return tuple(str(own[key]) for key in ("color", "marker", "ls", "fillstyle", "markerfacecolor"))


def legend_texts(figure):
    """All that the legends beside the panels say."""
    own = [axes for axes in figure.axes if axes.get_label() == "legend"]
    return [text.get_text().replace("\n", " ") for axes in own for text in axes.texts]


def test_methods_are_grouped_in_order_of_first_appearance():
    mixed = {name: TWENTY[name] for name in ("m10", "m00", "m11", "m01")}
    assert style.families(mixed) == {"Family 1": ["m10", "m11"], "Family 0": ["m00", "m01"]}
    assert [*style.method_looks(mixed)] == ["m10", "m11", "m00", "m01"]


def test_a_family_has_one_colour_and_marker_and_no_other_has_both():
    kinds = {}
    for name, known in TWENTY.items():
        kinds.setdefault(known["family"], set()).add(look(name)[:2])
    assert all(len(kind) == 1 for kind in kinds.values())
    assert len(set.union(*kinds.values())) == len(SIZES)


@pytest.mark.parametrize("families", [1, 8, 12, 40])
@pytest.mark.parametrize("members", [1, 4, 24])
def test_no_two_methods_look_the_same(families, members):
    many = {
        f"{family}-{member}": {"title": "", "family": str(family)}
        for family in range(families)
        for member in range(members)
    }
    assert len({look(name, many) for name in many}) == len(many)


def test_members_differ_in_line_and_in_marker():
    """So that those at one view count, which have no line, are told apart, and lines are too."""
    four = [look(f"m3{member}") for member in range(4)]
    for first, second in combinations(four, 2):
        assert first[2] != second[2] and first[3:] != second[3:]


@pytest.mark.parametrize("name", WITH_LEGEND)
@pytest.mark.parametrize("methods", [TWENTY, FEW], ids=["twenty", "few"])
def test_the_legend_holds_exactly_the_families_and_members_that_are_shown(name, methods):
    expected = [
        text
        for family, members in style.families(methods).items()
        for text in (family, *(methods[member]["title"] for member in members))
    ]
    published = ["Published, other data", "Wu et al. 2023"] * (name == "quality_by_views")
    assert legend_texts(DRAW[name](methods)) == expected + published


@pytest.mark.parametrize("name", WITH_LEGEND)
def test_a_figure_shows_the_methods_that_it_is_given_and_no_others(name):
    figure = DRAW[name](FEW)
    panels = [axes for axes in figure.axes if axes.get_label() != "legend"]
    drawn = {
        artist.get_label()
        for axes in panels
        for artist in (*axes.lines, *axes.containers)
        if artist.get_label() in TWENTY
    }
    assert drawn == {*FEW}


def test_learning_curves_have_titles_of_what_is_shown_in_the_familys_colour():
    titles = [axes.title for axes in DRAW["learning_curves"](FEW).axes if axes.get_title()]
    shown = {" ".join(title.get_text().split()): title.get_color() for title in titles}
    assert shown == {TWENTY[name]["title"]: look(name, FEW)[0] for name in FEW}


@pytest.mark.parametrize("name", DRAW)
@pytest.mark.parametrize("methods", [TWENTY, FEW], ids=["twenty", "few"])
def test_a_figure_fits_its_page_and_nothing_covers_anything_else(name, methods):
    figure = DRAW[name](methods)
    assert figure.get_size_inches()[1] * 25.4 <= style.PAGE_HEIGHT + 1e-6
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox().padded(-1) for axes in figure.axes]
    for number, box in enumerate(boxes):
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])
    words = [text for text in figure.findobj(Text) if text.get_text() and text.axes is not None]
    legend = [text for text in words if text.axes.get_label() == "legend"]
    boxes = [text.get_window_extent().padded(-1) for text in legend]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_methods_stand_apart_but_nearer_to_their_view_count_than_to_the_next():
    (panel, *_) = (
        axes for axes in DRAW["quality_by_views"](TWENTY).axes if axes.get_label() != "legend"
    )
    places = np.array(
        [container.lines[0].get_xdata() for container in panel.containers], dtype=float
    )
    assert places.shape == (20, len(VIEWS)) and len(set(places[:, 0])) == 20
    counts = np.sort(VIEWS)
    nearest = np.abs(np.log(places[..., None] / counts)).argmin(axis=-1)
    assert (nearest == np.arange(len(VIEWS))).all()


@pytest.mark.parametrize("columns", [1, 2, 3, 8, 20])
def test_a_legend_divides_no_family_and_is_lower_the_more_columns_it_has(columns):
    groups = legends.blocks(TWENTY, TWENTY)
    found, fewer = legends.in_columns(groups, columns), legends.in_columns(groups, 1)
    assert [block for column in found for block in column] == groups
    assert 1 <= len(found) <= columns and len(fewer) == 1
    assert legends.height_of(found) <= legends.height_of(fewer)


def test_a_long_label_is_wrapped_and_loses_no_word():
    (block,) = legends.blocks({"a": {"title": "word " * 30, "family": "F"}}, "a")
    narrow = block.within(60)
    assert narrow.lines > block.lines and narrow.height > block.height
    assert narrow.entries[0][0].split() == block.entries[0][0].split()
    assert legends.LETTER * max(map(len, narrow.entries[0][0].split("\n"))) < 60 - legends.HANDLE
