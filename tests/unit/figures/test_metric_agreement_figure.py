"""The figure of metrics that disagree: for any number of methods, with and without a pair."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from angiovox.figures.metric_agreement import LABELS, metric_agreement
from angiovox.figures.misleading_pair import FOUND, INVENTED, MISSED, NO_PAIR, Pair
from angiovox.figures.style import DOUBLE_COLUMN, MM, PAGE_HEIGHT
from angiovox.metrics import agreement
from angiovox.metrics.registry import METRICS
from matplotlib.colors import to_hex
from matplotlib.text import Text

NAMES = tuple(f"m{number}" for number in range(9))
TWENTY = tuple(f"m{number}" for number in range(20))
METHODS = {
    name: {"title": f"Method {name} with a title", "family": f"Family {number // 3}"}
    for number, name in enumerate(TWENTY)
}


def measured(names=NAMES, patients=6, metrics=agreement.COMPARED):
    rng = np.random.default_rng(0)
    rows = [
        (name, 2, 1, f"P{patient}", metric, rng.uniform(0.1, 0.9))
        for name in names
        for patient in range(patients)
        for metric in metrics
    ]
    table = pd.DataFrame(rows, columns=["method", "views", "seed", "patient", "metric", "value"])
    return agreement.oriented(table, [*names], 2)


def a_pair(values):
    """The first method lost the branch, the second one has it elsewhere too."""
    truth = np.zeros((20, 20, 20), dtype=bool)
    truth[8:11, 8:11, 1:19] = True
    truth[11:18, 9, 9] = True
    lost, kept = truth.copy(), truth.copy()
    lost[11:18] = False
    kept[2:8, 9, 15] = True
    names = list(values.columns[:2])
    found = dict(zip(names, (lost, kept), strict=True))
    scores = agreement.of_patient(values, "P0")
    return Pair("P0", *names, truth, found, np.array([0.5, 0.5, 1.0]), scores)


@cache
def drawn(names=NAMES, with_pair=True, **options):
    values = measured(names, **options)
    pair = a_pair(values) if with_pair else None
    return metric_agreement(values, METHODS, pair, "a note"), values


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("names", [NAMES, TWENTY])
def test_it_is_as_wide_as_a_page_and_fits_on_one(names):
    figure, _ = drawn(names)
    width, height = figure.get_size_inches() / MM
    assert width == pytest.approx(DOUBLE_COLUMN) and height <= PAGE_HEIGHT + 1e-6


@pytest.mark.parametrize("count", [1, 2, 9, 20])
def test_words_stay_on_the_page_and_off_each_other(count):
    figure, _ = drawn(TWENTY[:count], with_pair=count > 1)
    figure.draw_without_rendering()
    width, height = figure.bbox.width, figure.bbox.height
    texts = [text for owner in (figure, *figure.axes) for text in owner.texts]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    for number, (text, box) in enumerate(boxes):
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
        for other_text, other in boxes[number + 1 :]:
            assert not box.padded(-2).overlaps(other.padded(-2)), (text, other_text)


def test_ranks_taus_and_shares_are_those_of_the_values():
    figure, values = drawn()
    ranked, taus = agreement.ranks(values), agreement.kendall(agreement.ranks(values))
    ranks, matrix, misled = figure.axes[2:5]
    lines = {line.get_label(): line.get_ydata() for line in ranks.lines}
    for name in NAMES:
        np.testing.assert_allclose(lines[name], ranked[name])
    (image,) = matrix.images
    shown = np.ma.filled(image.get_array(), 1)  # the diagonal is left blank
    np.testing.assert_allclose(shown, taus)
    markers = [line for line in misled.lines if line.get_marker() == "o"]
    shares = [float(line.get_xdata()[0]) for line in markers]
    np.testing.assert_allclose(shares, 100 * agreement.misled(values)["share"])


def test_metrics_that_are_not_measured_have_no_column():
    few = ("slice_ssim", "iou", agreement.FOUND, agreement.REAL)
    figure, values = drawn(with_pair=False, metrics=few)
    said = " ".join(words(figure))
    assert tuple(agreement.ranks(values).index) == few
    assert "Held-out" not in said and LABELS["pixel_accuracy"] not in said
    with pytest.raises(ValueError, match="no metric"):
        drawn(with_pair=False, metrics=("hd95_mm",))


def test_the_pair_shows_what_was_found_missed_and_invented():
    figure, values = drawn()
    pair = a_pair(values)
    pictures = [axes for axes in figure.axes[5:] if axes.images]
    counts = [
        {
            to_hex(line.get_color()): len(line.get_xdata())
            for line in axes.lines
            if line.get_marker() == "s"
        }
        for axes in pictures
    ]
    truth, preferred, better = counts
    found, missed, invented = map(to_hex, (FOUND, MISSED, INVENTED))
    assert truth[missed] == truth[invented] == 0 < truth[found]
    assert preferred[missed] > 0 == preferred[invented]
    assert better[missed] == 0 < better[invented]
    assert preferred[found] + preferred[missed] == truth[found] == better[found]
    said = words(figure)
    assert any(text.startswith("P0: PSNR and SSIM") for text in said)
    assert all(METRICS[name].title in said for name in pair.scores.index)


def test_the_preferred_value_is_bold_whichever_way_is_better():
    figure, values = drawn()
    scores = a_pair(values).scores
    bold = {t.get_text() for t in figure.findobj(Text) if t.get_weight() == "bold"}
    for metric in ("slice_ssim", "slice_gmsd"):
        pair = scores.loc[metric].iloc[:2]
        best = pair.min() if metric == "slice_gmsd" else pair.max()
        worst = pair.max() if metric == "slice_gmsd" else pair.min()
        assert f"{best:.3f}" in bold and f"{worst:.3f}" not in bold


def test_it_says_so_where_there_is_no_pair():
    assert NO_PAIR in words(drawn(with_pair=False)[0])
    assert NO_PAIR not in words(drawn()[0])
