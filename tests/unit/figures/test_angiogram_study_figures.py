"""Figures of the study of angiograms show what their tables have."""

import numpy as np
import pandas as pd
import pytest
from angiovox.figures.angiogram_study import against, lesions, second_view

METHODS = {
    "hull": {"title": "Visual hull", "family": "Visual hull"},
    "sirt": {"title": "SIRT with support", "family": "SIRT"},
}
NOTE = "Phantoms, n = 6"


def means(points):
    return pd.DataFrame(
        {"point": point, "method": method, "metric": metric, "mean": mean}
        | {"low": mean - 0.1, "high": mean + 0.1}
        for place, point in enumerate(points)
        for method, mean in (("hull", 0.3 + place / 10), ("sirt", 0.4 + place / 10))
        for metric in ("dice", "cldice")
    )


@pytest.mark.parametrize(("points", "scale"), [((0, 1, 5), "linear"), ((1e4, 1e6), "log")])
def test_each_metric_has_a_panel_with_the_means_of_each_method(points, scale):
    labels = [("dice", "Dice"), ("cldice", "clDice")]
    figure = against(means(points), METHODS, labels, "Pose error (degrees)", NOTE)
    assert [axes.get_ylabel() for axes in figure.axes] == ["Dice", "clDice"]
    for axes in figure.axes:
        assert axes.get_xscale() == scale
        assert [text.get_text() for text in axes.get_xticklabels()] == [f"{p:g}" for p in points]
        first, second = (bars.lines[0] for bars in axes.containers)
        np.testing.assert_allclose(first.get_ydata(), 0.3 + np.arange(len(points)) / 10)
        assert (first.get_xdata() != second.get_xdata()).all()
    assert NOTE in [text.get_text() for text in figure.texts]


def test_a_table_without_a_column_is_refused():
    with pytest.raises(ValueError, match="no column high"):
        against(means((0, 1)).drop(columns="high"), METHODS, [("dice", "Dice")], "", NOTE)


def test_lesions_stand_by_size_with_their_number():
    recall = pd.DataFrame(
        {"method": method, "kind": kind, "size": size, "n": n, "found": found}
        for method, found in (("hull", 0.25), ("sirt", 0.5))
        for kind, size, n in (
            ("aneurysm", "3 to 5 mm", 4), ("aneurysm", "5 to 7 mm", 2), ("stenosis", "3 to 5 mm", 5)
        )
    )  # fmt: skip
    figure = lesions(recall, METHODS, NOTE)
    assert [axes.get_title() for axes in figure.axes] == ["aneurysm", "stenosis"]
    labels = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert labels == ["3 to 5 mm\nn = 4", "5 to 7 mm\nn = 2"]
    heights = [[bar.get_height() for bar in bars] for bars in figure.axes[0].containers]
    assert heights == [[0.25, 0.25], [0.5, 0.5]]


def test_the_map_of_a_second_view_has_secondary_angles_upwards():
    lattice = [(p, s, p / 100 + s / 1000) for p in (30, 60, 90) for s in (-20, 20)]
    table = pd.DataFrame(lattice, columns=["primary", "secondary", "mean"])
    figure = second_view(table, (0.0, 0.0), "Dice", NOTE)
    shown = figure.axes[0].images[0].get_array()
    assert shown.shape == (2, 3)
    assert shown[1, 2] == pytest.approx(0.92)
    assert figure.axes[0].images[0].origin == "lower"
    with pytest.raises(ValueError, match="not every pair"):
        second_view(table.iloc[1:], (0.0, 0.0), "Dice", NOTE)
