"""Where the workflow's files lie: in a clone around the packages, installed beside them."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

PACKAGES = Path(__file__).parents[1]  # holds angiovox, angiovox_command and angiovox_pipeline
OUR_FILES = "angiovox*/**/*.py"
INSTALLED = PACKAGES / "angiovox_workflow"  # as setup.py has it
ROOT = INSTALLED if INSTALLED.is_dir() else PACKAGES.parents[1]
SCRIPTS = ROOT / "workflow/scripts"


def prefer_these_packages() -> None:
    """Let jobs import these packages where others of the same names are installed, too.

    Snakemake appends the folder of a script to the path, so that an installed package would come
    before the one of a clone whose rules run.
    """
    elsewhere = [path for path in sys.path if Path(path).resolve() != PACKAGES.resolve()]
    other = PathFinder.find_spec("angiovox", elsewhere)
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if other is not None and paths[0] != str(PACKAGES):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PACKAGES), *paths]))
