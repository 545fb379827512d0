"""Stamps that change when the result would, and the list of what the paper leaves open."""

import os
from pathlib import Path

import pytest
from angiovox.io import model_files
from angiovox.methods.denoising_autoencoder.method import Settings
from angiovox.reporting import assumptions
from angiovox.training import fingerprint
from conftest import ROOT

SCRIPTS = ROOT / "workflow/scripts"
MARK = "# ASS" + "UME:"  # not itself one of those looked for


@pytest.fixture
def given(tmp_path):
    (tmp_path / "data.nii").write_bytes(bytes(100))
    return {
        "settings": Settings(),
        "seed": 1,
        "code": "0123abcd",
        "data": [str(tmp_path / "data.nii")],
        "threads": 1,
    }


def test_the_same_run_has_the_same_stamp(given):
    assert fingerprint.stamp(**given) == fingerprint.stamp(**given | {"settings": Settings()})


def named(given, change):
    """What is said to differ once something of a run is changed."""
    return fingerprint.differences(fingerprint.stamp(**given), fingerprint.stamp(**given | change))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"settings": Settings(epochs=7)}, "settings (epochs)"),
        ({"settings": Settings(focal_gamma=0.3)}, "settings (focal_gamma)"),
        ({"settings": Settings(epochs=7, batch_size=2)}, "settings (epochs and 1 more)"),
        ({"seed": 2}, "seed"),
        ({"code": "4567"}, "code"),
        ({"threads": 2}, "threads"),
        ({"seed": 2, "settings": Settings(epochs=7)}, "settings (epochs), seed"),
        ({}, ""),
    ],
    ids=str,
)
def test_settings_and_seed_change_the_stamp_and_are_named(given, change, name):
    assert named(given, change) == name
    assert (fingerprint.stamp(**given | change) != fingerprint.stamp(**given)) == bool(name)


def test_the_file_that_differs_is_named(given):
    before, (data,) = fingerprint.stamp(**given), given["data"]
    Path(data).write_bytes(bytes(7))
    now = fingerprint.stamp(**given)
    assert fingerprint.differences(before, now) == f"data ({data})"
    assert fingerprint.differences(now, before) == fingerprint.differences(before, now)


def test_a_file_more_or_less_is_named(given, tmp_path):
    (tmp_path / "more.nii").touch()
    more = given | {"data": [*given["data"], str(tmp_path / "more.nii")]}
    expected = f"data ({tmp_path / 'more.nii'})"
    assert named(given, more) == named(more, given) == expected


def test_another_torch_is_named(given, monkeypatch):
    before = fingerprint.stamp(**given)
    monkeypatch.setattr(fingerprint, "version", lambda name: f"{name} of tomorrow")
    assert fingerprint.differences(before, fingerprint.stamp(**given)) == "torch"


def test_a_stamp_of_fewer_parts_differs_in_the_others(given):
    stamp = fingerprint.stamp(**given)
    less = {key: stamp[key] for key in stamp if key not in ("seed", "code")}
    said = fingerprint.differences(less, stamp)
    assert said == "seed, code"
    assert fingerprint.differences(stamp, less)


def test_a_stamp_comes_back_from_a_checkpoint(given, tmp_path):
    """It is stored with a model, which may hold strings and dicts only."""
    stamp = fingerprint.stamp(**given)
    model_files.save_model(tmp_path / "m.pt", {"stamp": stamp})
    assert model_files.load_model(tmp_path / "m.pt")["stamp"] == stamp


def test_the_size_and_the_time_of_data_change_the_stamp(given):
    before, path = fingerprint.stamp(**given), Path(given["data"][0])
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    touched = fingerprint.stamp(**given)
    path.write_bytes(bytes(101))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    longer = fingerprint.stamp(**given)
    assert before != touched and before != longer and touched != longer


def test_another_patient_changes_the_stamp(given, tmp_path):
    (tmp_path / "more.nii").write_bytes(bytes(100))
    more = given | {"data": [*given["data"], str(tmp_path / "more.nii")]}
    assert fingerprint.stamp(**more) != fingerprint.stamp(**given)


def module(path):
    return str(path.relative_to(SCRIPTS).with_suffix("")).removeprefix("angiovox/")


def test_every_assumption_of_the_code_is_listed():
    lines = [
        (module(path), line.strip().removeprefix(MARK).strip())
        for path in sorted(SCRIPTS.rglob("*.py"))
        for line in path.read_text().splitlines()
        if line.strip().startswith(MARK)
    ]
    listed = assumptions.assumptions(SCRIPTS)
    assert len(lines) > 8
    assert [module for module, _ in listed] == [module for module, _ in lines]
    for (_, text), (_, beginning) in zip(listed, lines, strict=True):
        assert text.startswith(beginning)
        assert text.endswith((".", ")"))


def test_an_assumption_goes_on_to_the_end_of_its_comment(tmp_path):
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "some.py").write_text(
        f"""x = 1  # nothing
    {MARK} the first line
    # and the second.
    y = 2
    # another comment
{MARK} one line.
{MARK} its neighbour,
# which goes on.
z = "{MARK} in a string"
"""
    )
    assert assumptions.assumptions(tmp_path) == [
        ("deeper/some", "the first line and the second."),
        ("deeper/some", "one line."),
        ("deeper/some", "its neighbour, which goes on."),
    ]


def test_a_folder_without_assumptions_gives_none(tmp_path):
    (tmp_path / "some.py").write_text("x = 1\n")
    assert assumptions.assumptions(tmp_path) == []
