"""Arterial trees from SWC files, the way digital reconstructions are distributed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ..errors import InputError
from .graph import Arteries


def swc_files(folder: str | Path) -> list[Path]:
    """SWC files of a folder, by name.

    Raises InputError for a folder that does not exist or holds none.
    """
    if not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder")
    files = sorted(
        path
        for path in Path(folder).iterdir()
        if path.suffix.lower() == ".swc" and path.is_file() and not path.name.startswith(".")
    )
    if not files:
        raise InputError(f"{folder}: no .swc file in it")
    return files


def read_swc(path: str | Path) -> Arteries:
    """One tree: number, type, x, y, z, radius and parent (-1 for the root) per line, in mm.

    Axes are taken as the patient's (x left, y posterior, z superior) and the middle of the tree's
    extent as the origin. Contrast is full everywhere.

    Raises InputError that names file and line for a line that cannot be read, a number given
    twice, a radius that is not positive, a missing parent, a cycle or a second root.
    """
    lines = Path(path).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    rows: dict[int, tuple[int, list[float], int]] = {}
    for line, text in enumerate(lines, start=1):
        if text.strip() and not text.lstrip().startswith("#"):
            number, values, parent = _row(text, f"{path} line {line}")
            if number in rows:
                raise InputError(f"{path} line {line}: point {number} is there twice")
            rows[number] = (line, values, parent)
    _check_tree(rows, path)
    index = {number: i for i, number in enumerate(rows)}
    values = np.array([row[1] for row in rows.values()])
    segments = [(index[row[2]], index[n]) for n, row in rows.items() if row[2] != -1]
    points, radii = values[:, :3], values[:, 3]
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return Arteries(
        points=points - middle,
        radii=radii,
        contrast=np.ones(len(points)),
        segments=np.array(segments),
        artery=np.zeros(len(segments), dtype=int),
        names=("centreline",),
    )


def _row(text: str, where: str) -> tuple[int, list[float], int]:
    fields = text.split()
    try:
        number, _, *rest = fields[:7]
        *values, parent = rest
        found = int(number), [float(value) for value in values], int(parent)
    except ValueError:
        raise InputError(
            f"{where}: expected number type x y z radius parent, got {text!r}"
        ) from None
    if len(found[1]) != 4 or not all(map(math.isfinite, found[1])):
        raise InputError(f"{where}: expected number type x y z radius parent, got {text!r}")
    if found[1][3] <= 0:
        raise InputError(f"{where}: radius {found[1][3]:g} mm of point {number}: must be above 0")
    return found


def _check_tree(rows: dict[int, tuple[int, list[float], int]], path: str | Path) -> None:
    """One root, every parent there, and every point's ancestors end at the root."""
    roots = [number for number, row in rows.items() if row[2] == -1]
    if len(rows) < 2:
        raise InputError(f"{path}: a tree has at least two points, this has {len(rows)}")
    if len(roots) > 1:
        raise InputError(
            f"{path} line {rows[roots[1]][0]}: a second tree begins at point {roots[1]} (the first "
            f"at line {rows[roots[0]][0]}); one tree per file"
        )
    for number, (line, _, parent) in rows.items():
        if parent != -1 and parent not in rows:
            raise InputError(f"{path} line {line}: point {number} has the missing parent {parent}")
    reaches_root = set(roots)
    for number in rows:
        way: dict[int, None] = {}
        while number not in reaches_root:
            if number in way:
                raise InputError(
                    f"{path} line {rows[number][0]}: point {number} is its own ancestor (a cycle)"
                )
            way[number] = None
            number = rows[number][2]
        reaches_root.update(way)
