"""Tables of the study of angiograms: means, differences, lesions by size."""

import numpy as np
import pandas as pd
import pytest
from angiovox.reporting.angiogram_study import differences, lesion_recall, markdown, summary

RNG = np.random.default_rng(4)
SUBJECTS = [f"phantom-{number}" for number in range(9001, 9009)]


def rows(**of_method):
    """Rows of one point; of_method: Dice of each subject."""
    return pd.DataFrame(
        {"series": "reference", "point": "biplane", "group": "phantoms", "subject": subject}
        | {"method": method, "dice": value, "assd_mm": 1 - value}
        for method, values in of_method.items()
        for subject, value in zip(SUBJECTS, values, strict=True)
    )


@pytest.fixture
def two():
    first = RNG.uniform(0.3, 0.6, len(SUBJECTS))
    return rows(hull=first, sirt=first + RNG.normal(0.1, 0.02, len(SUBJECTS)))


def test_means_lie_in_their_intervals_and_count_subjects(two):
    means = summary(two, ["dice", "assd_mm"])
    assert len(means) == 4
    assert (means["n"] == len(SUBJECTS)).all()
    assert ((means["low"] < means["mean"]) & (means["mean"] < means["high"])).all()
    hull = means[(means["method"] == "hull") & (means["metric"] == "dice")].iloc[0]
    assert hull["mean"] == pytest.approx(two[two["method"] == "hull"]["dice"].mean())


def test_subjects_without_a_number_are_not_counted(two):
    two.loc[(two["method"] == "hull") & (two["subject"] == SUBJECTS[0]), "assd_mm"] = np.nan
    means = summary(two, ["assd_mm", "not measured"]).set_index("method")
    assert dict(means["n"]) == {"hull": len(SUBJECTS) - 1, "sirt": len(SUBJECTS)}


def test_differences_are_paired(two):
    """The methods' gap varies less than the subjects do."""
    (gap,) = differences(two, "dice").to_dict("records")
    assert (gap["first"], gap["second"], gap["n"]) == ("hull", "sirt", len(SUBJECTS))
    assert gap["low"] < gap["mean"] < gap["high"] < 0
    widths = summary(two, ["dice"]).eval("high - low")
    assert gap["high"] - gap["low"] < widths.min() / 2


def test_differences_do_not_depend_on_the_order_of_rows(two):
    first = differences(two, "dice")
    shuffled = two.groupby("method", sort=False).sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(first, differences(shuffled, "dice"))


def test_lesions_are_counted_by_kind_and_size():
    sizes = [3.2, 4.9, 5.0, 6.9, 7.1, 12.0]
    table = pd.DataFrame(
        {"series": "reference", "point": "biplane", "group": "phantoms", "method": "hull"}
        | {"subject": str(n), "kind": "aneurysm", "size_mm": size, "degree": np.nan}
        | {"recall": n / 10, "found": float(n >= 3)}
        for n, size in enumerate(sizes)
    )
    stenosis = table.iloc[[0]].assign(kind="stenosis", size_mm=6.0)
    found = lesion_recall(pd.concat([table, stenosis])).set_index(["kind", "size"])
    assert found["n"].sum() == len(sizes) + 1
    assert dict(found["n"]["aneurysm"]) == {"3 to 5 mm": 2, "5 to 7 mm": 2, "7 to 10 mm": 1} | {
        "from 10 mm": 1
    }
    assert found["found"]["aneurysm", "5 to 7 mm"] == 0.5
    assert found["recall"]["aneurysm", "3 to 5 mm"] == pytest.approx(0.05)
    assert found["n"]["stenosis", "5 to 8 mm"] == 1


def test_a_markdown_table_has_a_row_for_each_point_and_method(two):
    text = markdown(
        summary(two, ["dice"]), {"dice": "Dice"}, {"hull": "Hull", "sirt": "SIRT"}, ["biplane"]
    )
    lines = text.splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    assert "| SIRT | 8 |" in lines[3]
    assert " to " in lines[2]
