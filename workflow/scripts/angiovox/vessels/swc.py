"""Arterial trees from SWC files, the way digital reconstructions are distributed."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InputError
from .territory import territory_segments

if TYPE_CHECKING:
    from .graph import Arteries

NO_PARENT = -1


class Point(NamedTuple):
    """A point of a tree: its line in the file, its type, its place and radius in mm, its parent."""

    line: int
    type: int
    place: list[float]
    radius: float
    parent: int

    @property
    def has_parent(self) -> bool:
        """Whether it is not the root."""
        return self.parent != NO_PARENT


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


def read_swc(path: str | Path, territory: Collection[int] | None = None) -> Arteries:
    """One tree. Contrast is full everywhere, and the middle of the tree's extent is the origin.

    territory : types of the points that one catheter fills (see `territory.territory_segments`);
    None for the whole tree, which flows from its root.

    Raises InputError as `read_points`, and for a territory that the tree does not have.
    """
    import numpy as np

    from .graph import Arteries

    tree = read_points(path)
    if territory is None:
        pairs = [(point.parent, number) for number, point in tree.items() if point.has_parent]
    else:
        try:
            pairs = territory_segments(tree, territory)
        except ValueError as error:
            raise InputError(f"{path}: {error}") from None
    used = sorted({number for pair in pairs for number in pair})
    index = {number: i for i, number in enumerate(used)}
    segments = [(index[first], index[last]) for first, last in pairs]
    every = np.array([point.place for point in tree.values()])
    middle = (every.min(axis=0) + every.max(axis=0)) / 2
    return Arteries(
        points=np.array([tree[number].place for number in used]) - middle,
        radii=np.array([tree[number].radius for number in used]),
        contrast=np.ones(len(used)),
        segments=np.array(segments),
        artery=np.zeros(len(segments), dtype=int),
        names=("centreline",),
    )


def read_points(path: str | Path) -> dict[int, Point]:
    """The points of one tree by number: number, type, x, y, z, radius and parent (-1 for the root)
    per line, in mm. Axes are taken as the patient's (x left, y posterior, z superior).

    Raises InputError that names file and line for a line that cannot be read, a number given
    twice, a radius that is not positive, a missing parent, a cycle or a second root.
    """
    lines = Path(path).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    tree: dict[int, Point] = {}
    for line, text in enumerate(lines, start=1):
        if text.strip() and not text.lstrip().startswith("#"):
            number, point = _point(text, line, f"{path} line {line}")
            if number in tree:
                raise InputError(f"{path} line {line}: point {number} is there twice")
            tree[number] = point
    _check_tree(tree, path)
    return tree


def _point(text: str, line: int, where: str) -> tuple[int, Point]:
    fields = text.split()
    try:
        number, kind, x, y, z, radius, parent = fields[:7]
        place = [float(x), float(y), float(z)]
        found = Point(line, int(float(kind)), place, float(radius), int(parent))
        number = int(number)
    except ValueError:
        found = None
    if found is None or not all(map(math.isfinite, [*found.place, found.radius])):
        raise InputError(f"{where}: expected number type x y z radius parent, got {text!r}")
    if found.radius <= 0:
        raise InputError(f"{where}: radius {found.radius:g} mm of point {number}: must be above 0")
    return number, found


def _check_tree(tree: dict[int, Point], path: str | Path) -> None:
    """One root, every parent there, and every point's ancestors end at the root."""
    roots = [number for number, point in tree.items() if not point.has_parent]
    if len(tree) < 2:
        raise InputError(f"{path}: a tree has at least two points, this has {len(tree)}")
    if len(roots) > 1:
        raise InputError(
            f"{path} line {tree[roots[1]].line}: a second tree begins at point {roots[1]} (the "
            f"first at line {tree[roots[0]].line}); one tree per file"
        )
    for number, point in tree.items():
        if point.has_parent and point.parent not in tree:
            raise InputError(
                f"{path} line {point.line}: point {number} has the missing parent {point.parent}"
            )
    reaches_root = set(roots)
    for number in tree:
        way: dict[int, None] = {}
        while number not in reaches_root:
            if number in way:
                raise InputError(
                    f"{path} line {tree[number].line}: point {number} is its own ancestor (a cycle)"
                )
            way[number] = None
            number = tree[number].parent
        reaches_root.update(way)
