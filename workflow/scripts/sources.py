"""Which of our files a script really uses, so that a rule reruns when one of them changes."""

from __future__ import annotations

import ast
import os
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parent


def used_by(*names: str) -> list[str]:
    """Files reached by imports from scripts or modules, themselves included, sorted.

    names : dotted as in an import below workflow/scripts, for example "mask" or
    "angiovox.methods.dae". Paths are relative to the working directory.
    """
    reached: set[Path] = set()
    waiting = [file for name in names for file in _files_of(name)]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting.extend(_imports(path))
    return sorted(os.path.relpath(path) for path in reached)


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    found: list[Path] = []
    package = path.relative_to(SCRIPTS).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [file for alias in node.names for file in _files_of(alias.name)]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, node.module or ""]).strip(".")
            for alias in node.names:
                found += _files_of(f"{module}.{alias.name}")
    return tuple(found)


def _files_of(name: str) -> list[Path]:
    """Files that importing a dotted name runs: its packages and itself. None for others' code."""
    parts = name.split(".")
    stems = [SCRIPTS.joinpath(*parts[: depth + 1]) for depth in range(len(parts))]
    candidates = [
        path for stem in stems for path in (stem.with_suffix(".py"), stem / "__init__.py")
    ]
    return [path for path in candidates if path.is_file()]
