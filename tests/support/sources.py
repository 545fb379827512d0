"""What source files import."""

import ast
from pathlib import Path


def imported(path: Path) -> set[str]:
    """Top-level names of the modules that a file imports anywhere."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    parts = [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom) and not n.level]
    return {name.split(".")[0] for name in plain + parts}
