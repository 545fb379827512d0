"""A study as an RO-Crate: entities that lead somewhere, recorded files, a validator's verdict."""

import json
import subprocess
from pathlib import Path

import export_ro_crate
import pytest
import validators
from angiovox.reporting import ro_crate, run_records
from conftest import ROOT

VALIDATOR = Path(__file__).parents[2] / "support/validate_ro_crate.py"
TABLES = {"tables/table1.csv": "views,iou\n2,0.5\n", "tables/run_times.csv": "rule\nfit\n"}
FIGURES = {"figures/figure1.png": "not a real picture"}


@pytest.fixture
def results(tmp_path):
    """A folder with two tables, a figure, a mask's folder and their record."""
    folder = tmp_path / "results"
    products = {}
    for name, text in (TABLES | FIGURES).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        made = {"rule": "paper_tables", "params": {}}
        products[f"results/{name}"] = made | run_records.digest(path)
    (folder / "masks").mkdir()
    record = {
        "angiovox": {"commit": run_records.NO_CHECKOUT, "modified": None},
        "collected": "2026-11-28T02:42:47+00:00",
        "versions": run_records.versions(),
        "seeds": {"phantoms": {"phantom-001": 1001}, "split": 1, "training": [1]},
        "config": {"volume": {"shape": 16, "voxel_mm": None}, "seeds": [1]},
        "products": products,
    }
    write_record(folder, record)
    return folder


def write_record(folder, record):
    (folder / "provenance.json").write_text(json.dumps(record))


def change_record(folder, **values):
    record = json.loads((folder / "provenance.json").read_text())
    write_record(folder, record | values)


def graph(folder, *options):
    assert export_ro_crate.main(["--results", str(folder), *options]) == 0
    entities = json.loads((folder / ro_crate.METADATA).read_text())["@graph"]
    found = {entity["@id"]: entity for entity in entities}
    assert len(found) == len(entities)
    return found


def targets(value):
    """Every id that a value refers to."""
    if isinstance(value, list):
        return [target for one in value for target in targets(one)]
    if isinstance(value, dict):
        return [value["@id"]] if {*value} == {"@id"} else []
    return []


def test_every_reference_leads_to_an_entity_or_out_of_the_crate(results):
    entities = graph(results)
    for entity in entities.values():
        for key, value in entity.items():
            for target in targets(value):
                assert target in entities or "://" in target, (entity["@id"], key)


def test_every_file_is_there_with_its_size_and_is_part_of_the_crate(results):
    entities = graph(results)
    parts = targets(entities["./"]["hasPart"])
    kinds = ("File", "Dataset")
    data = [e for e in entities.values() if {*kinds} & {*_types(e)} and e["@id"] != "./"]
    assert {entity["@id"] for entity in data} == {*parts}
    for entity in data:
        path = results / entity["@id"]
        assert path.exists()
        if "contentSize" in entity:
            assert entity["contentSize"] == str(path.stat().st_size)


def _types(entity):
    given = entity["@type"]
    return given if isinstance(given, list) else [given]


def test_the_run_made_every_table_and_figure_with_the_workflow(results):
    entities = graph(results)
    run = entities["#run"]
    assert {*targets(run["result"])} == {*TABLES, *FIGURES}
    assert run["instrument"] == entities["./"]["mainEntity"] == {"@id": "workflow/Snakefile"}
    assert "rule paper_tables" in entities["tables/table1.csv"]["description"]


def test_settings_are_those_of_the_config(results):
    entities = graph(results)
    values = [entities[target] for target in targets(entities["#run"]["object"])]
    config = json.loads((results / "provenance.json").read_text())["config"]
    assert {one["name"]: json.loads(one["value"]) for one in values} == config


def test_the_workflow_lies_in_the_crate(results):
    graph(results)
    rules = ROOT / "workflow/rules"
    for path in [ROOT / "workflow/Snakefile", *rules.glob("*.smk")]:
        assert (results / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


def test_a_licence_is_the_users_to_state(results):
    licence = "https://spdx.org/licenses/CC-BY-4.0"
    assert graph(results)["./"]["license"] == {"@id": ro_crate.NO_LICENCE}
    assert graph(results, "--license", licence)["./"]["license"] == {"@id": licence}


def test_the_same_results_give_the_same_crate(results):
    graph(results)
    before = (results / ro_crate.METADATA).read_bytes()
    graph(results)
    assert (results / ro_crate.METADATA).read_bytes() == before


def test_the_workflow_is_that_of_the_recorded_revision(results):
    git = ["git", "-C", str(ROOT)]
    done = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not run: these files are no git checkout")
    head = done.stdout.strip()
    change_record(results, angiovox={"commit": head, "modified": True})
    entities = graph(results)
    assert entities["workflow/Snakefile"]["version"] == head
    assert "local changes" in entities["#run"]["description"]
    shown = subprocess.check_output([*git, "show", f"{head}:workflow/rules/masks.smk"])
    assert (results / "workflow/rules/masks.smk").read_bytes() == shown


# Refusals


def refusal(folder, capsys):
    assert export_ro_crate.main(["--results", str(folder)]) == 1
    assert not (folder / ro_crate.METADATA).exists()
    return capsys.readouterr().err


def test_a_table_that_was_changed_since_is_named(results, capsys):
    (results / "tables/table1.csv").write_text("views,iou\n2,0.9\n")
    assert "table1.csv: changed since provenance.json" in refusal(results, capsys)


def test_a_figure_that_was_lost_is_named(results, capsys):
    (results / "figures/figure1.png").unlink()
    assert "figure1.png: not there" in refusal(results, capsys)


def test_a_revision_that_this_clone_does_not_have_is_named(results, capsys):
    change_record(results, angiovox={"commit": "f" * 40, "modified": False})
    assert "f" * 40 in refusal(results, capsys)


@pytest.mark.parametrize("text, said", [("{", "no JSON"), ("[]", "no record of a study")])
def test_a_broken_record_is_named(results, capsys, text, said):
    (results / "provenance.json").write_text(text)
    error = refusal(results, capsys)
    assert "provenance.json" in error and said in error


# A validator


def validated(folder, cache):
    """What rocrate-validator requires of a Workflow Run Crate and this lacks."""
    python = Path(validators.program("rocrate-validator")).with_name("python")
    command = [python, VALIDATOR, folder, cache, "required"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    report = json.loads(done.stdout[done.stdout.index("{") :])
    assert report["passed"] == (done.returncode == 0) == (not report["issues"])
    return " ".join(issue["message"] for issue in report["issues"])


@pytest.mark.thorough
def test_a_validator_finds_what_the_profile_requires(results, tmp_path):
    graph(results)
    assert validated(results, tmp_path / "cache") == ""
    path = results / ro_crate.METADATA
    path.write_text(path.read_text().replace('"instrument"', '"description"'))
    assert "instrument" in validated(results, tmp_path / "other")
