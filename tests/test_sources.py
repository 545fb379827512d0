"""Which of our files a rule reruns for: all that it can import, and none else."""

from pathlib import Path

import pytest
import sources
from angiovox import interface

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "workflow" / "scripts"
MODULES = {
    "job": "from adapter import start\nfrom pkg import tools\nimport numpy as np\n",
    "other": "import pkg.unrelated\n",
    "adapter": "import json\n",
    "pkg/__init__": '"""Nothing."""\n',
    "pkg/tools": "from .deep import inner\nfrom . import sibling\nfrom .names import A, B\n",
    "pkg/sibling": "def late():\n    from .lazy import work\n    return work\n",
    "pkg/lazy": "import pkg.sibling\n",
    "pkg/names": "A = B = 1\n",
    "pkg/unrelated": "",
    "pkg/deep/__init__": "from .first import x\n",
    "pkg/deep/first": "from ..above import x\n",
    "pkg/deep/inner": "",
    "pkg/deep/alone": "",
    "pkg/above": "x = 1\n",
}
REACHED = {
    "job",
    "adapter",
    "pkg/__init__",
    "pkg/tools",
    "pkg/sibling",
    "pkg/lazy",
    "pkg/names",
    "pkg/deep/__init__",
    "pkg/deep/first",
    "pkg/deep/inner",
    "pkg/above",
}


@pytest.fixture
def used_by(tmp_path, monkeypatch):
    """`sources.used_by` in a folder of small modules; results as in `MODULES`."""
    for name, text in MODULES.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(sources, "SCRIPTS", tmp_path)
    monkeypatch.chdir(tmp_path)
    return lambda *names: {path.removesuffix(".py") for path in sources.used_by(*names)}


@pytest.fixture
def real(monkeypatch):
    """The real files a script reaches, relative to the scripts' folder, without suffix."""
    monkeypatch.chdir(ROOT)
    start = "workflow/scripts/"
    return lambda *names: {
        path.removeprefix(start).removesuffix(".py") for path in sources.used_by(*names)
    }


def test_everything_that_can_be_imported_is_reached(used_by):
    """Relative, from packages, inside functions, in a circle, and through others."""
    assert used_by("job") == REACHED


def test_what_is_not_imported_is_not_reached(used_by):
    assert not used_by("job") & {"pkg/unrelated", "pkg/deep/alone", "other"}


def test_a_package_is_reached_with_any_of_its_modules(used_by):
    """Python runs `pkg/__init__.py` and `pkg/deep/__init__.py` before the module below them."""
    assert used_by("other") == {"other", "pkg/__init__", "pkg/unrelated"}
    assert {"pkg/__init__", "pkg/deep/__init__", "pkg/above"} <= used_by("pkg.deep.alone")


def test_several_names_are_reached_together(used_by):
    assert used_by("job", "other") == used_by("job") | used_by("other")


def test_other_peoples_modules_are_not_ours(used_by):
    assert used_by("adapter") == {"adapter"}
    assert used_by("numpy", "nowhere") == set()


def test_paths_exist_and_are_sorted_and_relative(monkeypatch):
    monkeypatch.chdir(ROOT)
    paths = sources.used_by("fit", "angiovox.methods.dae")
    assert paths == sorted(paths)
    assert all(Path(path).is_file() and not Path(path).is_absolute() for path in paths)


def test_projecting_does_not_depend_on_training(real):
    assert {"project", "adapter", "angiovox/projection", "angiovox/geometry"} <= real("project")
    assert not real("project") & {
        "angiovox/losses",
        "angiovox/network",
        "angiovox/training",
        "angiovox/metrics/__init__",
    }


def test_fitting_the_network_depends_on_all_of_its_parts(real):
    parts = {"methods/dae", "losses", "network", "training", "training_settings", "patients"}
    assert {f"angiovox/{part}" for part in parts} <= real("fit", "angiovox.methods.dae")


def test_fitting_a_threshold_does_not_depend_on_the_network(real):
    reached = real("fit", "angiovox.methods.hull")
    assert "angiovox/thresholds" in reached
    assert not reached & {"angiovox/losses", "angiovox/network", "angiovox/training"}


@pytest.mark.parametrize("name", interface.names())
def test_a_method_depends_on_no_other_but_what_it_builds_on(real, name):
    builds_on = {"consistent": "unet", "l1_cgan": "cgan", "soft_hull": "hull"}
    builds_on |= {"soft_backprojection": "backprojection"}
    others = set(interface.names()) - {name, builds_on.get(name)}
    reached = real("fit", f"angiovox.methods.{name}")
    assert not reached & {f"angiovox/methods/{other}" for other in others}


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_only_training_and_reconstruction_reach_the_network_by_name(real, script):
    """No script imports a method directly, so that all of them are treated alike."""
    assert not [
        path
        for path in real(script)
        if path.startswith("angiovox/methods/") and not path.endswith("__init__")
    ]
