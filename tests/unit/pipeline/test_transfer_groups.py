"""Groups of patients that models are transferred to: who is in them, and what is refused."""

from types import SimpleNamespace

import pytest
import yaml
from angiovox.errors import InputError
from angiovox_pipeline import resources, scheduling
from angiovox_pipeline.cohort import read_cohort
from angiovox_pipeline.config import DEFAULTS, check_config
from angiovox_pipeline.demand import Demand
from angiovox_pipeline.job_inputs import JobInputs
from angiovox_pipeline.study import TEST, Study
from angiovox_pipeline.transfer import FIRST_SEED, SPLIT, checked_file
from angiovox_pipeline.transfer_inputs import TransferInputs
from conftest import ROOT
from plans import merged
from snakemake.exceptions import WorkflowError

DEFAULT = yaml.safe_load(DEFAULTS.read_text())
TREE = "1 0 0 0 0 2 -1\n2 2 0 0 10 1.5 1\n3 4 5 0 10 1.5 1\n"


@pytest.fixture
def folder(tmp_path):
    """Three trees, and a file that is none."""
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.swc").write_text(TREE)
    (tmp_path / "notes.txt").write_text("trees")
    return tmp_path


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "clinic.tsv"
    path.write_text("patient\tdicom\tsplit\tseries\nanna\tx/anna\ttrain\t3\nben\tx/ben\t\t\n")
    return str(path)


def study(cohort=(), **groups):
    return Study.read(merged(DEFAULT, {"cohort": {"transfer": groups} | dict(cohort)}))


def trees(folder, **keys):
    return {"centrelines": str(folder)} | keys


def refusal(*args, **groups):
    with pytest.raises(InputError) as refused:
        study(*args, **groups)
    return str(refused.value)


# Who is in a group


def test_each_file_by_name_and_each_territory_is_a_patient(folder):
    group = study(trees=trees(folder, territories=[[2], [3, 4]])).groups["trees"]
    found = [(p.name, p.centreline[-5:], p.territory) for p in group.patients.values()]
    assert found == [
        ("trees-001", "a.swc", (2,)),
        ("trees-002", "a.swc", (3, 4)),
        ("trees-003", "b.swc", (2,)),
        ("trees-004", "b.swc", (3, 4)),
        ("trees-005", "c.swc", (2,)),
        ("trees-006", "c.swc", (3, 4)),
    ]
    assert {p.split for p in group.patients.values()} == {SPLIT}
    assert (group.scanner, group.axes, group.title) == ("3dra", "LPS", "trees")


@pytest.mark.parametrize("territories", [{}, {"territories": None}])
def test_without_territories_each_file_is_one_patient_whose_whole_tree_is_filled(
    folder, territories
):
    patients = study(trees=trees(folder, **territories)).transferred
    assert [(name, p.territory) for name, p in patients.items()] == [
        (f"trees-00{number}", None) for number in (1, 2, 3)
    ]


def test_two_groups_of_the_same_trees_differ_by_their_scanner_alone(folder):
    found = study(trees=trees(folder), trees_plain=trees(folder, scanner="plain"))
    one, other = found.groups.values()
    assert [p.seed for p in one.patients.values()] == [p.seed for p in other.patients.values()]
    assert other.title == "trees plain" and (one.scanner, other.scanner) == ("3dra", "plain")
    seeds = {found.cohort[name].seed for name in found.phantoms}
    assert len(found.transferred) == 6 and not seeds & {p.seed for p in one.patients.values()}
    assert min(p.seed for p in one.patients.values()) == FIRST_SEED


def test_all_patients_of_a_sheet_are_in_the_group_whatever_their_split(sheet):
    found = study(clinic={"sheet": sheet, "title": "Clinic"})
    assert [*found.transferred] == ["anna", "ben"] and found.trees == []
    assert {p.split for p in found.transferred.values()} == {SPLIT}
    assert found.series_options("anna")["series"] == "3" and found.sheet_of("anna") == sheet
    assert [*found.inventoried] == ["anna", "ben"]
    assert found.compared["clinic"] == {"title": "Clinic", "patients": ["anna", "ben"]}


def test_who_is_left_out_leaves_the_ids_of_the_others(folder, sheet):
    found = study(
        trees=trees(folder, leave_out=["trees-002"]), clinic={"sheet": sheet, "leave_out": ["anna"]}
    )
    assert [*found.transferred] == ["trees-001", "trees-003", "ben"]
    assert found.transferred["trees-003"].seed == FIRST_SEED + 2


# What stays as it is


def test_the_study_itself_is_the_same_with_groups_and_without(folder, sheet):
    bare, found = study(), study(trees=trees(folder), clinic={"sheet": sheet})
    assert found.cohort == bare.cohort and found.runs == bare.runs
    assert found.own_config == bare.own_config and "transfer" not in found.own_config["cohort"]
    assert (found.seeds, found.notes.of_means) == (bare.seeds, bare.notes.of_means)
    assert found.scale.transfer == 5 and bare.scale.transfer == 0
    assert [*found.compared] == [TEST, "trees", "clinic"]
    assert found.compared[TEST] == {"title": "test phantoms", "patients": bare.runs.test}


def test_jobs_on_groups_have_the_models_of_the_study_and_no_mask(folder):
    found = study(trees=trees(folder))
    inputs, own = TransferInputs(found), JobInputs(found.runs, found.projection.c_arm)
    job = SimpleNamespace(method="dae", views="10", seed="1")
    given, known = inputs.reconstruct_inputs(job), own.reconstruct_inputs(job)
    assert given["model"] == known["model"] and given["calibration"] == known["calibration"]
    assert given["grids"] == [f"results/projections/trees-00{n}.nii" for n in (1, 2, 3)]
    assert not [path for kind in set(given) - {"checked"} for path in given[kind] if "mask" in path]
    assert inputs.jobs.patients_views(job) == [10] * 3
    alone = SimpleNamespace(patient="trees-002", **vars(job))
    assert inputs.jobs.patients(alone) == ["trees-002"]


def test_jobs_on_groups_ask_for_what_those_on_test_patients_do(folder, monkeypatch):
    monkeypatch.setattr(scheduling, "has_gpu", lambda: False)
    workflow = SimpleNamespace(executor_plugin=SimpleNamespace(name="local"), remote_exec=False)
    demand = Demand(study(trees=trees(folder)), workflow)
    kinds = {
        (rule, method): demand.kind_of_job(f"{rule}_transfer", SimpleNamespace(method=method))
        for rule in ("reconstruct", "evaluate", "reconstruct_patient")
        for method in ("dae", "hull")
    }
    assert kinds["reconstruct", "dae"] == "reconstruct_trained_transfer"
    assert kinds["reconstruct", "hull"] == "reconstruct_transfer"
    assert kinds["evaluate", "dae"] == "evaluate_transfer"
    assert kinds["reconstruct_patient", "dae"] == "train_cpu"
    assert {*kinds.values()} <= {*resources.MEASURED_USAGE}
    assert resources.MEASURED_USAGE["reconstruct_trained_transfer"].volumes == "transfer"


# What is refused


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "give either centrelines"),
        ({"centrelines": "x", "sheet": "y"}, "give either centrelines"),
        ({"sheet": "y", "axes": "LPS"}, ".axes: of trees only"),
        ({"centrelines": "gone"}, ".centrelines: gone: no such folder"),
        ({"sheet": "gone.tsv"}, ".sheet: gone.tsv does not exist"),
        ({"centrelines": "x", "scaner": "3dra"}, "did you mean 'cohort.transfer.group.scanner'"),
        ({"centrelines": "x", "scanner": "mri"}, "expected one of '3dra', 'cta', 'plain'"),
        ({"centrelines": "x", "territories": [2, 3]}, "2 is not valid"),
        ({"centrelines": "x", "axes": "XYZ"}, "group.axes: axes 'XYZ': expected a letter each"),
    ],
    ids=str,
)
def test_a_group_that_cannot_be_is_named_with_its_key(keys, words):
    message = refusal(group=keys)
    assert "cohort.transfer.group" in message and words in message


@pytest.mark.parametrize("name", ["test", "Trees", "2d", "a-b", ""])
def test_a_name_that_ids_and_tables_cannot_take_is_refused(name):
    config = merged(DEFAULT, {"cohort": {"transfer": {name: {"sheet": "x"}}}})
    with pytest.raises(InputError, match="small letters"):
        check_config(config)


def test_an_id_or_a_folder_of_the_study_is_refused(tmp_path, sheet):
    own = tmp_path / "own.tsv"
    own.write_text("patient\tdicom\tsplit\nanna\tx/other\ttest\n")
    cohort = {"sheet": str(own)}
    message = refusal(cohort, clinic={"sheet": sheet})
    assert message.startswith("cohort.transfer.clinic: patient anna is there twice")
    own.write_text("patient\tdicom\tsplit\ncarl\tx\ttest\n")
    message = refusal(cohort, clinic={"sheet": sheet})
    assert "cohort.transfer.clinic: patients carl and anna share the folder" in message


def test_an_id_that_two_groups_have_is_refused(folder, sheet):
    message = refusal(one={"sheet": sheet}, two={"sheet": sheet, "title": "again"})
    assert message.startswith("cohort.transfer.two: patient anna is there twice")
    message = refusal(one=trees(folder, title="trees"), two=trees(folder, title="trees"))
    assert message == "cohort.transfer.two.title: 'trees' is the title of one too"


def test_a_tree_that_the_study_trains_on_is_refused(folder):
    phantoms = {"centrelines": str(folder), "injection": "all", "count": 3}
    cohort = {"phantoms": phantoms, "test_patients": 1, "calibration_patients": 0}
    message = refusal(cohort, trees=trees(folder))
    assert "trees-001 and phantom-001, of the study, share the file" in message


def test_unknown_or_too_many_left_out_are_refused(folder):
    message = refusal(trees=trees(folder, leave_out=["trees-009"]))
    assert message.startswith("cohort.transfer.trees.leave_out: trees-009: no such patient")
    everyone = [f"trees-00{number}" for number in (1, 2, 3)]
    assert "leaves out all 3" in refusal(trees=trees(folder, leave_out=everyone))


def test_trees_need_millimetres(folder, tmp_path):
    own = tmp_path / "own.tsv"
    own.write_text("patient\tdicom\n" + "".join(f"p{n}\tx/{n}\n" for n in range(20)))
    changes = {"volume": {"voxel_mm": None}, "cohort": {"phantoms": {"count": 0}}}
    changes["cohort"] |= {"sheet": str(own), "transfer": {"trees": trees(folder)}}
    with pytest.raises(InputError, match=r"cohort\.transfer\.trees\.centrelines: .*voxel_mm"):
        Study.read(merged(DEFAULT, changes))


@pytest.mark.parametrize(
    ("text", "territory", "words"),
    [
        (TREE.replace("2 -1", "-2 -1"), None, "line 1: radius -2 mm"),
        (TREE, (7,), "no point of the types 7"),
        (TREE.replace(" 2 -1", " 0.1 -1").replace("1.5", "0.1"), None, "cannot be seen in voxels"),
    ],
)
def test_a_tree_that_cannot_be_filled_is_named_when_it_is_needed(folder, text, territory, words):
    (folder / "a.swc").write_text(text)
    found = study(trees=trees(folder, territories=territory and [list(territory)]))
    with pytest.raises(WorkflowError) as refused:
        list(found.tree_file("trees-001"))
    message = str(refused.value)
    assert message.startswith(f"cohort.transfer.trees: {folder / 'a.swc'}") and words in message
    assert "leave_out: [trees-001]" in message


def test_a_sound_tree_is_given_as_it_is(folder):
    patient = study(trees=trees(folder)).transferred["trees-001"]
    assert list(checked_file(patient, "trees", 0.75)) == [str(folder / "a.swc")]


def test_without_a_group_there_is_nothing_to_make_and_an_example_is_named():
    with pytest.raises(WorkflowError, match=r"config/transfer\.yaml is an example"):
        list(TransferInputs(study()).products(SimpleNamespace()))


# The example


def test_the_example_is_what_a_folder_of_trees_needs(folder):
    example = yaml.safe_load((ROOT / "config/transfer.yaml").read_text())["cohort"]["transfer"]
    found = {name: group | {"centrelines": str(folder)} for name, group in example.items()}
    groups = study(**found).groups
    assert {*groups} == {"trees", "trees_plain"}
    assert {group.scanner for group in groups.values()} == {"3dra", "plain"}
    assert {group.axes for group in groups.values()} == {"LSP"}


def test_the_example_says_what_is_missing():
    example = yaml.safe_load((ROOT / "config/transfer.yaml").read_text())
    with pytest.raises(InputError, match=r"cohort\.transfer\.trees\.centrelines: data/trees: no"):
        Study.read(merged(DEFAULT, example))


def test_the_cohort_needs_no_groups():
    assert DEFAULT["cohort"]["transfer"] == {}
    assert SPLIT not in {patient.split for patient in read_cohort(DEFAULT)}


def test_a_group_is_compared_with_everyone_of_the_study_in_search_of_copies(folder, sheet):
    found = study(trees=trees(folder), clinic={"sheet": sheet})
    inputs, job = TransferInputs(found), SimpleNamespace(group="clinic")
    splits = inputs.splits(job)
    assert [*splits] == [*found.cohort, "anna", "ben"]  # the second of a pair is left out
    assert splits["anna"] == splits["ben"] == "group clinic"
    assert {splits[name] for name in found.cohort} == {"train", "calibration", "test"}
    files = inputs.with_study("results/sources/{patient}.json")(job)
    assert files == [f"results/sources/{name}.json" for name in splits]
