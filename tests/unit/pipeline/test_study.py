"""What rules read of a study, and what its jobs ask for."""

import copy
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import yaml
from angiovox.geometry.imaging import Imaging
from angiovox_pipeline import resources, scheduling
from angiovox_pipeline.config import DEFAULTS, fill_in
from angiovox_pipeline.demand import Demand
from angiovox_pipeline.job_inputs import JobInputs
from angiovox_pipeline.pool import pool_seeds
from angiovox_pipeline.products import our_rules, products
from angiovox_pipeline.runs import LINE_INTEGRALS, PROJECTIONS
from angiovox_pipeline.study import Study
from plans import merged
from snakemake.exceptions import WorkflowError

DEFAULT = yaml.safe_load(DEFAULTS.read_text())


NONE_HELD_BACK = {"calibration_patients": 0}


def study(**changes):
    return Study.read(merged(DEFAULT, changes))


@pytest.fixture
def mixed(tmp_path):
    """Phantoms for training, two patients of a sheet for testing; their folders do not exist."""
    sheet = tmp_path / "patients.tsv"
    sheet.write_text("patient\tdicom\tsplit\tseries\nanna\ta\ttest\t3b\nben\tb\ttest\t\n")
    cohort = {"sheet": str(sheet), "phantoms": {"count": 4}, "test_patients": 2}
    return study(cohort=cohort | NONE_HELD_BACK)


# A config that leaves things out


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"seeds": [1, 2, 3]},
        {"volume": {"shape": 32}},
        {"methods": {"hull": False, "soft": {"method": "hull", "soft": True}}},
    ],
)
def test_what_a_config_leaves_out_is_as_in_the_default_one(given):
    config = copy.deepcopy(given)
    fill_in(config)
    assert config == merged(DEFAULT, given)
    again = copy.deepcopy(config)
    fill_in(again)
    assert again == config


# A single view


def test_a_single_view_is_of_no_table_or_figure_of_the_paper():
    default = study()
    one = study(view_counts=[90, 2, 1], methods={"henzler": {}})
    assert default.every_view_count == default.view_counts == default.back_projected_views
    assert one.every_view_count == [90, 2, 1] and one.view_counts == [90, 2]
    assert set(one.fewest_views.methods) == set(one.runs.at(2).methods) > {"henzler"}
    assert set(one.runs.at(1).methods) == {"henzler"}


def test_a_single_view_is_back_projected_only_where_a_method_looks_at_it():
    one = study(view_counts=[90, 2, 1], methods={"henzler": {}})
    assert one.back_projected_views == one.stored_views("sum") == [90, 2]
    needs = replace(one.runs.methods["hull"].needs, fewest_views=1)
    hull = replace(one.runs.methods["hull"], needs=needs, view_counts=[1])
    runs = replace(one.runs, methods=one.runs.methods | {"hull": hull})
    assert replace(one, runs=runs).back_projected_views == [90, 2, 1]


def turned_round(given):
    """A config with keys in another order, where order has no meaning."""
    if not isinstance(given, dict):
        return given
    return {
        key: {name: turned_round(part) for name, part in entries.items()}
        if key in ("methods", "transfer", "beside") and entries
        else turned_round(entries)
        for key, entries in reversed(given.items())
    }


def test_the_order_of_keys_does_not_matter():
    """Snakemake compares parameters with their order, and would run all jobs again."""
    soft = {"method": "hull", "soft": True, "title": "Soft", "view_counts": [2]}
    trees = {"centrelines": "trees", "scanner": "cta", "title": "Trees"}
    given = merged(DEFAULT, {"methods": {"soft": soft}, "cohort": {"transfer": {"t": trees}}})
    given["leaderboard"] = {"beside": {"Second": "b/results", "First": "a/results"}}
    found = []
    for config in (copy.deepcopy(given), turned_round(given), turned_round(turned_round(given))):
        fill_in(config)
        found.append(json.dumps(config))
    assert json.dumps(given) != json.dumps(turned_round(given))
    assert found[0] == found[1] == found[2]
    assert list(json.loads(found[0])["methods"]) == [*DEFAULT["methods"], "soft"]
    assert list(json.loads(found[0])["leaderboard"]["beside"]) == ["Second", "First"]


def test_the_default_config_keeps_its_order():
    """On the order of lesions depends which are drawn."""
    config = {}
    fill_in(config)
    for key, given in DEFAULT.items():
        assert json.dumps(config[key]) == json.dumps(given)


# Patients


def test_phantoms_and_patients_of_the_sheet_are_all_there_are(mixed):
    assert mixed.patients == mixed.phantoms + mixed.sheet_patients
    assert mixed.sheet_patients == mixed.runs.test == ["anna", "ben"]
    assert mixed.runs.train == mixed.phantoms == mixed.generated_phantoms
    assert mixed.notes.of_patient == "trained on phantoms, tested on patients, 64³ voxels"
    means = "trained on phantoms, tested on 2 patients, 1 seed, 64³ voxels"
    assert mixed.notes.of_means == means
    assert mixed.example_patient == "anna"


def test_series_are_chosen_for_patients_of_the_sheet_only(mixed):
    chosen = {name: mixed.series_options(name) for name in mixed.patients}
    assert chosen["anna"] == {"series": "3b", "largest_gap": 1, "prefer": None}
    assert chosen["ben"] == {"series": None, "largest_gap": 1, "prefer": None}
    assert not any(chosen[name] for name in mixed.phantoms)


def test_a_study_without_phantoms_has_no_tables_and_figures_of_them(mixed):
    assert mixed.phantom_tables and mixed.phantom_figures
    bare = Study(mixed.config, {"anna": mixed.cohort["anna"]}, "anna", mixed.runs)
    assert not bare.phantom_tables and not bare.phantom_figures


def test_sizes_are_those_of_the_lists(mixed):
    scale = mixed.scale
    assert (scale.patients, scale.phantoms, scale.train, scale.test) == (6, 4, 4, 2)
    assert scale.calibration == 0
    assert scale.views == len(mixed.view_counts) and scale.trees == len(mixed.measured_seeds) == 20
    assert scale.methods == len(mixed.fewest_views.methods)


@pytest.mark.parametrize("kept", [[], ["sum"], ["sum", "min"]])
def test_back_projections_are_stored_or_recomputed(kept):
    chosen = study(storage={"back_projections": kept})
    stored = {kind for kind in ("sum", "min") if chosen.stored_views(kind)}
    assert stored == set(kept)
    assert stored.isdisjoint(chosen.recomputed) and stored | {*chosen.recomputed} == {"sum", "min"}


# Imaging

DSA = {"kind": "line_integral", "beam": "cone", "arc_degrees": 200, "first_degrees": -100}


def test_the_papers_imaging_goes_unsaid_and_depends_on_no_c_arm():
    moved = study(cone_beam={"source_isocentre_mm": 600})
    assert moved.projection.imaging == study().projection.imaging
    assert Imaging(**study().projection.imaging) == Imaging(64, 90)
    assert "beam" not in study().notes.of_patient


@pytest.mark.parametrize(
    ("projection", "words"),
    [
        (DSA, "line integrals of a cone beam over 200°"),
        ({"kind": "maximum", "beam": "cone"}, "maxima of a cone beam over 90°"),
        ({"arc_degrees": 60}, "maxima of a parallel beam over 60°"),
    ],
)
def test_another_imaging_is_said_in_every_note(projection, words):
    found = study(projection=projection).notes
    for note in (found.of_patient, found.of_means, found.of_models):
        assert note.endswith(words)


def test_a_c_arm_stands_as_the_config_says():
    found = study(projection=DSA, cone_beam={"source_isocentre_mm": 600})
    imaging = Imaging(**found.projection.imaging)
    assert (imaging.source_isocentre_mm, imaging.source_detector_mm) == (600, 1200)
    assert (imaging.kind, imaging.beam, imaging.arc_degrees) == ("line_integral", "cone", 200)


def test_line_integrals_of_a_study_are_its_projections():
    """No second file of them; and the pool has them too."""
    methods = {"sirt": {}}
    for projection, expected in (({}, LINE_INTEGRALS), (DSA, PROJECTIONS)):
        runs = study(projection=projection, methods=methods).runs
        given = runs.reconstruct_inputs("sirt", "2", "1", ["anna"])["line_integrals"]
        assert given == [expected.format(patient="anna")]
        assert runs.in_cone_beam == ([] if projection else ["sirt"])


@pytest.mark.parametrize("rule", ["project", "back_project", "project_transfer"])
def test_line_integrals_ask_for_more_than_maxima(rule):
    workflow = SimpleNamespace(executor_plugin=None, remote_exec=False)
    papers, dsa = (
        Demand(study(projection=projection), workflow).kind_of_job(rule, job())
        for projection in ({}, DSA)
    )
    assert papers == rule and dsa != rule
    assert {papers, dsa} <= {*resources.MEASURED_USAGE}


@pytest.mark.parametrize("rule", ["fit", "calibrate", "reconstruct", "reconstruct_transfer"])
def test_iterations_ask_for_more_than_thresholds(rule):
    found = study(projection=DSA, methods={"sirt": {}})
    demand = Demand(found, SimpleNamespace(executor_plugin=None, remote_exec=False))
    hull, sirt = (demand.kind_of_job(rule, job(method=name)) for name in ("hull", "sirt"))
    assert hull == rule and {hull, sirt} < {*resources.MEASURED_USAGE}
    seconds = [resources.MEASURED_USAGE[kind].volume_seconds for kind in (hull, sirt)]
    assert seconds[0] < seconds[1]


# Jobs


def job(**wildcards):
    return SimpleNamespace(**{"method": "dae", "views": "10", "seed": "1"} | wildcards)


def test_a_job_reconstructs_one_patient_or_all():
    inputs = JobInputs(study().runs, study().projection.c_arm)
    test = inputs.runs.test
    assert inputs.patients(job()) == test
    assert inputs.patients_views(job()) == [10] * len(test)
    assert inputs.patients(job(patient=test[1])) == test[1:2]
    assert len(inputs.reconstruct_inputs(job(patient=test[1]))["grids"]) == 1
    assert inputs.own_surfaces(job()) == []


def test_only_who_was_held_back_calibrates_and_once_for_each_number_of_views():
    inputs = JobInputs(study().runs, study().projection.c_arm)
    held_back, counts = inputs.runs.calibration, study().view_counts
    one, every = job(), job(method="unet", views="all")
    assert len(held_back) == 3 and not {*held_back} & {*inputs.runs.train, *inputs.runs.test}
    assert inputs.calibration_patients(one) == held_back
    assert inputs.calibration_patients(every) == held_back * len(counts)
    assert inputs.calibration_views(every) == [count for count in counts for _ in held_back]


def test_the_cone_beam_is_a_parameter_of_methods_that_look_at_it():
    inputs = JobInputs(study().runs, study().projection.c_arm)
    assert inputs.used_cone_beam(job()) is None


def test_the_code_of_a_fit_is_that_of_its_method():
    inputs = JobInputs(study().runs, study().projection.c_arm)
    hull, soft, dae = (inputs.fit_code(job(method=name)) for name in ("hull", "soft_hull", "dae"))
    assert hull == soft != dae
    assert hull != inputs.reconstruct_code(job(method="hull"))


@pytest.mark.parametrize(("gpu", "row"), [(True, "train"), (False, "train_cpu")])
def test_a_training_asks_for_what_it_takes_where_it_runs(monkeypatch, gpu, row):
    monkeypatch.setattr(scheduling, "has_gpu", lambda: gpu)
    monkeypatch.setattr(scheduling, "memory_mb", lambda: 10**6)
    workflow = SimpleNamespace(executor_plugin=SimpleNamespace(name="local"), remote_exec=False)
    demand = Demand(study(), workflow)
    scale = demand.study.scale
    assert demand.kind_of_job("train", job()) == row
    assert demand.memory("train")(job(), 2) == resources.memory_mb(row, scale, 2)
    assert demand.minutes("train")(job(), 1) == resources.minutes(row, scale)
    for rule in ("reconstruct", "calibrate"):
        kinds = [demand.kind_of_job(rule, job(method=name)) for name in ("dae", "hull")]
        assert kinds == [f"{rule}_trained", rule]


def test_a_job_of_one_patient_asks_for_a_gpu_only_where_it_uses_one():
    found = study(methods={"dvr": {}, "nurbs_centreline": {}})
    inputs = JobInputs(found.runs, found.projection.c_arm, chosen_gpu_model="a6000")
    fitted, traced = job(method="dvr"), job(method="nurbs_centreline")
    assert (inputs.gpus(fitted), inputs.gpu_model(fitted)) == (1, "a6000")
    assert (inputs.gpus(traced), inputs.gpu_model(traced)) == (0, "")


@pytest.mark.parametrize("cores", [1, 2, 64])
@pytest.mark.parametrize(("chosen", "expected"), [(1, 1), (4, 4), (16, 8)])
def test_threads_of_networks_follow_from_the_config_alone(monkeypatch, cores, chosen, expected):
    """At most as many as the method makes use of; without a network there is one."""
    monkeypatch.setattr(scheduling, "has_gpu", lambda: False)
    workflow = SimpleNamespace(
        executor_plugin=SimpleNamespace(name="local"), remote_exec=False, cores=cores
    )
    found = study(resources={"torch_threads": chosen})
    demand = Demand(found, workflow)
    inputs = JobInputs(found.runs, found.projection.c_arm, found.torch_threads)
    assert inputs.torch_threads(job()) == expected
    assert demand.training_threads(job()) == demand.network_threads(job()) == expected
    assert (
        inputs.torch_threads(job(method="hull")) == demand.network_threads(job(method="hull")) == 1
    )


@pytest.mark.parametrize(
    ("executor", "remote", "gpu"),
    [("local", False, True), ("local", True, False), ("slurm", False, False), (None, False, False)],
)
def test_a_training_that_has_a_gpu_asks_for_the_threads_that_feed_it(
    monkeypatch, executor, remote, gpu
):
    monkeypatch.setattr(scheduling, "has_gpu", lambda: gpu)
    plugin = executor and SimpleNamespace(name=executor)
    workflow = SimpleNamespace(executor_plugin=plugin, remote_exec=remote, cores=2)
    found = study()
    assert (
        Demand(found, workflow).training_threads(job()) == found.runs.methods["dae"].needs.threads
    )


# What a run makes


class Rules(SimpleNamespace):
    """Snakemake's, which raises for a rule that is left out."""

    def __getattr__(self, name):
        raise WorkflowError(name)


def rule(name, *output):
    return SimpleNamespace(name=name, output=output, params={"code": name})


def test_our_rules_are_known_by_the_names_that_a_run_gives_them():
    rules = Rules(mask=SimpleNamespace(rule=rule("their_mask")))
    assert our_rules(rules) == {"their_mask": "mask"}


def test_products_are_what_is_wanted_and_what_is_made_with_it():
    workflow = SimpleNamespace(rules=[rule("one", "a.csv", "a.md"), rule("other", "b.csv")])
    made = products(workflow, ["a.csv"])
    assert made == {path: {"rule": "one", "params": {"code": "one"}} for path in ("a.csv", "a.md")}


# Phantoms that only train


def pooled(count, **cohort):
    return study(cohort={"phantoms": {"pool": count}} | cohort)


@pytest.mark.parametrize("count", [0, 1, 25, 60])
def test_a_pool_has_a_seed_for_each_phantom_and_none_of_the_cohorts(count):
    given = pooled(count)
    batches = [path.split("/")[-1].removesuffix(".npz") for path in given.runs.pool]
    seeds = [seed for batch in batches for seed in pool_seeds(given.config, batch)]
    assert len(seeds) == len(set(seeds)) == count
    assert not {*seeds} & {patient.seed for patient in given.cohort.values()}


def test_another_cohort_has_another_pool():
    studies = (study(cohort={"phantoms": {"pool": 30, "seed": seed}}) for seed in (1, 2))
    first, second = (pool_seeds(given.config, "0001") for given in studies)
    assert not {*first} & {*second}


def test_only_trained_methods_take_the_pool():
    runs = pooled(30).runs
    takers = {name for name in runs.methods if runs.takes_pool(name)}
    assert takers == set(runs.trained)
    for name in runs.methods:
        models = runs.methods[name].models
        assert ("pool" in runs.fit_inputs(name, models[0], "1")) == (name in takers)


def test_each_example_of_a_training_phantom_may_be_renewed():
    runs = pooled(30).runs
    (views,) = runs.methods["unet"].models
    counts = runs.examples("unet", views, runs.train)
    assert runs.renewed_examples("unet", views) == [True] * len(counts)
    assert runs.renewed_examples("hull", "2") == []


def test_a_sheets_patients_are_not_renewed(tmp_path):
    sheet = tmp_path / "patients.tsv"
    sheet.write_text("patient\tdicom\tsplit\nanna\ta\ttrain\nben\tb\ttest\n")
    cohort = {"sheet": str(sheet), "test_patients": 1} | NONE_HELD_BACK
    runs = pooled(30, **cohort, phantoms={"pool": 30, "count": 4}).runs
    flags = dict(zip(runs.train, runs.renewed_examples("dae", "2"), strict=True))
    assert flags.pop("anna") is False and flags and all(flags.values())
    sheet.write_text("patient\tdicom\tsplit\nanna\ta\ttrain\ncleo\tc\ttrain\nben\tb\ttest\n")
    assert not study(cohort=cohort | {"phantoms": {"count": 0, "pool": 30}}).runs.pool
