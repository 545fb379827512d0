"""Print what pyproject.toml requires, of all groups and without the bounds: `make newest`."""

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
NAME = r"[\w.-]+(\[[\w,.-]+\])?"  # with extras


def requirements() -> list[str]:
    """Every requirement of the project, with its bounds."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return [requirement for group in groups for requirement in group]


if __name__ == "__main__":
    print(*(re.match(NAME, requirement)[0] for requirement in requirements()), sep="\n")
