"""The figure of a transfer: a panel for each method, a line for each group."""

import numpy as np
import pandas as pd
import pytest
from angiovox.figures.style import DOUBLE_COLUMN, MM, PAGE_HEIGHT
from angiovox.figures.transfer import OWN, group_looks, transfer
from matplotlib.colors import to_hex

VIEWS = (90, 10, 2)
GROUPS = {"test": "test phantoms", "trees": "traced trees", "clinic": "angiograms"}


def methods(count):
    return {
        f"m{number}": {
            "title": f"Method {number} with a title of some length",
            "family": f"f{number % 3}",
        }
        for number in range(count)
    }


def table(count, groups=GROUPS):
    rows = [
        (f"m{number}", views, group, 5, mean, mean - 0.05, mean + 0.05)
        for number in range(count)
        for views in (VIEWS if number else VIEWS[-1:])
        for group, mean in zip(groups, np.linspace(0.7, 0.4, len(groups)), strict=True)
    ]
    names = ["method", "views", "group", "patients", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=names)


@pytest.mark.parametrize("count", [1, 2, 6, 9, 20])
def test_each_method_has_a_panel_within_the_page_and_a_line_for_each_group(count):
    figure = transfer(table(count), methods(count), GROUPS, "note")
    width, height = figure.get_size_inches() / MM
    assert width == pytest.approx(DOUBLE_COLUMN) and height <= PAGE_HEIGHT + 1
    titles = {axes.get_title(loc="left").replace("\n", " ") for axes in figure.axes}
    assert titles == {known["title"] for known in methods(count).values()}
    assert all(len(axes.containers) == len(GROUPS) for axes in figure.axes)
    boxes = [axes.get_position() for axes in figure.axes]
    assert all(0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1 for box in boxes)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [f"{title} (n = 5)" for title in GROUPS.values()]


def test_means_are_where_the_table_has_them_and_the_studys_own_are_black():
    given = table(3)
    figure = transfer(given, methods(3), GROUPS)
    axes = next(a for a in figure.axes if "Method 1" in a.get_title(loc="left"))
    for container, group in zip(axes.containers, GROUPS, strict=True):
        line = container.lines[0]
        expected = given.query("method == 'm1' and group == @group").sort_values("views")["mean"]
        np.testing.assert_allclose(line.get_ydata(), expected)
        assert (to_hex(line.get_color()) == "#000000") == (group == "test")


def test_a_group_without_a_value_has_no_line_and_no_entry():
    given = table(2)
    figure = transfer(given[given["group"] != "clinic"], methods(2), GROUPS)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        "test phantoms (n = 5)",
        "traced trees (n = 5)",
    ]


def test_many_groups_are_told_apart():
    groups = {f"g{number}": f"group {number}" for number in range(10)}
    looks = group_looks(groups)
    assert looks["g0"] == OWN
    assert len({(look["color"], look["marker"]) for look in looks.values()}) == len(groups)
    transfer(table(4, groups), methods(4), groups)


def test_a_table_without_a_column_is_refused():
    with pytest.raises(ValueError, match="table: no column group"):
        transfer(table(2).drop(columns="group"), methods(2), GROUPS)
