"""Which studies the leaderboard can show beside its own: there, not yet there, or this one."""

import pytest
from angiovox.errors import InputError
from angiovox_pipeline.other_studies import OtherStudies

OWN = "results/tables/per_patient.csv"


@pytest.fixture
def look(tmp_path, monkeypatch):
    """Look for studies by title and folder, from a folder of a study that has been run."""
    (tmp_path / "dsa/results/tables").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "dsa")
    return lambda **beside: OtherStudies.read({"leaderboard": {"beside": beside}}, OWN)


def test_a_study_is_looked_for_from_the_working_folder(look, tmp_path):
    (tmp_path / "results/tables").mkdir(parents=True)
    (tmp_path / OWN).touch()
    found = look(paper="../results", absolute=str(tmp_path / "results"), gone="../gone/results")
    assert found.titles == ["paper", "absolute"]
    assert found.tables["paper"] == "../results/tables/per_patient.csv"
    assert found.missing == {"gone": "../gone/results/tables/per_patient.csv"}


def test_one_warning_for_each_study_that_is_not_there(look, tmp_path):
    found = look(one="../one/results", two="../two/results")
    assert found.titles == [] and len(found.warnings) == 2
    for title, warning in zip(("one", "two"), found.warnings, strict=True):
        assert f"../{title}/results/tables/per_patient.csv is not there" in warning
        assert f"without '{title}'" in warning and "leaderboard.beside" in warning
    assert look().warnings == look().titles == []


@pytest.mark.parametrize("folder", ["results", "./results/", "../dsa/results", "../link"])
@pytest.mark.parametrize("was_run", [True, False])
def test_a_study_does_not_stand_beside_itself(look, tmp_path, folder, was_run):
    (tmp_path / "link").symlink_to(tmp_path / "dsa/results")
    if was_run:
        (tmp_path / "dsa" / OWN).touch()
    with pytest.raises(InputError, match=r"leaderboard\.beside: again: .* this study's own"):
        look(again=folder)


def test_a_file_is_no_folder_of_results(look, tmp_path):
    (tmp_path / "table.csv").touch()
    with pytest.raises(InputError, match=r"beside: paper: \.\./table\.csv is a file"):
        look(paper="../table.csv")
