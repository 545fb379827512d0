"""The workflow as a user runs it: one tiny study from DICOM to report, and what reruns after it."""

import os
import re
import shutil
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import yaml
from angiovox.io.pool_files import count_examples
from angiovox.methods import registry
from angiovox.metrics.registry import METRICS as CATALOGUE
from angiovox_pipeline import code_version, runs, study_methods
from angiovox_pipeline.cohort import read_cohort
from conftest import ROOT, TINY, TINY_ARGUMENTS, snakemake, tiny
from entries import create
from pieces import written_pieces
from PIL import Image
from plans import LAST, MODELS, PHANTOMS, VIEWS, merged, planned, whole_plan

RUNS = [  # of the tiny study: methods and view counts
    *product(["dae", "unet", "consistent", "backprojection", "hull"], VIEWS),
    ("cgan", 2),
]
UNTRAINED = [("consistent", "all"), *product(["backprojection", "hull"], VIEWS)]
METRICS = [
    "iou",
    "dice",
    "pixel_accuracy",
    "mse_probability",
    "mae_probability",
    "mse_binary",
    "mae_binary",
]
WHERE_DEFINED = ("radius_error_", "centreline_recall_", "lesion")  # by the truth's arteries
WHERE_DEFINED += ("hd95_mm", "assd_mm")  # of what is not empty
TABLE1 = [
    *["views", "patients", "seeds", "empty"],
    *["iou", "iou_low", "iou_high", *METRICS[1:]],
    *["published_iou", "published_mse", "published_mae"],
]
PAPER_FIGURES = ["figure1", "figure2", "figure3", "figure4"]
FIGURES = [
    *PAPER_FIGURES,
    *["iou_by_views", "learning_curves", "masks", "phantoms", "phantom_anatomy"],
    *["quality_by_views", "best_method", "biplane", "error_profiles", "metric_agreement"],
]
HEADER_VALUES = ["Phantom^", "20230101"]  # of the phantoms' DICOM files: name and study date
COLLECTED = {
    **{"paper_tables": 1, "leaderboard": 1, "iou_by_views": 1, "quality_by_views": 1},
    "best_method": 1,
    **LAST,
}
AT_FEWEST_VIEWS = {"biplane": 1, "error_profiles": 1}


def held_out(study: Path) -> list[str]:
    return sorted(set(read(study, "per_patient")["patient"]))


def read(study: Path, table: str) -> pd.DataFrame:
    return pd.read_csv(study / f"results/tables/{table}.csv")


def results(study: Path) -> list[Path]:
    return [path for path in (study / "results").rglob("*") if path.is_file()]


# One complete run


def test_every_named_output_exists(study):
    named = [
        *[
            f"tables/{table}.{kind}"
            for table in ("table1", "table2")
            for kind in ("csv", "md", "tex")
        ],
        *["tables/per_patient.csv", "tables/mask_quality.csv"],
        *["tables/phantom_morphometry.csv", "tables/phantom_masks.csv"],
        *[f"truth/{p}.{kind}" for p in PHANTOMS for kind in ("nii.gz", "vtp", "json")],
        *[f"figures/{figure}.{kind}" for figure in FIGURES for kind in ("png", "pdf")],
        *[
            f"meshes/{method}/views-{views}/{patient}.{kind}"
            for (method, views), patient, kind in product(RUNS, held_out(study), ("stl", "vtp"))
        ],
    ]
    assert not [name for name in named if not (study / "results" / name).stat().st_size]


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_show_something(study, figure):
    with Image.open(study / f"results/figures/{figure}.png") as image:
        assert min(image.size) > 300
        assert len(np.unique(np.asarray(image.convert("L")))) > 20
    pdf = (study / f"results/figures/{figure}.pdf").read_bytes()
    assert pdf.startswith(b"%PDF") and len(pdf) > 5000


def test_per_patient_holds_every_method_view_patient_and_metric_once(study):
    table = read(study, "per_patient")
    assert list(table) == ["method", "views", "seed", "patient", "metric", "value"]
    keys = set(table.drop(columns="value").itertuples(index=False, name=None))
    assert len(keys) == len(table)
    assert len(held_out(study)) == TINY["cohort"]["test_patients"]
    cases = [(*run, 1, patient) for run, patient in product(RUNS, held_out(study))]
    always = [name for name in CATALOGUE if not name.startswith(WHERE_DEFINED)]
    assert {(*case, name) for case in cases for name in always} <= keys
    assert keys <= {(*case, name) for case in cases for name in CATALOGUE}
    assert np.isfinite(table["value"]).all()
    assert table.loc[table["metric"].isin(METRICS), "value"].between(0, 1).all()


def test_profiles_stand_beside_the_metrics_of_each_run(study):
    for method, views in RUNS:
        rows = pd.read_csv(study / f"results/metrics/{method}/views-{views}/seed-1.profiles.csv")
        key = ["method", "views", "seed", "patient", "profile", "bin"]
        assert list(rows) == [*key, "count", "position", "value"]
        assert not rows.duplicated(key).any()
        assert set(rows["patient"]) == set(held_out(study))
        assert rows["value"].between(0, 1).all()


def test_table1_is_the_mean_over_patients_beside_the_published_figures(study):
    table, rows = read(study, "table1"), read(study, "per_patient")
    assert list(table) == TABLE1
    assert list(table["views"]) == VIEWS
    for metric in METRICS:
        chosen = rows[(rows["method"] == "dae") & (rows["metric"] == metric)]
        means = chosen.groupby("views")["value"].mean()
        np.testing.assert_allclose(table.set_index("views")[metric], means[VIEWS], rtol=1e-12)
    assert list(table["published_iou"]) == [0.5222, 0.2683]
    assert (table["patients"] == len(held_out(study))).all() and (table["seeds"] == 1).all()
    assert table[["iou_low", "iou_high"]].isna().all(axis=None)  # two test patients


def test_table2_sets_measured_beside_published(study):
    table = read(study, "table2")
    at_two = [method for method, views in RUNS if views == 2]
    assert list(table["source"]) == ["published"] * 3 + ["measured"] * len(at_two)
    published = table[table["source"] == "published"].set_index("method")["iou"]
    assert set(published) == {0.0726, 0.1132, 0.2683}
    ours = read(study, "table1").set_index("views").loc[2, "iou"]
    measured = table[(table["source"] == "measured") & table["method"].str.contains("autoencoder")]
    assert list(measured["iou"]) == [ours]


@pytest.mark.parametrize("table", ["table1", "table2"])
def test_tables_for_print_hold_the_same_rows(study, table):
    rows = read(study, table)
    markdown = (study / f"results/tables/{table}.md").read_text().splitlines()
    latex = (study / f"results/tables/{table}.tex").read_text()
    assert len(markdown) == len(rows) + 2
    body = latex.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert len(body) == len(rows)
    for text, line in zip(body, markdown[2:], strict=True):
        assert f"{rows.iloc[body.index(text)]['iou']:.4g}" in text
        assert f"{rows.iloc[body.index(text)]['iou']:.4g}" in line


def test_mask_quality_has_a_row_for_each_patient(study):
    table = read(study, "mask_quality")
    assert list(table["patient"]) == PHANTOMS
    assert table["fraction"].between(0, 1, inclusive="neither").all()
    assert table["plausible"].dtype == bool


def test_phantoms_are_measured_beside_human_arteries(study):
    table = read(study, "phantom_morphometry").set_index("quantity")
    assert (table["patients"] == 20).all()
    banded = table["published_low"].notna()
    assert banded.sum() == 8 and set(table.loc[banded, "inside"]) <= {"yes", "no"}
    assert table.loc[~banded, "inside"].isna().all()
    published = pd.read_csv(study / "resources/published_morphometry.csv")
    assert list(table.index) == list(published["quantity"])


def test_each_phantoms_mask_is_compared_with_its_arteries(study):
    table = read(study, "phantom_masks")
    assert list(table["patient"]) == PHANTOMS
    ratios = table[["iou", "dice", "precision", "recall"]]
    assert ((ratios >= 0) & (ratios <= 1)).all(axis=None)
    quality = read(study, "mask_quality")
    np.testing.assert_allclose(table["mask_fraction"], quality["fraction"], atol=1e-5)
    assert (ratios["recall"] > 0.5).all()  # it is the arteries that Otsu finds


def test_nothing_unfinished_is_left(study):
    names = {path.name for path in results(study)}
    own = {".snakemake_timestamp"}  # Snakemake's, in a folder that is an output
    assert not [name for name in names - own if name.startswith(".")]
    assert not [name for name in names if re.search(r"part|tmp|previous", name)]


def test_a_checkpoint_stays_beside_each_trained_model_and_no_other(study):
    kept = {path.parent for path in results(study) if path.name == "checkpoint.pt"}
    models = study / "results/models"
    assert kept == {models / method / f"views-{views}/seed-1" for method, views in MODELS}


def test_the_training_log_says_that_there_is_no_gpu(study):
    for views in VIEWS:
        log = (study / f"logs/train/dae/views-{views}/seed-1.log").read_text()
        assert "no GPU found" in log
        assert "epoch 2/2" in log
    for log in (study / "logs/fit").rglob("*.log"):
        assert "no GPU found" not in log.read_text()


def test_each_job_has_a_log(study):
    benchmarks = (study / "results/benchmarks").rglob("*.tsv")
    jobs = {str(path.relative_to(study / "results/benchmarks"))[:-4] for path in benchmarks}
    logs = {str(path.relative_to(study / "logs"))[:-4] for path in (study / "logs").rglob("*.log")}
    counted = sum(whole_plan(study).values())
    assert jobs == logs
    assert len(jobs) == counted - 1  # `all` does nothing


def test_lines_reach_the_terminal_in_one_piece(fresh):
    """Snakemake's and its jobs': between two pieces of a line there may be one of another job."""
    target = "results/tables/assumptions.csv"
    command = [sys.executable, "-m", "snakemake", target, *TINY_ARGUMENTS]
    pieces = written_pieces(command, fresh)
    begun = next(n for n, piece in enumerate(pieces) if b"Select jobs" in piece)
    assert len(pieces) > begun + 3
    assert all(piece.endswith(b"\n") for piece in pieces[begun:])


def test_no_dicom_header_value_leaves_the_dicom_files(study):
    dicom = study / "results/dicom"
    first = next(dicom.rglob("*.dcm")).read_bytes()
    assert all(value.encode() in first for value in HEADER_VALUES)
    seen = [*results(study), *(study / "logs").rglob("*.log"), study / "terminal.txt"]
    for path in [path for path in seen if dicom not in path.parents]:
        assert not [v for v in HEADER_VALUES if v in str(path) or v.encode() in path.read_bytes()]


def test_the_report_stands_alone(finished):
    done = tiny(finished, "--report", "results/report.html")
    assert done.returncode == 0, done.stdout
    page = (finished / "results/report.html").read_text()
    for words in (
        "Figure 1, pre-processing of one patient",
        "Figure 4, surfaces by number of views",
        "IoU by number of views, every method",
        "Pre-processing of one test patient",
        "Assumptions",
        "5 phantoms",
        "Where each table and figure comes from",
    ):
        assert words in page, words
    assert not re.search(r"""<(script|link|img|iframe)[^>]*(src|href)=["']?(https?:)?//""", page)
    assert not re.search(r"@import|url\(\s*[\"']?https?:", page)
    assert not [value for value in HEADER_VALUES if value in page]


# The user's own DICOM


@pytest.mark.thorough
def test_the_same_series_from_the_users_folders_give_the_same_tables(study, fresh):
    """Order, names and folders of the files do not matter, nor who wrote them."""
    rng = np.random.default_rng(1)
    default = yaml.safe_load((fresh / "config/config.yaml").read_text())
    splits = {patient.name: patient.split for patient in read_cohort(merged(default, TINY))}
    sheet = ["patient\tdicom\tsplit"]
    for patient in PHANTOMS:
        for index, path in enumerate((study / "results/dicom" / patient).glob("*.dcm")):
            nested = fresh / f"scans/{patient}/disc {index % 3}"
            nested.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, nested / f"{rng.integers(2**62):x}")
        (fresh / f"scans/{patient}/notes.txt").write_text("not an image")
        sheet.append(f"{patient}\tscans/{patient}\t{splits[patient]}")
    (fresh / "sheet.tsv").write_text("\n".join(sheet) + "\n")
    cohort = {"phantoms": {"count": 0}, "sheet": "sheet.tsv"}
    done = tiny(fresh, "results/tables/table1.csv", cohort=cohort)
    assert done.returncode == 0, done.stdout
    assert not (fresh / "results/dicom").exists()
    for table in ("table1.csv", "table2.csv", "per_patient.csv"):
        ours, theirs = (folder / "results/tables" / table for folder in (fresh, study))
        rows = theirs.read_text().splitlines()
        known = [row for row in rows if not re.search("lesion|exact", row)]  # of phantoms only
        assert ours.read_text().splitlines() == known, table


# Phantoms that only train


@pytest.mark.thorough
def test_a_pool_is_made_for_what_is_trained_and_changes_it(study, fresh):
    """In batches of 25 phantoms; what is fitted without a network takes none."""
    cohort = {"phantoms": {"pool": 27}}
    model = "results/models/{}/views-2/seed-1/model.pt"
    done = tiny(fresh, model.format("hull"), cohort=cohort)
    assert done.returncode == 0 and not (fresh / "results/pool").exists(), done.stdout
    done = tiny(fresh, model.format("dae"), cohort=cohort)
    assert done.returncode == 0, done.stdout
    batches = sorted((fresh / "results/pool").iterdir())
    assert [count_examples(path) for path in batches] == [25, 2]
    histories = [
        (folder / model.format("dae")).with_name("history.csv").read_text().splitlines()
        for folder in (study, fresh)
    ]
    assert len(histories[0]) == len(histories[1]) and histories[0] != histories[1]


# The user's own centrelines


@pytest.mark.thorough
def test_swc_files_are_imaged_in_place_of_grown_arteries(fresh):
    """Each a straight artery that forks, its radius in its name: the masks grow with it."""
    (fresh / "trees").mkdir()
    for number, radius in enumerate((2.5, 3.5, 4.5, 5.5)):
        (fresh / f"trees/tree-{number}.swc").write_text(
            f"1 0 0 0 -15 {radius} -1\n2 0 0 0 0 {radius} 1\n"
            f"3 0 12 0 12 {radius} 2\n4 0 -12 0 12 {radius} 2\n"
        )
    phantoms = {"centrelines": "trees", "injection": "all", "count": 4}
    cohort = {"phantoms": phantoms, "test_patients": 2, "calibration_patients": 0}
    tables = [f"results/tables/phantom_{name}.csv" for name in ("masks", "morphometry")]
    done = tiny(fresh, *tables, "results/figures/phantoms.png", cohort=cohort)
    assert done.returncode == 0, done.stdout
    assert read(fresh, "phantom_masks")["artery_fraction"].is_monotonic_increasing
    measured = read(fresh, "phantom_morphometry").set_index("quantity")
    assert set(measured["patients"]) == {4} and measured.loc["bifurcations", "median"] == 1
    plan = planned(tiny(fresh, "-n", cohort=cohort).stdout)
    assert "phantom_anatomy" not in plan  # it names grown arteries


# What reruns


def test_a_finished_study_has_nothing_to_do(finished):
    done = tiny(finished)
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


@pytest.mark.parametrize("folders", [["workflow", "config"], ["."]], ids=["touch", "checkout"])
def test_new_modification_times_rerun_nothing(finished, folders):
    """A git checkout gives every source the time of the checkout, results keep theirs."""
    now = time.time()
    for path in (path for folder in folders for path in (finished / folder).rglob("*")):
        if not {"results", "logs", ".snakemake"} & set(path.relative_to(finished).parts):
            os.utime(path, (now, now))
    assert planned(tiny(finished, "-n").stdout) == {}


def test_a_missing_figure_is_drawn_alone(finished):
    (finished / "results/figures/figure2.png").unlink()
    assert planned(tiny(finished, "-n").stdout) == {"figure2": 1, **LAST}


SCRIPTS = Path("workflow/scripts")
ON_REQUEST = (
    "inventory",
    "export_segmentation",
    "export_probability_map",
    "simulated_angiogram",
    "simulated_angiogram_of_patient",
    "simulated_angiogram_of_surface",
    "simulated_angiogram_figure",
    "reconstruct_angiograms",
    "present_angiograms",
    "poster",
    "prior_mask",  # where a patient has an earlier volume
)  # no part of a study


def test_edits_without_meaning_rerun_nothing(finished):
    """A comment in every module, a docstring, moved lines; and any edit of what only logs."""
    for path in (finished / SCRIPTS).rglob("*.py"):
        path.write_text("# edited\n\n\n" + path.read_text().replace('"""', '"""Edited. ', 1))
    operations = [f"{name.replace('.', '/')}.py" for name in code_version.OPERATIONS]
    planning = [f"angiovox_pipeline/{name}.py" for name in ("config", "runs", "resources")]
    for name in operations + planning:
        with open(finished / SCRIPTS / name, "a") as file:
            file.write("EDITED = 1\n")
    assert planned(tiny(finished, "-n").stdout) == {}


def module_of(entry: str) -> str:
    return registry.module_of(create(entry))


def dependants(module: str) -> list[str]:
    """What to force where a module is edited: rules whose script reaches it, models of methods."""
    file = ROOT / SCRIPTS / f"{module}.py"
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    scripts = {
        re.match(r"\w+", rule)[0]: re.search(r"scripts/(\w+)\.py", rule)
        for rule in re.split(r"^rule ", text, flags=re.M)[1:]
    }
    rules = [
        rule
        for rule, script in scripts.items()
        if script and file in code_version.reached_from(script[1])
    ]
    models = [
        f"results/models/{method}/views-{views}/seed-1/model.pt"
        for method, views in [*MODELS, *UNTRAINED]
        if file in code_version.reached_from(module_of(method))
    ]
    return [rule for rule in rules if rule not in ON_REQUEST] + models


@pytest.mark.parametrize(
    "module",
    [
        *["methods/denoising_autoencoder/focal_loss", "metrics/surface_distance"],
        *[
            pytest.param(module, marks=pytest.mark.thorough)
            for module in (
                "projectors/mip",
                "methods/visual_hull/method",
                "figures/cohort",
                "masks/otsu",
                "geometry/parallel_beam",
            )
        ],
    ],
)
def test_a_changed_constant_reruns_its_dependants_only(study, finished, module):
    """And what follows from them, as Snakemake itself plans it for jobs that are forced."""
    module = f"angiovox/{module}"
    forced = planned(tiny(finished, "-n", "--forcerun", *dependants(module)).stdout)
    with open(finished / SCRIPTS / f"{module}.py", "a") as file:
        file.write("EDITED = 1\n")
    assert planned(tiny(finished, "-n").stdout) == forced
    assert 1 < sum(forced.values()) < sum(whole_plan(study).values())


def test_another_setting_trains_again(finished):
    models = [f"results/models/dae/views-{views}/seed-1/model.pt" for views in VIEWS]
    forced = planned(tiny(finished, "-n", "--forcerun", *models).stdout)
    assert planned(tiny(finished, "-n", methods={"dae": {"epochs": 3}}).stdout) == forced


def test_another_seed_adds_runs_of_trained_methods_only(finished):
    plan = planned(tiny(finished, "-n", seeds=[1, 2]).stdout)
    new = {"train": 4, "adapt": 1, "calibrate": 5, "reconstruct": 7, "evaluate": 7}
    drawn = dict.fromkeys(["learning_curves", "error_profiles", "metric_agreement"], 1)
    assert plan == new | drawn | COLLECTED  # not biplane: its patient is of the first seed


def test_other_methods_in_the_figures_draw_figures_and_change_no_table(finished):
    figures = {"methods": ["dae", "hull"]}
    plan = planned(tiny(finished, "-n", figures=figures).stdout)
    drawn = ["iou_by_views", "quality_by_views", "biplane", "error_profiles", "learning_curves"]
    drawn += ["metric_agreement", "best_method"]
    assert plan == dict.fromkeys(drawn, 1) | LAST


def test_figures_that_would_show_nothing_are_not_drawn(fresh):
    plan = planned(tiny(fresh, "figures", "-n", figures={"methods": ["hull"]}).stdout)
    assert {"biplane", "iou_by_views", "figure4"} <= {*plan} and "learning_curves" not in plan


# A new method, and the seal of the split


TOY = '''"""A toy: the minimum over views as it is."""

from dataclasses import dataclass

from ...method import Method, Needs, Reconstruction


class Toy(Method):
    name = "toy"
    title = "Toy"
    family = "Toys"
    reference = "none"
    needs = Needs(inputs=("min",), gives_probabilities=False)

    @dataclass(frozen=True)
    class Settings:
        """Nothing to set."""

    def fit(self, patients, context):
        return {}, [{"epoch": 1, "iou": 0.5}]

    def reconstruct(self, state, measurement, context):
        volume = measurement.inputs["min"]
        return Reconstruction(volume)


METHOD = Toy
'''


def add_toy(folder: Path, result: str = "volume") -> None:
    add_method(folder, "toy", TOY.replace("(volume)", f"({result})"))


def add_method(folder: Path, name: str, text: str) -> None:
    module = folder / f"workflow/scripts/angiovox/methods/{name}/method.py"
    module.parent.mkdir()
    module.with_name("__init__.py").touch()
    module.write_text(text)


ALONE = '''"""A toy that is optimised on line integrals, and has a surface of its own."""

from dataclasses import dataclass

import numpy as np

from ...method import Method, Needs, Reconstruction


class Alone(Method):
    name = "alone"
    title = "Optimised toy"
    family = "Toys"
    reference = "none"
    needs = Needs(
        inputs=("line_integrals",), fit_inputs=("sum",), one_job_per_patient=True, threads=1
    )

    @dataclass(frozen=True)
    class Settings:
        steps: int = 5

    def fit(self, patients, context):
        return {}, [{"epoch": 1, "iou": 0.5}]

    def reconstruct(self, state, measurement, context):
        import torch

        from ...projectors.torch_line_integral import line_integral
        from ...training.per_patient import optimise

        target = torch.from_numpy(measurement.inputs["line_integrals"])
        level = torch.nn.Parameter(torch.zeros(()))
        optimizer = torch.optim.SGD([level], 0.5 / target.square().mean())
        holder = torch.nn.ParameterList([level])

        def step(number):
            volume = level.expand(measurement.shape)
            seen = line_integral(volume, measurement.grid, measurement.cone_beam)
            loss = (seen - target).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.item()

        optimise({"level": holder, "optimizer": optimizer}, step, self.settings.steps, context)
        volume = np.full(measurement.shape, np.clip(level.item(), 0, 1), np.float32)
        vertices = np.array([[1, 1, 1], [5, 1, 1], [1, 5, 1], [1, 1, 5]], float)
        triangles = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
        return Reconstruction(volume, (vertices, triangles))


METHOD = Alone
'''


@pytest.mark.thorough
def test_a_method_may_have_a_job_for_each_patient_and_a_surface_of_its_own(finished):
    """Its folder and its entry in the config are all that it takes."""
    add_method(finished, "alone", ALONE)
    entry = {"alone": {"view_counts": [2]}}
    plan = planned(tiny(finished, "-n", methods=entry).stdout)
    patients = held_out(finished)
    assert (plan["reconstruct_patient"], plan["fit"]) == (len(patients), 1)
    assert plan["project_cone_beam"] == len(patients)  # and no other patient's
    assert "reconstruct" not in plan
    done = tiny(finished, methods=entry)
    assert done.returncode == 0, done.stdout
    for patient in patients:
        log = finished / f"logs/reconstruct_patient/alone/views-2/seed-1/{patient}.log"
        assert "step 5/5: loss" in log.read_text()
        mesh = finished / f"results/meshes/alone/views-2/{patient}.stl"
        assert int.from_bytes(mesh.read_bytes()[80:84], "little") == 4
    assert "Optimised toy" in (finished / "results/tables/leaderboard.md").read_text()


@pytest.mark.thorough
def test_a_method_joins_by_one_module_and_a_line_of_the_config(finished):
    before = read(finished, "leaderboard")
    add_toy(finished)
    done = tiny(finished, methods={"toy": None})
    assert done.returncode == 0, done.stdout
    board = read(finished, "leaderboard")
    toy = board[board["method"] == "toy"]
    assert set(toy["views"]) == set(VIEWS) and {"iou", "cldice", "hd95_mm"} <= set(toy["metric"])
    others = board[board["method"] != "toy"].reset_index(drop=True)
    pd.testing.assert_series_equal(others["mean"], before["mean"])
    for page in ("leaderboard.md", "leaderboard.html", "table2.md"):
        assert "Toy" in (finished / "results/tables" / page).read_text()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("result", "words"),
    [
        ("volume[1:]", ["shape (15, 16, 16)", "expected (16, 16, 16)"]),
        ("volume * float('nan')", ["nan"]),
        ("volume * 2", ["from 0 to 2", "[0, 1]"]),
        ("volume - 1", ["from -1 to 0", "[0, 1]"]),
    ],
)
def test_what_is_no_probability_is_refused_by_name(finished, result, words):
    add_toy(finished, result)
    patient = held_out(finished)[0]
    target = f"results/reconstructions/toy/views-2/seed-1/{patient}.nii.gz"
    done = tiny(finished, target, methods={"toy": None})
    assert done.returncode == 1
    line = next(line for line in done.stdout.splitlines() if line.startswith("reconstruct: "))
    assert all(word in line for word in ["method toy", "views 2", patient, *words]), line
    assert not (finished / target).exists()


@pytest.mark.thorough
def test_models_and_reconstructions_are_the_same_where_no_test_patient_has_a_mask(finished):
    """What is not there cannot be seen: in training, for a threshold, or in refinement."""
    folder = finished / "results/reconstructions"
    files = sorted(folder.rglob("*.nii.gz"))
    before = {path: path.read_bytes() for path in files}
    for name in ("models", "reconstructions"):
        shutil.rmtree(finished / "results" / name)
    masks = [finished / f"results/masks/{patient}.nii.gz" for patient in held_out(finished)]
    for path in [*masks, *(path.with_suffix("").with_suffix(".json") for path in masks)]:
        path.unlink()
    done = tiny(finished, *(str(path.relative_to(finished)) for path in files))
    assert done.returncode == 0, done.stdout
    assert not [path for path in masks if path.exists()]
    assert {path: path.read_bytes() for path in files} == before


def test_a_checkpoint_of_another_run_is_refused(finished):
    run = finished / "results/models/dae/views-2/seed-1"
    plant = (
        "import sys; sys.path.insert(0, 'workflow/scripts'); from angiovox.io import model_files; "
        "model_files.save_model(sys.argv[1], {'stamp': {'seed': '2'}, 'history': []})"
    )
    checkpoint = run / "checkpoint.pt"
    subprocess.run([sys.executable, "-c", plant, checkpoint], cwd=finished, check=True)
    before = pd.read_csv(run / "history.csv")
    (run / "model.pt").unlink()
    done = tiny(finished, str((run / "model.pt").relative_to(finished)))
    assert done.returncode == 0, done.stdout
    log = (finished / "logs/train/dae/views-2/seed-1.log").read_text()
    assert "checkpoint.pt refused: written with other settings (" in log
    assert not checkpoint.with_name("checkpoint.previous.pt").exists()
    same = ["epoch", "learning_rate", "loss", "iou"]
    pd.testing.assert_frame_equal(pd.read_csv(run / "history.csv")[same], before[same])


def test_a_lost_model_comes_back_from_its_checkpoint(finished):
    """Without training: of the finished run nothing is repeated but what writes its products."""
    run = finished / "results/models/dae/views-2/seed-1"
    before = {name: (run / name).read_bytes() for name in ("model.pt", "history.csv")}
    (run / "model.pt").unlink()
    done = tiny(finished, str((run / "model.pt").relative_to(finished)))
    assert done.returncode == 0, done.stdout
    log = (finished / "logs/train/dae/views-2/seed-1.log").read_text()
    assert "resuming after epoch 2" in log and "epoch 1/2" not in log
    assert {name: (run / name).read_bytes() for name in before} == before


def wait_for(found, seconds=120):
    """What a question is answered with, once the answer is not empty."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"nothing after {seconds} s")


@pytest.mark.thorough
@pytest.mark.parametrize("asked", [True, False], ids=["asked", "killed"])
def test_a_training_that_ends_early_goes_on_in_the_next_run(finished, asked):
    """On SIGTERM to the job it stops between two steps; on SIGKILL to Snakemake it dies too."""
    log = finished / "logs/train/dae/views-2/seed-1.log"
    model = "results/models/dae/views-2/seed-1/model.pt"
    (finished / "changes.yaml").write_text("methods: {dae: {epochs: 100}}")
    command = [sys.executable, "-m", "snakemake", model, *TINY_ARGUMENTS, "changes.yaml"]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    with open(finished / "said.txt", "w") as said:
        running = subprocess.Popen(
            command, cwd=finished, env=environment, stdout=said, stderr=subprocess.STDOUT
        )

    def jobs():
        scripts = psutil.Process(running.pid).children(recursive=True)
        return [each for each in scripts if each.cmdline()[-1].endswith(".fit.py")]

    wait_for(lambda: log.exists() and "epoch 3/100" in log.read_text())
    (job,) = jobs()
    if asked:
        job.terminate()
        assert running.wait(60) == 1
        assert "train: method dae, views 2, seed 1: stopped after epoch" in (
            (finished / "said.txt").read_text()
        )
        assert "ERROR" in log.read_text().splitlines()[-1]
    else:
        running.kill()
        running.wait()
        wait_for(lambda: not job.is_running(), 5)
    assert not (finished / model).exists()
    tiny(finished, "--unlock")
    done = tiny(finished, model, methods={"dae": {"epochs": 100}})
    assert done.returncode == 0, done.stdout
    assert re.search(r"resuming after epoch \d{1,2}", log.read_text())
    assert len(pd.read_csv(finished / model.replace("model.pt", "history.csv"))) == 100


# What is kept


@pytest.mark.thorough
@pytest.mark.parametrize("kept", [[], ["sum"]])
def test_what_is_rebuilt_gives_the_same_tables(finished, kept):
    tables = [finished / f"results/tables/{name}.csv" for name in ("per_patient", "summary")]
    before = [table.read_bytes() for table in tables]
    for path in (finished / "results").iterdir():
        if path.name in ("backprojections", "models", "reconstructions", "metrics", "tables"):
            shutil.rmtree(path)
    done = tiny(finished, storage={"back_projections": kept})
    assert done.returncode == 0, done.stdout
    assert [table.read_bytes() for table in tables] == before
    left = {path.name for path in (finished / "results/backprojections").rglob("*.nii")}
    patients = {path.stem for path in (finished / "results/volumes").iterdir()}
    assert not {name for name in left if ".min." in name}
    assert len(left) == (len(patients) if "sum" in kept else 1)


# What is planned


@pytest.mark.thorough
@pytest.mark.parametrize("extra", [None, "config/paper.yaml", "seeds.yaml"])
def test_job_counts_follow_from_the_config(fresh, extra):
    (fresh / "seeds.yaml").write_text("{seeds: [1, 2, 3], view_counts: [90, 2]}")
    config = yaml.safe_load((fresh / "config/config.yaml").read_text())
    if extra:
        config = merged(config, yaml.safe_load((fresh / extra).read_text()))
    done = snakemake(fresh, "-n", *(["--configfile", extra] if extra else []))
    assert done.returncode == 0, done.stdout
    plan, patients = planned(done.stdout), config["cohort"]["phantoms"]["count"]
    kept = config["storage"]["back_projections"]
    study = runs.Runs(
        study_methods.methods(config), config["seeds"], ["one"], ["three"], ["two"], kept
    )
    of_each_patient = {plan[rule] for rule in ("phantom", "convert", "mask", "project")}
    assert of_each_patient == {patients}
    assert plan["back_project"] == (patients if kept else 1)  # the figures'
    assert plan["reconstruct"] == plan["evaluate"] == len(study.each("{method} {views} {seed}"))
    assert plan["train"] == len(study.each_trained("{method} {views} {seed}"))
    held_back = config["cohort"]["calibration_patients"] > 0
    assert plan.get("calibrate", 0) == held_back * len(study.each_calibrated("{method}"))
    if extra is None:  # seven and three trainings; two thresholds at seven counts, two at one
        assert (plan["train"], plan["adapt"], plan["fit"]) == (10, 1, 16)
    assert plan["mesh"] == sum(len(method.view_counts) for method in study.methods.values())
    assert not (fresh / "results").exists()


TARGETS = {
    "study": ({"train", "paper_tables", "figure4", "mesh_truth"}, set()),
    "all": ({"train", "paper_tables", "figure4", "mesh_truth"}, set()),
    "preprocess": ({"back_project", "mask_quality"}, {"fit", "train", "figure1"}),
    "figures": ({"figure4", "learning_curves", "biplane"}, {"mesh", "mesh_truth"}),
    "tables": ({"paper_tables", "assumptions"}, {"mesh", "learning_curves", "biplane"}),
    "meshes": ({"mesh", "mesh_truth"}, {"evaluate", "paper_tables", "figure1"}),
    "inventory": (set(), {"convert", "phantom"}),
    "poster": ({"leaderboard", "reconstruct"}, {"figure4", "mesh", "learning_curves"}),
    "segmentations": (
        {"export_segmentation", "export_probability_map"},
        {"evaluate", "mesh"},
    ),
    "simulated_angiograms": (
        {"simulated_angiogram", "simulated_angiogram_figure"},
        {"phantom", "convert"},
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("target", TARGETS)
def test_each_target_plans_its_part(fresh, target):
    done = tiny(fresh, target, "-n")
    assert done.returncode == 0, done.stdout
    plan, (inside, outside) = set(planned(done.stdout)), TARGETS[target]
    assert inside | {target} <= plan
    assert not outside & plan


def test_the_contents_page_plans_the_same(study, fresh):
    done = tiny(fresh, "-n", "--snakefile", "workflow/Snakefile")
    assert done.returncode == 0, done.stdout
    plan = planned(done.stdout)
    assert plan.pop("all") == 1
    assert plan == {rule: n for rule, n in whole_plan(study).items() if rule != "study"}


@pytest.mark.thorough
def test_the_rulegraph_is_a_digraph(fresh):
    done = snakemake(fresh, "--rulegraph")
    assert done.returncode == 0
    assert "digraph" in done.stdout
    assert all(f'"{rule}"' in done.stdout for rule in ("phantom", "train", "figure4"))


@pytest.mark.thorough
def test_a_summary_of_a_fresh_checkout(fresh):
    done = snakemake(fresh, "--summary")
    assert done.returncode == 0, done.stdout
    assert re.search(r"results/tables/table1\.csv.*missing", done.stdout)
