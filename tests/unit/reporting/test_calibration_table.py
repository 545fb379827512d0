"""What calibration mends: gathered by model, shown by method and number of views."""

import json

import pandas as pd
import pytest
from angiovox.reporting.calibration_table import before_and_after, calibration_table, remark


@pytest.fixture
def files(tmp_path):
    """Files of one model for two view counts, and of one for a single count, by seed."""

    def write(name, **errors):
        found = {
            views.strip("v"): {
                "vessel": 2.0,
                "background": 0.5,
                "patients": 3,
                "error": before,
                "error_calibrated": after,
            }
            for views, (before, after) in errors.items()
        }
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(found))
        return path

    return [
        write("soft", v2=(0.5, None)),
        write("unet-1", v2=(0.2, 0.1), v10=(0.4, 0.2)),
        write("unet-2", v2=(0.4, 0.1), v10=(0.4, 0.4)),
    ]


RUNS = ["soft 1", "unet 1", "unet 2"]


def test_a_row_for_each_method_seed_and_number_of_views_most_views_first(files):
    table = calibration_table(files, RUNS)
    keys = list(table[["method", "views", "seed"]].itertuples(index=False, name=None))
    assert keys == [
        ("soft", 2, 1),
        *(("unet", views, seed) for views in (10, 2) for seed in (1, 2)),
    ]
    assert (table["vessel"] == 2).all() and (table["background"] == 0.5).all()


def test_both_errors_are_shown_as_means_over_seeds(files):
    shown = before_and_after(calibration_table(files, RUNS))
    assert list(shown.columns) == [10, 2]
    assert shown.loc["unet"].tolist() == ["0.400 → 0.300", "0.300 → 0.100"]
    assert shown.loc["soft", 2] == "0.500 → not measured"
    assert "3 patients" in remark(calibration_table(files, RUNS))


def test_without_calibration_there_is_a_table_without_rows():
    table = calibration_table([], [])
    assert table.empty and {"method", "views", "error", "error_calibrated"} <= set(table)
    assert isinstance(table, pd.DataFrame)
