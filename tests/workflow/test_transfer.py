"""Methods of the tiny study on trees that the test writes: made on request, and nothing rerun."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from angiovox.io import nifti
from angiovox.io.dicom import writer
from angiovox.metrics.statistics import unpaired_difference
from conftest import TINY, tiny
from PIL import Image
from plans import LAST, PHANTOMS, planned
from test_workflow import ALONE, add_method

TREES = [f"trees-{number:03d}" for number in range(1, 5)]
PLAIN = [name.replace("trees", "plain") for name in TREES]
OF_EACH = ("convert", "mask", "project", "back_project")
MADE = re.compile(r"results/(transfer/|(tables|figures)/transfer\.)")


def cohort(**more):
    """Two trees of two territories each, before two scanners, and a series of a sheet."""
    group = {"centrelines": "traced", "territories": [[2, 3], [4]], "axes": "LSP"}
    groups = {"trees": group | {"title": "Traced trees"}, "plain": group | {"scanner": "plain"}}
    groups["clinic"] = {"sheet": "clinic.tsv"}
    return TINY["cohort"] | {"transfer": groups | more}


def write_trees(folder):
    """A carotid that rises along y to a fork on each side, types 2 and 3, and 4."""
    (folder / "traced").mkdir()
    for name, bend in (("one", 2.0), ("two", -3.0)):
        lines = ["1 0 0 -20 0 2.4 -1", f"2 0 {bend} -8 2 2.4 1", "3 0 0 0 0 2.2 2"]
        lines += ["4 2 10 4 -2 1.6 3", "5 3 -2 6 10 1.6 3", "6 3 -6 14 16 1.4 5"]
        lines += ["7 4 -12 -2 4 1.8 3", f"8 4 -20 {4 + bend} 2 1.6 7"]
        (folder / f"traced/{name}.swc").write_text("\n".join(lines) + "\n")
    (folder / "clinic").mkdir()
    (folder / "clinic.tsv").write_text("patient\tdicom\tsplit\nanna\tclinic/anna\ttrain\n")


@pytest.fixture(scope="module")
def transferred(study, tmp_path_factory):
    """The finished study and its transfer, with what the terminal showed."""
    folder = tmp_path_factory.mktemp("transfer") / "study"
    shutil.copytree(study, folder)
    write_trees(folder)
    volume, affine = nifti.load_volume(folder / "results/volumes/phantom-001.nii")
    writer.write_series(volume[::-1], affine, folder / "clinic/anna", "anna")  # nobody of the study
    before = {path: path.stat().st_mtime_ns for path in (folder / "results").rglob("*")}
    done = tiny(folder, "transfer", cohort=cohort())
    assert done.returncode == 0, done.stdout
    return folder, done.stdout, before


def test_only_what_is_of_the_groups_is_made(transferred):
    """Models, metrics and tables of the study keep their time stamps."""
    _, terminal, before = transferred
    plan = planned(terminal)
    assert plan["phantom_transfer"] == 8
    assert {rule: plan[f"{rule}_transfer"] for rule in OF_EACH} == dict.fromkeys(OF_EACH, 9)
    assert plan["check_masks_transfer"] == plan["mask_quality_transfer"] == 3
    assert plan["reconstruct_transfer"] == plan["evaluate_transfer"]
    others = {"transfer", "transfer_table", "transfer_figure"}
    assert not [rule for rule in plan if not rule.endswith("_transfer") and rule not in others]
    files = {path for path in before if path.is_file()}
    assert all(path.stat().st_mtime_ns == before[path] for path in files)


@pytest.mark.parametrize("target", ["study", "all"])
def test_with_groups_the_study_plans_nothing_else(transferred, target):
    folder, _, _ = transferred
    for given in (cohort(), cohort(more={"centrelines": "traced"}), TINY["cohort"]):
        done = tiny(folder, "-n", target, cohort=given)
        assert done.returncode == 0, done.stdout
        assert planned(done.stdout) in ({}, {target: 1})


def test_a_fresh_study_plans_the_same_jobs_with_groups_and_without(fresh):
    write_trees(fresh)
    plans = []
    for given in (TINY["cohort"], cohort()):
        done = tiny(fresh, "-n", "--quiet", "host", cohort=given)
        assert done.returncode == 0, done.stdout
        plans.append((planned(done.stdout), jobs(done.stdout)))
    assert plans[0] == plans[1] and plans[0][0].items() >= LAST.items()


def jobs(output):
    """What a dry run says of each job: rule, files, wildcards, resources."""
    parts = re.split(r"^(?=(?:local)?rule \w+:$)", output, flags=re.M)[1:]
    varying = r"^ +(jobid|reason): .*$|^\[.*\]$"
    return sorted(re.sub(varying, "", part, flags=re.M).split("Job stats")[0] for part in parts)


def test_nothing_of_the_transfer_is_left_to_do(transferred):
    folder, _, _ = transferred
    done = tiny(folder, "-n", "transfer", cohort=cohort())
    assert planned(done.stdout) in ({}, {"transfer": 1})


def test_each_tree_has_its_exact_arteries_and_both_scanners_the_same(transferred):
    folder, _, _ = transferred
    for tree, plain in zip(TREES, PLAIN, strict=True):
        shares = [
            nifti.load_volume(folder / f"results/truth/{name}.nii.gz")[0] for name in (tree, plain)
        ]
        np.testing.assert_array_equal(*shares)
        assert shares[0].sum() > 5
        record = json.loads((folder / f"results/truth/{tree}.json").read_text())
        assert record == {"variant": None, "lesions": []}
    one, other = (nifti.load_volume(folder / f"results/truth/{n}.nii.gz")[0] for n in TREES[:2])
    assert (one != other).any()  # territories


def test_the_table_compares_each_method_on_each_group(transferred):
    folder, _, _ = transferred
    table = pd.read_csv(folder / "results/tables/transfer.csv")
    assert set(table["group"]) == {"test", "trees", "plain", "clinic"}
    assert set(table.query("metric == 'iou_exact'")["group"]) == {"test", "trees", "plain"}
    assert set(table["metric"]) == {"iou", "dice", "cldice", "iou_exact"}
    patients = table.groupby("group")["patients"].unique().map(list).to_dict()
    assert patients == {"test": [2], "trees": [4], "plain": [4], "clinic": [1]}
    for method, views in (("hull", 2), ("dae", 10), ("cgan", 2)):
        path = f"metrics/{method}/views-{views}/seed-1.csv"
        own, others = (
            pd.read_csv(folder / "results" / part / path).query("metric == 'iou'")
            for part in ("", "transfer")
        )
        assert set(others["patient"]) == {*TREES, *PLAIN, "anna"} and set(own["patient"]) < {
            *PHANTOMS
        }
        chosen = table.query("metric == 'iou' and method == @method and views == @views")
        means = chosen.set_index("group")
        trees = others[others["patient"].isin(TREES)]["value"].to_numpy()
        assert means.loc["trees", "mean"] == pytest.approx(trees.mean())
        gap = unpaired_difference(own["value"].to_numpy(), trees)
        np.testing.assert_allclose(means.loc["trees", ["gap", "gap_low"]].astype(float), gap[:2])
    other = table.query("metric == 'iou' and group == 'clinic'")
    assert other["gap"].notna().all() and other["gap_low"].isna().all()
    text = (folder / "results/tables/transfer.md").read_text()
    assert "## IoU at 2 views" in text and "Traced trees (n = 4)" in text


def test_the_figure_shows_something(transferred):
    folder, _, _ = transferred
    with Image.open(folder / "results/figures/transfer.png") as image:
        assert min(image.size) > 300
        assert len(np.unique(np.asarray(image.convert("L")))) > 20
    assert (folder / "results/figures/transfer.pdf").read_bytes().startswith(b"%PDF")


def test_nothing_of_a_group_lies_where_the_studys_own_results_do(transferred):
    folder, _, before = transferred
    new = [path for path in (folder / "results").rglob("*") if path not in before]
    shared = {
        "dicom",
        "truth",
        "volumes",
        "sources",
        "masks",
        "projections",
        "backprojections",
        "benchmarks",
    }
    names = [path.relative_to(folder).as_posix() for path in new if path.is_file()]
    assert names
    assert not [n for n in names if n.split("/")[1] not in shared and not MADE.match(n)]


def test_nothing_of_a_header_reaches_a_file_of_the_transfer(transferred):
    folder, _, before = transferred
    new = [path for path in (folder / "results").rglob("*") if path not in before]
    texts = [p.read_text() for p in new if p.suffix in (".csv", ".md", ".json", ".tsv")]
    texts += [path.read_text() for path in (folder / "logs").rglob("*.log")]
    assert len(texts) > 20
    assert not [text for text in texts if "Phantom^" in text or "20230101" in text]


def test_the_inventory_lists_the_groups_sheets_too(transferred):
    folder, _, _ = transferred
    done = tiny(folder, "inventory", cohort=cohort())
    assert done.returncode == 0, done.stdout
    assert "anna" in (folder / "results/tables/inventory.md").read_text()


@pytest.mark.thorough
def test_a_method_may_be_optimised_for_each_patient_of_a_group(transferred, tmp_path):
    folder = Path(shutil.copytree(transferred[0], tmp_path / "study"))
    add_method(folder, "alone", ALONE)
    changes = {"cohort": cohort(), "methods": {"alone": {"view_counts": [2]}}}
    done = tiny(folder, "transfer", **changes)
    assert done.returncode == 0, done.stdout
    plan = planned(done.stdout)
    assert plan["reconstruct_patient_transfer"] == plan["project_cone_beam_transfer"] == 9
    assert "train" not in plan and "reconstruct_transfer" not in plan
    table = pd.read_csv(folder / "results/tables/transfer.csv").query("method == 'alone'")
    assert set(table["group"]) == {"test", "trees", "plain", "clinic"}
    assert planned(tiny(folder, "-n", "transfer", **changes).stdout) in ({}, {"transfer": 1})


def test_without_a_group_the_target_says_what_to_do(fresh):
    done = tiny(fresh, "transfer", "-n")
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert "cohort.transfer names no group of patients" in done.stdout


def test_a_missing_folder_is_refused_before_any_job(fresh):
    write_trees(fresh)
    shutil.rmtree(fresh / "traced")
    done = tiny(fresh, "transfer", cohort=cohort())
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert re.search(r"cohort\.transfer\.\w+\.centrelines: traced: no such folder", done.stdout)
    assert not (fresh / "results").exists()


def test_a_broken_tree_is_named_in_a_dry_run_of_the_transfer_and_of_nothing_else(fresh):
    write_trees(fresh)
    (fresh / "traced/two.swc").write_text("1 0 0 0 0 4 -1\n2 0 0 0 9 4 1\n")
    done = tiny(fresh, "transfer", "-n", cohort=cohort())
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert "traced/two.swc: no point of the types" in done.stdout
    assert tiny(fresh, "-n", cohort=cohort()).returncode == 0
