"""The part of a traced tree that one catheter fills: an artery's territory and what feeds it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .swc import Point


def territory_segments(tree: Mapping[int, Point], types: Collection[int]) -> list[tuple[int, int]]:
    """Segments (first, last) along the flow: the feeding artery from its inlet, and the territory.

    The feeding artery has the type of the point that the territory hangs from, such as an internal
    carotid below its anterior and middle cerebral artery. Its inlet is the widest of the tips that
    can be reached within that type; side branches of it stay empty.

    tree : points by number. types : SWC types of the territory's points.

    Raises ValueError for types that no point has, or that no other artery leads to.
    """
    wanted = ", ".join(map(str, sorted(types)))
    beside = _neighbours(tree)
    own = {number for number, point in tree.items() if point.type in types}
    if not own:
        raise ValueError(f"no point of the types {wanted}")
    hosts = [near for number in sorted(own) for near in beside[number] if near not in own]
    if not hosts:
        raise ValueError(f"no artery leads to the points of the types {wanted}")
    other_types = {n for n, point in tree.items() if point.type != tree[hosts[0]].type}
    before = _walk(beside, hosts[0], other_types)
    tips = [number for number in before if len(beside[number]) == 1] or hosts[:1]
    feeding = [max(tips, key=lambda number: tree[number].radius)]
    while before[feeding[-1]] is not None:
        feeding.append(before[feeding[-1]])
    flow = _walk(beside, feeding[0], tree.keys() - own - set(feeding))
    return [(first, last) for last, first in flow.items() if first is not None]


def _neighbours(tree: Mapping[int, Point]) -> dict[int, list[int]]:
    beside: dict[int, list[int]] = {number: [] for number in tree}
    for number, point in tree.items():
        if point.has_parent:
            beside[number].append(point.parent)
            beside[point.parent].append(number)
    return beside


def _walk(
    beside: Mapping[int, list[int]], start: int, closed: Collection[int]
) -> dict[int, int | None]:
    """Points that can be reached from the start, each with the one before it."""
    before: dict[int, int | None] = {start: None}
    stack = [start]
    while stack:
        number = stack.pop()
        for near in beside[number]:
            if near not in before and near not in closed:
                before[near] = number
                stack.append(near)
    return before
