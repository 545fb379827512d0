"""Programs that judge exports, of `make validators` or of the system."""

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

FOLDER = ROOT / ".venv-validators/bin"


def program(name: str) -> str:
    """The path of a program; skips the test that calls it where there is none."""
    path = shutil.which(name, path=FOLDER) or shutil.which(name)
    return path or pytest.skip(f"not run: {name} is not installed (make validators)")


def run(name: str, *arguments: str | Path) -> subprocess.CompletedProcess:
    """Run a program; stdout holds all that it says."""
    return subprocess.run(
        [program(name), *map(str, arguments)],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
