"""What a finished study says about where its tables and figures come from."""

import csv
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from angiovox.reporting import run_records
from angiovox_pipeline import code_version
from conftest import TINY, tiny
from plans import LAST, MODELS, PHANTOMS, VIEWS, planned, whole_plan


@pytest.fixture(scope="module")
def record(study):
    return json.loads((study / "results/provenance.json").read_text())


@pytest.fixture(scope="module")
def times(study):
    return pd.read_csv(study / "results/tables/run_times.csv").set_index("rule")


def products(study):
    folders = (study / "results/tables", study / "results/figures")
    return [path for folder in folders for path in folder.iterdir()]


def test_every_table_and_figure_is_traced(study, record):
    found = {str(path.relative_to(study)) for path in products(study)}
    assert found == set(record["products"])


def test_checksums_are_those_of_the_files(study, record):
    for path, product in record["products"].items():
        assert product.items() >= run_records.digest(study / path).items()


def test_products_name_the_rule_and_what_it_was_given(record):
    tables = record["products"]["results/tables/table1.csv"]
    assert tables["rule"] == "paper_tables"
    assert set(tables["params"]) == {"code", "titles", "captions"}
    figure = record["products"]["results/figures/figure2.pdf"]
    assert figure["rule"] == "figure2" and figure["params"]["view_counts"] == VIEWS
    assert len(figure["params"]["code"]) == code_version.DIGITS


def test_config_and_seeds_are_those_of_the_study(record):
    config, seeds = record["config"], record["seeds"]
    assert config["volume"] == TINY["volume"] and config["projections"] == TINY["projections"]
    assert seeds["training"] == config["seeds"]
    assert seeds["split"] == config["cohort"]["split_seed"]
    assert list(seeds["phantoms"]) == PHANTOMS
    assert len(set(seeds["phantoms"].values())) == len(PHANTOMS)


def test_each_training_says_what_it_ran_on(record):
    named = {f"train/{method}/views-{views}/seed-1" for method, views in MODELS}
    assert set(record["trainings"]) == named
    assert all(re.fullmatch(r"\d+ CPU threads", device) for device in record["trainings"].values())


def test_versions_and_machine_are_these(record):
    assert record["versions"] == run_records.versions()
    assert record["machine"] == run_records.machine()


def test_every_job_is_counted_under_its_rule(study, record, times):
    expected = whole_plan(study)
    assert times["jobs"].to_dict() == {rule: n for rule, n in expected.items() if rule not in LAST}
    assert (times["jobs_timed"] == times["jobs"]).all()
    assert (times["seconds_max"] <= times["seconds_total"] + 0.01).all()
    assert {rule: row["jobs"] for rule, row in record["rules"].items()} == times["jobs"].to_dict()


def test_times_are_those_of_the_benchmarks(study, times):
    seconds = {}
    for path in (study / "results/benchmarks/convert").glob("*.tsv"):
        with open(path, newline="") as file:
            seconds[path.stem] = float(next(csv.DictReader(file, delimiter="\t"))["s"])
    assert len(seconds) == len(PHANTOMS)
    assert times.loc["convert", "seconds_total"] == pytest.approx(sum(seconds.values()), abs=0.01)
    assert times.loc["convert", "seconds_max"] == max(seconds.values())


def test_the_page_shows_it_and_needs_no_network(study, record):
    page = (study / "results/provenance.html").read_text()
    assert not [path for path in record["products"] if path not in page]
    assert not [product for product in record["products"].values() if product["sha256"] not in page]
    assert not re.search(r"https?:|<script|<link|<img|@import|url\(", page)


@pytest.mark.parametrize("name", ["provenance.json", "provenance.html"])
def test_nothing_says_where_or_whose_the_study_is(study, name):
    text = (study / "results" / name).read_text()
    assert str(Path.home()) not in text and str(study) not in text
    assert str(study.parent) not in text


def test_lost_benchmarks_and_those_of_another_study_are_told_apart(finished):
    benchmarks = finished / "results/benchmarks/convert"
    (benchmarks / "of-another-study.tsv").write_text((benchmarks / "phantom-001.tsv").read_text())
    for path in (benchmarks / "phantom-001.tsv", finished / "results/benchmarks/figure2.tsv"):
        path.unlink()
    assert planned(tiny(finished, "-n").stdout) == {}
    (finished / "results/provenance.json").unlink()
    done = tiny(finished)
    assert done.returncode == 0, done.stdout
    assert planned(done.stdout) == LAST
    times = pd.read_csv(finished / "results/tables/run_times.csv").set_index("rule")
    assert tuple(times.loc["convert", ["jobs", "jobs_timed"]]) == (len(PHANTOMS), len(PHANTOMS) - 1)
    assert tuple(times.loc["figure2", ["jobs", "jobs_timed"]]) == (1, 0)
    assert times.loc["figure2", ["seconds_total", "memory_max_mb"]].isna().all()
    rules = json.loads((finished / "results/provenance.json").read_text())["rules"]
    assert rules["figure2"]["seconds_total"] is None


def test_an_edit_of_the_records_reruns_no_result(finished):
    for module in ("reporting/run_records", "reporting/provenance_page"):
        with open(finished / f"workflow/scripts/angiovox/{module}.py", "a") as file:
            file.write("EDITED = 1\n")
    assert planned(tiny(finished, "-n").stdout) == LAST


def test_a_setting_that_makes_no_result_is_recorded(finished):
    plan = planned(tiny(finished, "-n", resources={"training_hours": 5}).stdout)
    assert plan == LAST
