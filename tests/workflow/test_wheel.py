"""What pip installs: the command, its packages, and the workflow that it runs."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import xa_cases
from angiovox_pipeline import code_version
from conftest import ROOT
from plans import planned
from wheel_sources import BUILT, FILES

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, without a network."""
    clone, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in BUILT:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, clone / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, clone)
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(out), str(clone)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options], check=True)
    [built] = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of programs of an environment that has the wheel, and its needs from this one."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    [packages] = folder.glob("lib/python3.*/site-packages")
    others = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "others.pth").write_text("\n".join(others) + "\n")
    options = ["--no-deps", "--no-index", "--quiet", "--prefix", str(folder), str(wheel)]
    python = folder / "bin/python"
    subprocess.run(
        [python, "-m", "pip", "install", "--ignore-installed", *options], env=clean(), check=True
    )
    return folder / "bin"


def clean():
    """Variables without the clone's packages."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(installed, folder, *arguments):
    return subprocess.run(
        [installed / "angiovox", *arguments],
        cwd=folder,
        env=clean(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_the_wheel_has_the_workflows_files_and_no_others(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    held = {name.removeprefix("angiovox_workflow/") for name in names if "_workflow/" in name}
    for folder, pattern in (
        ("workflow/rules", "*.smk"), ("workflow/schemas", "*"), ("workflow/scripts", "*.py"),
        ("workflow/report", "*"), ("config", "*"), ("envs", "*"), ("profiles", "*/*"),
    ):  # fmt: skip
        wanted = {str(path.relative_to(ROOT)) for path in (ROOT / folder).glob(pattern)}
        assert wanted <= held, folder
    resources = [path for path in (ROOT / "resources").rglob("*") if path.is_file()]
    assert {str(path.relative_to(ROOT)) for path in resources} <= held
    assert {"Snakefile", "workflow/Snakefile", "tools/report.py"} <= held
    assert not [name for name in names if "tests" in name or name.endswith(".nbc")]


def test_the_command_explains_itself_and_lists_runs(installed, tmp_path):
    helped = run(installed, tmp_path, "--help")
    assert helped.returncode == 0 and "angiovox reconstruct RUN_A RUN_B --out" in helped.stdout
    assert run(installed, tmp_path, "--version").stdout.startswith("angiovox 0.")
    for path, one in zip(("a.dcm", "b.dcm"), xa_cases.pair(), strict=True):
        xa_cases.write(tmp_path / path, one)
    listed = run(installed, tmp_path, "inventory", ".")
    assert listed.returncode == 0 and "LAO 88, CAU 5" in listed.stdout


def test_it_plans_a_reconstruction_and_the_study_from_an_empty_folder(installed, tmp_path):
    for path, one in zip(("a.dcm", "b.dcm"), xa_cases.pair(), strict=True):
        xa_cases.write(tmp_path / path, one)
    done = run(installed, tmp_path, "reconstruct", "a.dcm", "b.dcm", "--out", "x", "--dry-run")
    assert done.returncode == 0 and "would reconstruct the arteries" in done.stdout, done.stdout
    log = (tmp_path / "x/.angiovox/logs/snakemake.log").read_text()
    assert "site-packages/angiovox_workflow/workflow/Snakefile" in log
    study = run(installed, tmp_path, "reproduce", "--out", "study", "-n", "preprocess")
    assert study.returncode == 0 and planned(study.stdout)["phantom"] == 46, study.stdout


def test_code_has_the_same_version_installed_and_in_a_clone(installed, tmp_path):
    """Or else results of one would be made anew by the other."""
    names = ["mask", "evaluate", "reconstruct_angiograms", "angiovox.methods.unet.method"]
    program = f"from angiovox_pipeline import code_version\nfor name in {names}:\n"
    program += "    print(code_version.of_script(name))"
    done = subprocess.run(
        [installed / "python", "-c", program],
        cwd=tmp_path, env=clean(), text=True, capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [code_version.of_script(name) for name in names]


def test_a_clones_jobs_import_the_clones_packages_though_others_are_installed(installed):
    scripts = ROOT / "workflow/scripts"
    program = (
        f"import os, sys; sys.path.insert(0, {str(scripts)!r})\n"
        "from angiovox_pipeline import places; places.prefer_these_packages()\n"
        "print(os.environ['PYTHONPATH'])"
    )
    done = subprocess.run(
        [installed / "python", "-c", program], env=clean(), text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == scripts
