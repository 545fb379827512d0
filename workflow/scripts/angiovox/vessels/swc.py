"""Arterial trees from SWC files, the way digital reconstructions are distributed."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InputError
from ..io.folders import check_name
from .territory import territory_segments

if TYPE_CHECKING:
    from .graph import Arteries

NO_PARENT = -1
LPS = "LPS"  # the axes of DICOM's patient: x grows to the left, y to posterior, z to superior
OPPOSITE = str.maketrans("RAI", LPS)


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

    Raises InputError for a folder that does not exist or holds none, and for a name that no rule
    could have as an input.
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
    for path in files:
        check_name(path)
    return files


def read_swc(
    path: str | Path, territory: Collection[int] | None = None, axes: str = LPS
) -> Arteries:
    """One tree. Contrast is full everywhere, and the middle of the tree's extent is the origin.

    territory : types of the points that one catheter fills (`territory.territory_segments`); None
    for the whole tree, which flows from its root.
    axes : of the file, see `patient_axes`.

    Raises InputError as `read_points`, and for a territory that the tree does not have.
    """
    import numpy as np

    from .graph import Arteries

    tree = read_points(path)
    pairs = flow(tree, territory, path)
    used = sorted({number for pair in pairs for number in pair})
    index = {number: i for i, number in enumerate(used)}
    segments = [(index[first], index[last]) for first, last in pairs]
    columns, signs = patient_axes(axes)
    places = {n: np.array(point.place)[columns] * signs for n, point in tree.items()}
    every = np.array([*places.values()])
    middle = (every.min(axis=0) + every.max(axis=0)) / 2
    return Arteries(
        points=np.array([places[number] for number in used]) - middle,
        radii=np.array([tree[number].radius for number in used]),
        contrast=np.ones(len(used)),
        segments=np.array(segments),
        artery=np.zeros(len(segments), dtype=int),
        names=("centreline",),
    )


def patient_axes(axes: str) -> tuple[list[int], list[int]]:
    """For each axis of the patient (LPS), the file's axis that runs along it, and 1 or -1.

    axes : where x, y and z of the file grow to, by a letter each of left or right, posterior or
    anterior, superior or inferior: "LPS" is the patient's own, "LSP" has y and z exchanged.

    Raises ValueError for letters that are not three directions at right angles.
    """
    along = axes.translate(OPPOSITE)
    if sorted(along) != sorted(LPS):
        raise ValueError(
            f"axes {axes!r}: expected a letter each of L or R, P or A, S or I, such as {LPS}"
        )
    columns = [along.index(direction) for direction in LPS]
    return columns, [1 if axes[column] in LPS else -1 for column in columns]


def flow(
    tree: dict[int, Point], territory: Collection[int] | None, path: str | Path
) -> list[tuple[int, int]]:
    """Pairs of points that contrast flows between, of a territory or of the whole tree.

    Raises InputError for a territory that the tree does not have.
    """
    if territory is None:
        return [(point.parent, number) for number, point in tree.items() if point.has_parent]
    try:
        return territory_segments(tree, territory)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def read_points(path: str | Path) -> dict[int, Point]:
    """The points of one tree by number: number, type, x, y, z, radius and parent (-1 for the root)
    per line, in mm.

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
