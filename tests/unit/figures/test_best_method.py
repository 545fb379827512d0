"""Figure 4's companion and the poster: who stands there, and what is said of whom."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from angiovox.figures import best_method, poster, style
from angiovox.figures.best_method import Row, SurfaceRows, beside_the_best
from angiovox.geometry.affine import isotropic_affine
from angiovox.io import nifti
from matplotlib.image import imread
from matplotlib.text import Text

EDGE = 16
AFFINE = isotropic_affine((EDGE,) * 3, 1.0)
METHODS = {
    "dae": {"title": "The paper's", "family": "Networks"},
    "other": {"title": "The other", "family": "Others"},
    "hull": {"title": "Visual hull", "family": "Hulls"},
}
NOTE = "tested on 10 phantoms"


def ball(radius: float) -> np.ndarray:
    place = np.indices((EDGE,) * 3) - EDGE / 2
    return np.sum(place**2, axis=0) <= radius**2


def board(**means: float) -> pd.DataFrame:
    """IoU of methods at 10 and 2 views, with another metric that ranks them the other way."""
    rows = [
        (metric, views, name, sign * mean, sign * mean - 0.05, sign * mean + 0.05, mark)
        for metric, sign in (("iou", 1), ("assd_mm", -1))
        for views in (10, 2)
        for name, mean in means.items()
        for mark in ["better" if mean > means.get("hull", 1) else "worse"]
    ]
    columns = ["metric", "views", "method", "mean", "low", "high", "versus_hull_mark"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def files(tmp_path):
    """Of each method at 10 and 2 views a ball; the other's are nearer to the truth."""
    found = {}
    for name, radius in (("dae", 2), ("other", 5), ("hull", 7)):
        for views in (10, 2):
            path = tmp_path / f"{name}-{views}.nii.gz"
            nifti.save_volume(path, ball(radius).astype(np.float32), AFFINE)
            found[f"{name} {views}"] = path
    return found


@pytest.mark.parametrize(("best", "means"), [("other", (0.2, 0.5, 0.4)), ("hull", (0.6, 0.3, 0.4))])
def test_the_best_of_the_others_stands_below_the_papers_network(files, best, means):
    truth = ball(5)
    given = board(**dict(zip(METHODS, means, strict=True)))
    rows = beside_the_best(given, "dae", files, METHODS, truth)
    assert [row.title for row in rows] == ["The paper's", METHODS[best]["title"]]
    assert all(sorted(row.found) == [2, 10] for row in rows)
    expected = ball(2).sum() / truth.sum()
    assert rows[0].ious == {10: pytest.approx(expected), 2: pytest.approx(expected)}
    assert (rows[1].ious[2] == 1) == (best == "other")


def test_the_best_is_that_of_the_fewest_views_that_all_have(files):
    given = board(dae=0.1, other=0.5, hull=0.4)
    given.loc[(given["views"] == 10) & (given["method"] == "hull"), "mean"] = 0.9
    rows = beside_the_best(given, "dae", files, METHODS, ball(5))
    assert rows[1].title == "The other"
    del files["other 2"]
    rows = beside_the_best(given, "dae", files, METHODS, ball(5))
    assert rows[1].title == "Visual hull"


def test_the_papers_network_may_stand_alone(files):
    own = {run: path for run, path in files.items() if run.startswith("dae")}
    rows = beside_the_best(board(dae=0.1), "dae", own, METHODS, ball(5))
    assert [row.title for row in rows] == ["The paper's"]


def test_a_method_without_an_iou_is_refused(files):
    with pytest.raises(ValueError, match="no IoU at 2 views of other, hull"):
        beside_the_best(board(dae=0.1), "dae", files, METHODS, ball(5))


@pytest.mark.parametrize(
    ("found", "ious", "words"),
    [
        ({2: ball(3)[1:]}, {2: 1.0}, "mine, 2 views: shape"),
        ({2: ball(3)}, {}, "mine, 2 views: no IoU"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(found, ious, words):
    with pytest.raises(ValueError, match=words):
        SurfaceRows(ball(3), [Row("mine", found, ious)], AFFINE)


def said(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_a_view_count_that_a_method_lacks_has_no_panel():
    ious = {10: 0.5, 2: 0.25}
    whole = Row("whole", {10: ball(3), 2: ball(4)}, ious)
    half = Row("half", {2: ball(3)}, ious)
    words = said(best_method.best_method(SurfaceRows(ball(3), [whole, half], AFFINE)))
    assert {"Truth", "10 views", "2 views", "whole", "half"} <= set(words)
    assert words.count("IoU 0.50") == 1 and words.count("IoU 0.25") == 2


def test_an_empty_reconstruction_is_called_so():
    nothing = np.zeros((EDGE,) * 3)
    rows = SurfaceRows(nothing, [Row("mine", {2: nothing}, {2: 0.0})], AFFINE)
    assert said(best_method.best_method(rows)).count("empty") == 2


# The poster


@pytest.fixture(scope="module")
def sheet():
    volume, truth = 1.0 * ball(5), ball(5)
    rows = [
        Row(METHODS[name]["title"], {10: ball(radius), 2: ball(radius)}, {10: 0.5, 2: 0.25})
        for name, radius in (("dae", 2), ("other", 5))
    ]
    patient = poster.Patient(
        volume, truth, volume[:3], 90, {10: volume, 2: volume}, AFFINE, "maximum"
    )
    given = board(dae=0.2, other=0.5, hull=0.4)
    published = pd.DataFrame({"views": [90, 2], "iou": [0.57, 0.27]})
    return poster.poster(
        patient, SurfaceRows(truth, rows, AFFINE, volume), given, published, METHODS, NOTE
    )


def test_the_poster_says_what_it_shows(sheet):
    words = said(sheet)
    assert {NOTE, "From 10 views", "From 2 views", "4  Every method at 2 views"} <= set(words)
    assert "3 of 90 maximum intensity projections" in words
    assert {method["title"] for method in METHODS.values()} <= set(words)


def test_words_of_the_poster_stay_on_it_and_off_each_other(sheet):
    sheet.draw_without_rendering()
    boxes = [(t.get_text(), t.get_window_extent()) for axes in sheet.axes for t in axes.texts]
    for number, (text, box) in enumerate(boxes):
        assert sheet.bbox.x0 <= box.x0 and box.x1 <= sheet.bbox.x1, text
        assert sheet.bbox.y0 <= box.y0 and box.y1 <= sheet.bbox.y1, text
        for other_text, other in boxes[number + 1 :]:
            assert not box.padded(-2).overlaps(other.padded(-2)), (text, other_text)
    panels = [axes for axes in sheet.axes if axes.get_xlabel()]
    assert len(panels) == 2
    first, second = (axes.get_tightbbox() for axes in panels)
    assert not first.overlaps(second) and second.x1 <= sheet.bbox.x1


def test_the_poster_is_an_a3_sheet(sheet, tmp_path):
    style.save(sheet, tmp_path / "poster.png", tmp_path / "poster.pdf")
    height, width = imread(tmp_path / "poster.png").shape[:2]
    assert (width, height) == pytest.approx((420 / 25.4 * 300, 297 / 25.4 * 300), abs=2)


def ious(**means: float) -> pd.DataFrame:
    given = board(**means)
    return given[given["metric"] == "iou"]


def test_sentences_name_the_best_and_count_who_beats_the_hull():
    first, second, *_ = poster.sentences(ious(dae=0.2, other=0.5, hull=0.4), 2, METHODS)
    assert first == (
        "From 2 views: The other has the highest mean IoU, 0.50 (0.45 to 0.55); "
        "The paper's has 0.20; Visual hull has 0.40."
    )
    assert second == (
        "Better than the visual hull from 2 views: 1 of 2 other methods; worse: 1; "
        "no difference is shown: 0."
    )


def test_sentences_say_where_no_difference_is_shown():
    given = ious(dae=0.2, other=0.5, hull=0.4)
    given.loc[given["method"] == "other", "versus_hull_mark"] = "tie"
    assert poster.sentences(given, 2, METHODS)[1].endswith("no difference is shown: 1.")


def test_without_the_hull_nothing_is_said_of_it():
    given = ious(dae=0.2, other=0.5).drop(columns="versus_hull_mark")
    assert not any("hull" in sentence for sentence in poster.sentences(given, 2, METHODS))
