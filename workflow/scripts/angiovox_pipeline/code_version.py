"""The version of the code that a job depends on, as one string that changes with its meaning.

Rules have it as a parameter, so that a comment, a docstring or a touched file reruns nothing and a
changed constant reruns its dependants; checkpoints are stamped with it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from .places import PACKAGES, SCRIPTS

OUR_PACKAGES = "angiovox"  # begins their names
DIGITS = 16  # of the SHA-256, which has 64
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# What logs, watches and names errors cannot change a result; all else that a script imports can.
OPERATIONS = (
    *(f"angiovox_pipeline.{name}" for name in ("job", "watchdog", "disk_errors")),
    "angiovox.errors",
)


def of_script(*names: str) -> str:
    """Digest the code that scripts or modules run, themselves included.

    Parameters
    ----------
    *names : str
        Dotted as in an import below workflow/scripts, for example "mask" or
        "angiovox.methods.unet.method".

    Returns
    -------
    str
        Hexadecimal digits of a SHA-256 over names and syntax trees of the modules reached by
        imports. Docstrings, comments, layout and `OPERATIONS` are left out.
    """
    digest = hashlib.sha256()
    for path in reached_from(*names, leave_out=OPERATIONS):
        digest.update(f"{_place(path)}\n{_meaning(path)}\n".encode())
    return digest.hexdigest()[:DIGITS]


def reached_from(*names: str, leave_out: tuple[str, ...] = ()) -> list[Path]:
    """List our files that scripts or modules reach by imports, themselves included, sorted.

    leave_out : modules that are not followed; dotted, as `names` are.
    """
    left_out = {path for name in leave_out for path in files_of(name)[-1:]}
    reached: set[Path] = set()
    waiting = [file for name in names for file in files_of(name)]
    while waiting:
        path = waiting.pop()
        if path not in reached | left_out:
            reached.add(path)
            waiting.extend(_imports(path))
    return sorted(reached, key=_place)


def imported_names(path: Path) -> Iterator[str]:
    """Yield each dotted name that a file imports anywhere but for type checking.

    Relative names are made absolute; of `from a import b` it is `a.b`, whether or not that is a
    module.
    """
    package = _place(path).parent.parts
    for node in _running_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, node.module or ""]).strip(".")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _running_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree without the bodies of `if TYPE_CHECKING:`."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            waiting.extend(ast.iter_child_nodes(node))


def _place(path: Path) -> Path:
    """A file's path below the folder that it is imported from."""
    return path.relative_to(SCRIPTS if path.is_relative_to(SCRIPTS) else PACKAGES)


@cache
def _meaning(path: Path) -> str:
    """A file's code without comments, docstrings and layout.

    Unparsed: dumps of a syntax tree differ between versions of Python.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body[:1] = [] if len(node.body) > 1 else [ast.Pass()]
    return ast.unparse(tree)


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    return tuple(file for name in imported_names(path) for file in files_of(name))


def files_of(name: str) -> list[Path]:
    """Files that importing a dotted name runs: its packages and itself. None for others' code."""
    parts = name.split(".")
    is_installed = name.startswith(OUR_PACKAGES) and not (SCRIPTS / parts[0]).exists()
    root = PACKAGES if is_installed else SCRIPTS
    stems = [root.joinpath(*parts[: depth + 1]) for depth in range(len(parts))]
    candidates = [
        path for stem in stems for path in (stem.with_suffix(".py"), stem / "__init__.py")
    ]
    return [path for path in candidates if path.is_file()]
