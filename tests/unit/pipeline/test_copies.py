"""One patient under two ids is refused across the split, and a warning within one side."""

import json

import pytest
from angiovox.errors import InputError
from angiovox_pipeline.preflight import copies

SPLITS = {"a": "train", "b": "train", "c": "calibration", "NA": "test", "d": "group clinic"}


@pytest.fixture
def found(tmp_path):
    """A function of digests by patient, which differ where none are given; pairs found in files."""

    def pairs(**digests):
        paths = []
        for name in SPLITS:
            own = {"volume": f"volume of {name}", "series": f"series of {name}"}
            paths.append(tmp_path / f"{name}.json")
            paths[-1].write_text(json.dumps(own | digests.get(name, {})))
        return copies.same_patients(SPLITS, paths)

    return pairs


def test_different_patients_pass(found):
    assert copies.check(found(), SPLITS, "cohort.leave_out") == []


@pytest.mark.parametrize("kind", ["volume", "series"])
@pytest.mark.parametrize(
    "pair", [("a", "c"), ("b", "NA"), ("c", "NA"), ("a", "d"), ("NA", "d")], ids="-".join
)
def test_a_copy_on_the_other_side_is_refused_with_both_ids(found, kind, pair):
    same = {key: {kind: "the same digest"} for key in pair}
    with pytest.raises(InputError) as refused:
        copies.check(found(**same), SPLITS, "cohort.leave_out")
    message = str(refused.value)
    assert f"{pair[0]} ({SPLITS[pair[0]]}) and {pair[1]} ({SPLITS[pair[1]]})" in message
    assert f"the same {'volume' if kind == 'volume' else 'DICOM series'}" in message
    assert message.endswith(f'cohort.leave_out: ["{pair[1]}"]')
    assert "digest" not in message and len(message) < 300


def test_a_copy_on_the_same_side_is_one_warning(found):
    same = {key: {"volume": "x", "series": "y"} for key in "ab"}
    [warning] = copies.check(found(**same), SPLITS, "cohort.leave_out")
    assert warning.startswith("patients a and b (both train) have the same volume")


def test_files_without_a_series_are_not_of_the_same_one(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps({"volume": name}))
    assert [*copies.same_patients("ab", [tmp_path / "a.json", tmp_path / "b.json"])] == []
