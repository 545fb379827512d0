"""The version of a job's code: of all that it can import and of nothing else, by its meaning."""

import pytest
from angiovox.methods import registry
from angiovox_pipeline import code_version
from conftest import ROOT

SCRIPTS = ROOT / "workflow" / "scripts"
MODULES = {
    "job": "from angiovox_pipeline.job import start\nfrom pkg import tools\nimport numpy as np\n",
    "other": "import pkg.unrelated\n",
    "angiovox_pipeline/job": "import json\nfrom pkg import logs\n",
    "pkg/__init__": '"""Nothing."""\n',
    "pkg/tools": "from .deep import inner\nfrom . import sibling\nfrom .names import A, B\n",
    "pkg/sibling": "def late():\n    from .lazy import work\n    return work\n",
    "pkg/lazy": "import pkg.sibling\n",
    "pkg/names": "A = B = 1\n",
    "pkg/unrelated": "",
    "pkg/logs": "",
    "pkg/deep/__init__": "from .first import x\n",
    "pkg/deep/first": "from ..above import x\n",
    "pkg/deep/inner": "",
    "pkg/deep/alone": "",
    "pkg/above": "x = 1\n",
}
REACHED = {
    "job",
    "angiovox_pipeline/job",
    "pkg/__init__",
    "pkg/tools",
    "pkg/sibling",
    "pkg/lazy",
    "pkg/names",
    "pkg/deep/__init__",
    "pkg/deep/first",
    "pkg/deep/inner",
    "pkg/above",
    "pkg/logs",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of small modules, in place of ours."""
    for name, text in MODULES.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(code_version, "SCRIPTS", tmp_path)
    forget()
    yield tmp_path
    forget()


def forget():
    """Drop what was read of files that a test has changed since."""
    code_version._meaning.cache_clear()
    code_version._imports.cache_clear()


@pytest.fixture
def used_by(folder):
    """What a script reaches in a folder of small modules; names as in `MODULES`."""
    return lambda *names: {
        str(path.relative_to(folder)).removesuffix(".py")
        for path in code_version.reached_from(*names)
    }


def real(*names):
    """The real files a script reaches, relative to the scripts' folder, without suffix."""
    return {
        str(path.relative_to(SCRIPTS)).removesuffix(".py")
        for path in code_version.reached_from(*names)
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
    assert used_by("pkg.unrelated") == {"pkg/__init__", "pkg/unrelated"}
    assert used_by("numpy", "nowhere") == set()


def test_projecting_does_not_depend_on_training():
    expected = {
        "angiovox_pipeline/job",
        "angiovox/projectors/mip",
        "angiovox/geometry/parallel_beam",
    }
    assert {"project", *expected} <= real("project")
    others = ("angiovox/methods", "angiovox/training", "angiovox/metrics")
    assert not [path for path in real("project") if path.startswith(others)]


def test_fitting_the_network_depends_on_all_of_its_parts():
    own = {f"methods/denoising_autoencoder/{name}" for name in ("method", "network", "focal_loss")}
    parts = own | {"training/trainer", "training/settings", "methods/dataset"}
    assert {f"angiovox/{part}" for part in parts} <= real(
        "fit", "angiovox.methods.denoising_autoencoder.method"
    )


def test_fitting_a_threshold_does_not_depend_on_the_network():
    reached = real("fit", "angiovox.methods.visual_hull.method")
    assert "angiovox/methods/thresholding" in reached
    assert not [path for path in reached if "denoising_autoencoder" in path or "trainer" in path]


FAMILIES = {cls.__module__ for cls in registry.classes().values()}


@pytest.mark.parametrize("module", sorted(FAMILIES))
def test_a_method_depends_on_no_other(module):
    reached = real("fit", module)
    others = FAMILIES - {module}
    assert not reached & {other.replace(".", "/") for other in others}


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_only_training_and_reconstruction_reach_the_network_by_name(script):
    """No script imports a method directly, so that all of them are treated alike."""
    assert not [
        path
        for path in real(script)
        if path.endswith("/method") and path.startswith("angiovox/methods/")
    ]


# What changes the version

CODE = '''"""What it is for."""

import math

LIMIT = 3  # of them


class Circle:
    """A circle."""

    def area(self, radius):
        """Square millimetres."""
        return math.pi * radius**2
'''
SAME = {
    "comment": lambda text: text.replace("# of them", "# of those"),
    "new comment": lambda text: text + "# the end\n",
    "docstring": lambda text: text.replace("Square millimetres.", "In mm^2."),
    "docstring of the module": lambda text: text.replace("What it is for.", "Why."),
    "no docstring": lambda text: text.replace('    """A circle."""\n', ""),
    "moved lines": lambda text: text.replace("\nclass", "\n\n\n\nclass"),
    "broken line": lambda text: text.replace("math.pi * radius**2", "(\n math.pi\n * radius**2)"),
    "touch": lambda text: text,
}
OTHER = {
    "constant": lambda text: text.replace("LIMIT = 3", "LIMIT = 4"),
    "name": lambda text: text.replace("area", "surface"),
    "operation": lambda text: text.replace("**2", "**3"),
    "import": lambda text: text.replace("import math", "import math, cmath"),
    "text": lambda text: text + "NAME = 'a'\n",
}


def versions(folder, before, after, script="job"):
    """The version of a script before and after one of the modules that it may reach is edited."""
    module, text = before
    (folder / f"{module}.py").write_text(text)
    forget()
    first = code_version.of_script(script)
    (folder / f"{module}.py").write_text(after)
    forget()
    return first, code_version.of_script(script)


@pytest.mark.parametrize("edit", SAME)
@pytest.mark.parametrize("module", ["job", "pkg/sibling"])
def test_an_edit_without_meaning_is_the_same_version(folder, module, edit):
    text = CODE + (MODULES["job"] if module == "job" else "")
    first, second = versions(folder, (module, text), SAME[edit](text))
    assert first == second


@pytest.mark.parametrize("edit", OTHER)
@pytest.mark.parametrize("module", ["job", "pkg/sibling"])
def test_an_edit_with_a_meaning_is_another_version(folder, module, edit):
    text = CODE + (MODULES["job"] if module == "job" else "")
    assert OTHER[edit](text) != text
    first, second = versions(folder, (module, text), OTHER[edit](text))
    assert first != second


def test_a_module_that_is_not_reached_leaves_the_version(folder):
    first, second = versions(folder, ("pkg/unrelated", ""), "x = 1\n")
    assert first == second


def test_operations_and_what_only_they_import_leave_the_version(folder):
    """A better log or a quicker watchdog is no other result."""
    for module in ("angiovox_pipeline/job", "pkg/logs"):
        first, second = versions(folder, (module, MODULES[module]), MODULES[module] + "x = 1\n")
        assert first == second


def test_a_module_under_another_name_is_another_version(folder):
    """Two modules may exchange their code."""
    (folder / "pkg/sibling.py").write_text("x = 1\n")
    (folder / "pkg/lazy.py").write_text("import pkg.sibling\ny = 1\n")
    forget()
    before = code_version.of_script("job")
    (folder / "pkg/sibling.py").write_text("import pkg.lazy\ny = 1\n")
    (folder / "pkg/lazy.py").write_text("x = 1\n")
    forget()
    assert code_version.of_script("job") != before


def test_what_is_imported_for_type_checking_only_is_not_reached(folder):
    text = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import pkg.unrelated\n"
    (folder / "other.py").write_text(text)
    forget()
    assert folder / "pkg/unrelated.py" not in code_version.reached_from("other")


def test_every_operation_is_a_module_of_ours():
    assert all(code_version.reached_from(name) for name in code_version.OPERATIONS)
