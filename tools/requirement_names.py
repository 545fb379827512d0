"""Print what pyproject.toml requires, documents included, without the bounds: `make newest`."""

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
NAME = r"[\w.-]+(\[[\w,.-]+\])?"  # with extras


def requirements() -> list[str]:
    """Every requirement of the project, its tests and its documents, with its bounds."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    more = project["optional-dependencies"]
    groups = [project["dependencies"], more["cluster"], more["test"], more["docs"]]
    return [requirement for group in groups for requirement in group]


if __name__ == "__main__":
    print(*(re.match(NAME, requirement)[0] for requirement in requirements()), sep="\n")
