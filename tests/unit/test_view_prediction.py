"""What `benchmarks/view_prediction.py` scores, adds and writes."""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from angiovox.geometry.parallel_beam import projection_angles, view_indices
from angiovox.method import Measurement
from conftest import ROOT

sys.path.append(str(ROOT))

from benchmarks import view_prediction as benchmark
from benchmarks.view_prediction_data import HELD_OUT, OTHERS, Cohort, PoolExamples
from benchmarks.view_prediction_tables import GIVEN, difference_rows, markdown, worth_rows
from benchmarks.view_prediction_worth import COUNTS, measured, with_back_projections

FOLDER = ROOT / "benchmarks"
EDGE = 12


def small_cohort():
    """The geometry of a study, with one patient of noise."""
    cohort = object.__new__(Cohort)
    cohort.angles = projection_angles(90)
    images = np.random.default_rng(0).uniform(size=(90, EDGE, EDGE)).astype(np.float32)
    cohort.projections = lambda patient: images
    return cohort


def test_nobody_is_given_a_held_out_view_or_one_beside_it():
    given = np.concatenate([view_indices(90, count) for count in benchmark.COUNTS])
    assert np.abs(np.subtract.outer(HELD_OUT, given)).min() >= 3
    ten = view_indices(90, 10)
    assert all(((ten[:-1] < one) & (one < ten[1:])).sum() == 1 for one in HELD_OUT)


def test_the_other_views_are_those_that_ten_have_more_than_two():
    assert {*OTHERS} == {*view_indices(90, 10)} - {*view_indices(90, 2)}
    for count in COUNTS:
        assert not {*OTHERS} & {*view_indices(90, count)}


@pytest.mark.parametrize("added", ["predicted", "true", GIVEN])
def test_given_views_stay_and_predicted_ones_stand_beside_them(added):
    cohort = small_cohort()
    other = np.full((len(OTHERS), EDGE, EDGE), 7, np.float32)
    views = SimpleNamespace(others=lambda *asked: other)
    seen = measured(cohort, views, 3, added, "one")
    images, truth = seen.inputs["projections"], cohort.projections("one")
    chosen = np.round(seen.angles * 89 / 90).astype(int)
    is_given = np.isin(chosen, view_indices(90, 3))
    np.testing.assert_array_equal(images[is_given], truth[chosen[is_given]])
    assert (~is_given).sum() == (0 if added == GIVEN else len(OTHERS))
    if added == "predicted":
        assert (images[~is_given] == 7).all()
    else:
        np.testing.assert_array_equal(images, truth[chosen])
    assert not (truth == 7).any()


def test_back_projections_are_scaled_to_one():
    seen = small_cohort().measurement(small_cohort().projections("one"), [0, 44, 89])
    inputs = with_back_projections(seen).inputs
    assert {*inputs} == {"projections", "sum", "min"}
    for kind in ("sum", "min"):
        assert (inputs[kind].min(), inputs[kind].max()) == (0, 1)


def test_examples_of_the_pool_have_every_count_and_views_that_are_not_given():
    cohort = small_cohort()
    phantoms = [cohort.projections("one"), 2 * cohort.projections("one")]
    examples = PoolExamples(cohort, phantoms, (2, 5), seed=1)
    counts = [len(given.angles) for given, _ in examples]
    assert counts == [2, 5, 2, 5]
    for number, (given, wanted) in enumerate(examples):
        assert (len(wanted.angles), {*given.angles} & {*wanted.angles}) == (10, set())
        again = examples[number][1]
        np.testing.assert_array_equal(again.angles, wanted.angles)
    drawn = [examples.drawn(0, np.random.default_rng(seed))[1].angles for seed in (1, 2)]
    assert not np.array_equal(*drawn)
    with pytest.raises(IndexError):
        examples[4]


def test_predicted_views_are_kept_and_split(tmp_path, monkeypatch):
    """What is asked for a second time is read, and nothing is shown to a predictor but views."""
    cohort, asked = small_cohort(), []

    def predicted(predictor, patient, state, given: Measurement, wanted, context):
        asked.append(patient)
        assert not wanted.inputs
        return np.repeat(np.float32(wanted.angles)[:, None, None], EDGE, 1)

    monkeypatch.setattr(benchmark, "predict", predicted)
    views = benchmark.Views(cohort, tmp_path)
    held_out, _ = views.held_out("nearest_view", 2, "one")
    others = views.others("nearest_view", 2, "one")
    np.testing.assert_array_equal(held_out[:, 0, 0], np.float32(cohort.angles[list(HELD_OUT)]))
    np.testing.assert_array_equal(others[:, 0, 0], np.float32(cohort.angles[list(OTHERS)]))
    assert asked == ["one"]


def test_tables_have_paired_differences_with_marks():
    rng = np.random.default_rng(0)
    base = rng.uniform(0.4, 0.6, 8)
    scores = {"grey_hull": base, "npbg": base + 0.1 + rng.normal(0, 0.01, 8), "nearest_view": base}
    rows = pd.DataFrame(
        {"predictor": name, "patient": patient, "psnr": v, "ssim": v, "dice": v}
        for name, values in scores.items()
        for patient, v in zip("abcdefgh", values, strict=True)
    )
    found = {row["predictor"]: row["Dice"] for row in difference_rows(rows)}
    gain = (scores["npbg"] - base).mean()
    assert found["NPBG"].startswith(f"{gain:+.3f} (") and found["NPBG"].endswith("▲")
    assert found["Nearest given view"] == "+0.000"


def test_the_worth_of_views_has_the_p_of_signed_ranks():
    base = np.linspace(0.2, 0.4, 8)
    values = {GIVEN: base, "npbg_plus_plus": base + np.linspace(0.01, 0.02, 8), "true": base}
    rows = pd.DataFrame(
        {"method": "hull", "views": 2, "added": added, "patient": patient, "iou": value}
        for added, of_patients in values.items()
        for patient, value in zip("abcdefgh", of_patients, strict=True)
    )
    cells = [row["Visual hull"] for row in worth_rows(rows, "iou")]
    assert cells[0].startswith("0.300 (")
    assert cells[1].startswith("+0.015 (") and cells[1].endswith("p = 0.0078")  # 2 / 2^8
    assert cells[2] == "+0.000, p = 1"


def test_the_committed_tables_follow_from_the_committed_numbers():
    text = (FOLDER / "view_prediction.md").read_text(encoding="utf-8")
    assert text == markdown(FOLDER / "view_prediction.csv", FOLDER / "view_prediction_worth.csv")


def test_the_page_has_the_numbers_of_the_tables():
    text = (FOLDER / "view_prediction.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "view_prediction.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("|")]
    cells = [cell.strip() for line in lines for cell in line.split("|")[2:-1]]
    numbers = [cell for cell in cells if re.search(r"\d to [+-]?\d", cell)]
    assert len(numbers) == 2 * 40 + 4 * 12
    assert not [cell for cell in numbers if cell not in text]
