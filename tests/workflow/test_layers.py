"""Imports go down the floors of the house, and never round in a circle."""

from pathlib import Path

import pytest
from angiovox_pipeline import code_version

SCRIPTS = code_version.SCRIPTS
FLOORS = (  # from the ground up; folders of one floor do not import each other
    {"errors"},
    {"geometry"},
    {"io"},
    {"method"},
    {"projectors"},
    {"training"},
    {"masks", "vessels", "methods"},
    {"phantoms", "metrics"},
    {"angiograms", "view_prediction"},
    {"figures", "reporting"},
    {"angiovox_pipeline"},
    {"angiovox_command"},
)
FLOOR = {folder: number for number, folders in enumerate(FLOORS) for folder in folders}
MODULES = sorted(path for path in SCRIPTS.glob("angiovox*/**/*.py") if path.name != "__init__.py")


def folder(path: Path) -> str:
    """The package's folder, or its module on the first level, that a file belongs to."""
    package, first = path.relative_to(SCRIPTS).with_suffix("").parts[:2]
    return first if package == "angiovox" else package


def imports(path: Path) -> set[Path]:
    """Modules of ours that a file imports, anywhere in it."""
    named = (code_version.files_of(name) for name in code_version.imported_names(path))
    return {files[-1] for files in named if files and files[-1].name != "__init__.py"}


def name(path: Path) -> str:
    return str(path.relative_to(SCRIPTS).with_suffix(""))


def test_every_folder_has_a_floor():
    assert {folder(path) for path in MODULES} == {*FLOOR}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_import_goes_up_or_sideways(path):
    below = {other for other, floor in FLOOR.items() if floor < FLOOR[folder(path)]}
    allowed = below | {folder(path)}
    assert not [name(other) for other in imports(path) if folder(other) not in allowed]


def test_no_imports_go_round_in_a_circle():
    left = {path: imports(path) & {*MODULES} - {path} for path in MODULES}
    while free := [path for path, needed in left.items() if not needed & {*left}]:
        for path in free:
            del left[path]
    assert not [name(path) for path in left]


def test_methods_share_nothing_sideways():
    """What two families of methods share lies in `methods` itself, or further down."""
    families = SCRIPTS / "angiovox/methods"
    for path in families.glob("*/*.py"):
        of_others = [
            other
            for other in imports(path)
            if other.is_relative_to(families) and other.parent not in (families, path.parent)
        ]
        assert not of_others, name(path)


def test_the_science_knows_nothing_of_snakemake():
    for path in MODULES:
        known = {imported.split(".")[0] for imported in code_version.imported_names(path)}
        assert folder(path) == "angiovox_pipeline" or "snakemake" not in known, name(path)
