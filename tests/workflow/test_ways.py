"""Ways to run a study: planned without its packages, from other folders, in other workflows."""

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ONE_TESTED, ONE_THREAD, ROOT, TINY, snakemake, tiny
from plans import LAST, PHANTOMS, planned, whole_plan

HEAVY = ["numpy", "scipy", "pandas", "torch", "monai", "numba", "llvmlite", "skimage"]
HEAVY += ["pydicom", "nibabel", "highdicom", "SimpleITK", "matplotlib", "seaborn", "pyvista"]
WITHOUT_HEAVY = f"""import pkgutil
import sys

SLURM = "snakemake_executor_plugin_slurm"  # imports pandas
every = pkgutil.iter_modules
pkgutil.iter_modules = lambda *a: (m for m in every(*a) if not m.name.startswith(SLURM))


class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Missing())
"""


@pytest.fixture
def planner(tmp_path, monkeypatch):
    """Python as on a machine that has Snakemake and none of the study's packages."""
    (tmp_path / "planner").mkdir()
    (tmp_path / "planner/sitecustomize.py").write_text(WITHOUT_HEAVY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "planner"))


@pytest.fixture(scope="module")
def plan(clone, tmp_path_factory):
    """The jobs of the tiny study, as its clone plans them."""
    folder = tmp_path_factory.mktemp("plan") / "clone"
    return planned(tiny(Path(shutil.copytree(clone, folder)), "-n").stdout)


@pytest.fixture
def plan_of_all(plan):
    """The same for a target `all`."""
    return {rule: count for rule, count in plan.items() if rule != "study"} | {"all": 1}


def write_sheet(folder, *rows):
    """The config of a study of these patients, each `id folder split`."""
    lines = ["patient dicom split", *rows]
    (folder / "sheet.tsv").write_text("\n".join(lines).replace(" ", "\t") + "\n")
    return {"phantoms": {"count": 3}, "sheet": "sheet.tsv"} | ONE_TESTED


# Snakemake alone


def test_planning_needs_snakemake_alone(plan, fresh, planner):
    done = tiny(fresh, "-n")
    assert done.returncode == 0, done.stdout
    assert planned(done.stdout) == plan


def test_planning_says_which_images_it_could_not_look_into(fresh, planner):
    (fresh / "scans/empty").mkdir(parents=True)
    cohort = write_sheet(fresh, "anna scans/empty test", "ben scans train")
    cohort["leave_out"] = ["ben"]
    done = tiny(fresh, "-n", cohort=cohort)
    assert done.returncode == 0, done.stdout
    [said] = [line for line in done.stdout.splitlines() if "not looked into" in line]
    assert "sheet.tsv" in said and "is not installed here" in said


def test_planning_refuses_a_missing_folder_all_the_same(fresh, planner):
    done = tiny(fresh, "-n", cohort=write_sheet(fresh, "anna scans/gone test"))
    assert done.returncode and "patient anna: scans/gone: does not exist" in done.stdout


# The inventory, which alone goes on with a faulty sheet


@pytest.mark.parametrize(
    "target", ["inventory", "results/tables/inventory.csv", "./results/tables/inventory.md"]
)
def test_the_inventory_is_planned_with_a_faulty_sheet(fresh, target):
    done = tiny(fresh, target, "-n", cohort=write_sheet(fresh, "anna scans/gone test"))
    assert planned(done.stdout) == {"inventory": 1}


@pytest.mark.parametrize("targets", [["--until", "inventory"], ["inventory", "preprocess"]])
def test_more_than_the_inventory_is_refused_with_a_faulty_sheet(fresh, targets):
    done = tiny(fresh, "-n", *targets, cohort=write_sheet(fresh, "anna scans/gone test"))
    assert done.returncode and "Traceback" not in done.stdout
    assert "patient anna: scans/gone: does not exist" in done.stdout


# From other folders


@pytest.fixture
def spaced(clone, tmp_path):
    """A checkout in a folder with a space in its name, and another folder."""
    (tmp_path / "other folder").mkdir()
    return Path(shutil.copytree(clone, tmp_path / "a study")), tmp_path / "other folder"


def test_results_may_lie_in_another_folder(plan, spaced):
    clone, other = spaced
    done = snakemake(clone, "-n", "--directory", str(other), "--configfile", "tiny.yaml")
    assert planned(done.stdout) == plan, done.stdout


def test_the_tutorial_shows_the_jobs_that_the_demo_plans(fresh):
    done = snakemake(fresh, "-n", "--configfile", "config/demo.yaml", "--directory", "demo")
    jobs = planned(done.stdout)
    tutorial = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    table = tutorial.split("job                    count\n")[1].split("```")[0]
    shown = dict(re.findall(r"^(\w+) +(\d+)", table, re.M))
    assert len(shown) > 5
    assert shown == {rule: str((jobs | {"total": sum(jobs.values())})[rule]) for rule in shown}
    assert f"the {shown['total']} are done" in tutorial


def test_the_snakefile_may_lie_in_another_folder(plan_of_all, spaced):
    """Without a config there it is the clone's; what one leaves out is so too."""
    clone, other = spaced
    start = ("-n", "--cores", "1", "--snakefile", str(clone / "workflow/Snakefile"))
    default = planned(snakemake(other, *start).stdout)
    (other / "config").mkdir()
    (other / "config/config.yaml").write_text("{seeds: [1, 2]}")
    more = planned(snakemake(other, *start).stdout)
    assert (default["train"], more["train"]) == (10, 20)
    assert default["phantom"] == more["phantom"] == 46
    shutil.copy(clone / "tiny.yaml", other / "config/config.yaml")
    assert planned(snakemake(other, *start).stdout) == plan_of_all


# Within another workflow

OUTER = """
import sys

sys.path.insert(0, workflow.basedir)
import study, runs


include: "common.smk"


configfile: "outer.yaml"


module angio:
    snakefile:
        SNAKEFILE
    config:
        config["angiovox"]
    prefix:
        "vessels"


use rule * from angio as angio_*


import evaluate

assert {study.NAME, runs.NAME, evaluate.NAME, common()} == {"outer"}


onstart:
    angio.onstart()


onerror:
    angio.onerror()


rule summary:
    default_target: True
    input:
        rules.angio_all.input,
        rules.angio_paper_tables.output.table1,
    output:
        "results/summary.txt",
    benchmark:
        "results/benchmarks/summary.tsv"
    shell:
        "wc -l {input[0]} > {output}"
"""


@pytest.fixture
def outer(clone, tmp_path):
    """A workflow that uses the tiny study as a module, and has modules of the same names."""
    folder = tmp_path / "outer"
    shutil.copytree(clone, folder / "modules/angiovox")
    for name in ("study", "runs", "evaluate"):
        (folder / f"{name}.py").write_text('NAME = "outer"\n')
    (folder / "common.smk").write_text('def common():\n    return "outer"\n')
    (folder / "outer.yaml").write_text(yaml.safe_dump({"angiovox": TINY}))
    use(folder, "modules/angiovox/workflow/Snakefile")
    return folder


def use(folder, snakefile):
    (folder / "Snakefile").write_text(OUTER.replace("SNAKEFILE", f'"{snakefile}"'))


def test_a_module_plans_the_same_below_its_prefix(plan_of_all, outer, planner):
    done = snakemake(outer, "-n", "--cores", "1")
    named = {f"angio_{rule}": count for rule, count in plan_of_all.items()}
    del named["angio_all"]
    assert planned(done.stdout) == named | {"summary": 1}, done.stdout
    paths = {*re.findall(r"(?<![\w/])(?:results|logs)/[\w/.-]+", done.stdout)}
    assert paths == {"results/summary.txt", "results/benchmarks/summary.tsv"}


def test_a_modules_prefix_does_not_apply_to_patients_of_its_sheet(outer, planner):
    cohort = write_sheet(outer, "anna scans/anna test")
    (outer / "outer.yaml").write_text(yaml.safe_dump({"angiovox": TINY | {"cohort": cohort}}))
    done = snakemake(outer, "-n", "--cores", "1")
    assert "patient anna: scans/anna: does not exist" in done.stdout
    (outer / "scans/anna/disc").mkdir(parents=True)
    done = snakemake(outer, "-n", "--cores", "1")
    assert "input: scans/anna, scans/anna/disc\n" in done.stdout, done.stdout


def test_a_modules_prefix_does_not_apply_to_other_studies(outer, planner):
    tables = outer / "paper/results/tables"
    tables.mkdir(parents=True)
    (tables / "per_patient.csv").touch()
    for folder, words in (
        ("paper/results", ", paper/results/tables/per_patient.csv\n"),
        ("vessels/results", "leaderboard.beside: Paper: vessels/results holds this study's own"),
    ):
        changes = {"leaderboard": {"beside": {"Paper": folder}}}
        (outer / "outer.yaml").write_text(yaml.safe_dump({"angiovox": TINY | changes}))
        done = snakemake(outer, "-n", "--cores", "1")
        assert words in done.stdout, done.stdout


@pytest.mark.thorough
def test_a_module_makes_the_same_tables_and_reports_failures(outer, study):
    one_thread = [word.replace("train", "angio_train") for word in ONE_THREAD]
    profile = ["--workflow-profile", "modules/angiovox/profiles/default"]
    done = snakemake(outer, *profile, *one_thread)
    assert done.returncode == 0, done.stdout
    for table in ("per_patient", "summary", "table1", "leaderboard"):
        made = outer / f"vessels/results/tables/{table}.csv"
        assert made.read_bytes() == (study / f"results/tables/{table}.csv").read_bytes(), table
    times = pd.read_csv(outer / "vessels/results/tables/run_times.csv").set_index("rule")
    assert times["jobs"].to_dict() == {n: k for n, k in whole_plan(study).items() if n not in LAST}
    assert (times["jobs_timed"] == times["jobs"]).all()
    assert {path.name for path in (outer / "results").iterdir()} == {"summary.txt", "benchmarks"}
    assert not (outer / "logs").exists()
    assert "Nothing to be done" in snakemake(outer, *profile, *one_thread).stdout
    slices = sorted((outer / f"vessels/results/dicom/{PHANTOMS[0]}").glob("*.dcm"))
    slices[3].write_bytes(slices[3].read_bytes()[:-100])
    volume = f"vessels/results/volumes/{PHANTOMS[0]}.nii"
    (outer / volume).unlink()
    done = snakemake(outer, volume, *profile, *one_thread)
    report = (outer / "vessels/logs/failures.txt").read_text()
    assert done.returncode and report in done.stdout
    assert f"{PHANTOMS[0]}: angio_convert: {slices[3].name}" in report
    assert f"(vessels/logs/convert/{PHANTOMS[0]}.log)" in report


def test_a_module_that_is_no_folder_is_refused_in_words(outer):
    clone = outer / "modules/angiovox"
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run(["git", *identity, *command], cwd=clone, check=True)
    use(outer, f"git+file://{clone}/workflow/Snakefile@main")
    done = snakemake(outer, "-n", "--cores", "1")
    assert done.returncode
    assert "no folder on this disk; clone the repository" in done.stdout
