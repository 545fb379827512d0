"""Conda environments hold what their rules import, in the versions of the lock."""

import re
import sys
from functools import cache
from importlib.metadata import packages_distributions

import pytest
import requirement_names
import yaml
from angiovox.methods import registry
from angiovox_pipeline import code_version
from conftest import ROOT
from packaging.requirements import Requirement

SCRIPTS = ROOT / "workflow/scripts"
RULES = sorted((ROOT / "workflow/rules").glob("*.smk"))
LOCK = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "requirements.lock").read_text(), re.M))
LOCK = {name.lower(): version for name, version in LOCK.items()}
CONDA_NAMES = {"pytorch": "torch"}  # where conda-forge's name differs from PyPI's
DISTRIBUTIONS = packages_distributions()
OURS = {path.stem for path in SCRIPTS.glob("*")}


def rules() -> dict[str, tuple[str, str]]:
    """The script and the environment of each rule that has them."""
    found = {}
    for path in RULES:
        for rule in re.split(r"^(?=(?:use )?rule )", path.read_text(), flags=re.M)[1:]:
            script = re.search(r'"\.\./scripts/(\w+)\.py"', rule)
            if script:
                environment = re.search(r'"\.\./\.\./envs/(\w+)\.yaml"', rule)[1]
                found[re.match(r"rule (\w+)", rule)[1]] = (script[1], environment)
    return found


@cache
def imported_packages(script: str) -> set[str]:
    """Distributions, as the lock names them, of all modules that a script reaches by imports."""
    methods = [cls.__module__ for cls in registry.classes().values()]
    names = [script, *(methods if script in ("fit", "reconstruct") else [])]
    modules = {
        name.split(".")[0]
        for path in code_version.reached_from(*names)
        for name in code_version.imported_names(path)
    }
    return {
        DISTRIBUTIONS[module][0].lower() for module in modules - OURS - set(sys.stdlib_module_names)
    }


def pins(environment: str) -> dict[str, str]:
    text = (ROOT / f"envs/{environment}.yaml").read_text()
    found = dict(pin.split("=") for pin in yaml.safe_load(text)["dependencies"])
    return {CONDA_NAMES.get(name, name): version for name, version in found.items()}


@pytest.mark.parametrize("rule", rules())
def test_an_environment_has_all_that_a_rule_imports(rule):
    script, environment = rules()[rule]
    assert not imported_packages(script) - set(pins(environment))


def test_every_rule_is_looked_at_and_torch_is_seen_inside_functions():
    assert len(rules()) >= 30
    assert {"torch", "numba", "scikit-image"} <= imported_packages("fit")
    assert "torch" not in imported_packages("project") | imported_packages("check_masks")


def test_the_project_requires_what_its_code_imports():
    paths = SCRIPTS.rglob("*.py")
    modules = {name.split(".")[0] for path in paths for name in code_version.imported_names(path)}
    imported = {DISTRIBUTIONS[name][0].lower() for name in modules - OURS - sys.stdlib_module_names}
    named = {Requirement(one).name for one in requirement_names.requirements()}
    assert "torch" in imported and not imported - named


def test_nothing_but_dicom_reads_pydicom():
    """What every script imports must not bring it: four environments would need it."""
    readers = {script for script, _ in rules().values() if "pydicom" in imported_packages(script)}
    exports = {"export_segmentation", "export_probability_map"}
    volumes = {"phantom", "convert", "inventory", "prior_mask"} | exports
    of_runs = {
        "simulated_angiogram",
        "simulated_angiogram_of_patient",
        "simulated_angiogram_of_surface",
        "simulated_angiogram_figure",
    }
    of_patients = {"reconstruct_angiograms", "present_angiograms"}
    assert readers - of_patients == volumes | of_runs


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "envs").glob("*.yaml")))
def test_environments_have_the_versions_of_the_lock(name):
    found = pins(name)
    assert found.pop("python").startswith("3.")
    assert found == {package: LOCK[package] for package in found}


def test_every_environment_is_used():
    names = {path.stem for path in (ROOT / "envs").glob("*.yaml")}
    assert names == {environment for _, environment in rules().values()}
