"""Pages and figures that are made of stored results."""

import angiogram_study_page
import draw_methods
import pytest
from angiovox.reporting import angiogram_study as tables


def test_the_angiogram_studys_tables_are_those_of_its_stored_trials():
    trials = angiogram_study_page.stored_table(angiogram_study_page.TRIALS)
    means = tables.summary(trials, angiogram_study_page.METRICS)
    text = angiogram_study_page.PAGE.read_text(encoding="utf-8")
    made = angiogram_study_page.parts(means)
    assert {f"series: {name}" for name in set(trials["series"]) - {"reference"}} < set(made)
    for name, part in made.items():
        assert f"<!-- {name} -->\n{part}\n<!-- end -->" in text, name


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("hull", draw_methods.NEITHER),
        ("unet", draw_methods.TRAINED),
        ("gaussians", draw_methods.FITTED),
        ("consistent", draw_methods.BOTH),
        ("nerp", draw_methods.BOTH),
    ],
)
def test_the_figure_of_all_methods_says_whom_each_learns_from(entry, expected):
    given = draw_methods.study()[entry]
    assert draw_methods.kind(given.needs, given.settings) == expected


@pytest.mark.parametrize("views", draw_methods.COUNTS)
def test_the_figure_of_all_methods_has_the_baseline_and_each_mean_within_its_interval(views):
    found = draw_methods.scores(views)
    assert draw_methods.BASELINE in found
    assert all(one.low <= one.mean <= one.high for one in found.values())
