"""What one catheter fills of a traced tree, and how files with other axes lie."""

import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.vessels.swc import LPS, Point, patient_axes, read_swc
from angiovox.vessels.territory import territory_segments
from angiovox.vessels.voxelize import occupancy

# A circle that two inlets feed, traced from its middle: type 0 is the circle and its inlets, whose
# wider tip is that of the left; 2 and 3 hang from the left, 4 from the right. A twig of the left
# inlet, of type 0 too, is no part of a territory.
CIRCLE = """\
1 0 0 0 10 1.0 -1
2 0 10 0 10 1.5 1
3 0 10 0 0 2.0 2
4 0 10 0 -10 2.2 3
5 0 14 0 0 0.6 3
6 2 12 5 12 1.0 2
7 2 12 9 14 0.8 6
8 3 16 0 12 1.1 2
9 0 -10 0 10 1.5 1
10 0 -10 0 -10 2.1 9
11 4 -16 0 12 1.1 9
"""
LEFT = {(4, 3), (3, 2), (2, 6), (6, 7), (2, 8)}


def swc(folder, text):
    path = folder / "tree.swc"
    path.write_text(text)
    return path


def points(text):
    rows = (line.split() for line in text.splitlines())
    return {
        int(number): Point(0, int(kind), list(map(float, (x, y, z))), float(radius), int(parent))
        for number, kind, x, y, z, radius, parent in rows
    }


def test_a_territory_is_filled_from_the_widest_inlet_of_what_feeds_it():
    """Along the flow, against the way it was traced; not the other side, nor a twig on the way."""
    tree = points(CIRCLE)
    assert set(territory_segments(tree, [2, 3])) == LEFT
    assert set(territory_segments(tree, [2])) == {(4, 3), (3, 2), (2, 6), (6, 7)}


def test_of_inlets_that_one_type_joins_the_widest_is_taken():
    """The left one, also for the right: types tell territories apart, not inlets."""
    found = territory_segments(points(CIRCLE), [4])
    assert set(found) == {(4, 3), (3, 2), (2, 1), (1, 9), (9, 11)}


@pytest.mark.parametrize("root", range(1, 12))
def test_where_a_tree_is_traced_from_does_not_matter(root):
    tree = points(CIRCLE)
    beside = {number: set() for number in tree}
    for number, point in tree.items():
        if point.has_parent:
            beside[number].add(point.parent)
            beside[point.parent].add(number)
    turned, waiting = {root: tree[root]._replace(parent=-1)}, [root]
    while waiting:
        here = waiting.pop()
        for near in beside[here] - set(turned):
            turned[near] = tree[near]._replace(parent=here)
            waiting.append(near)
    assert set(territory_segments(turned, [2, 3])) == LEFT


@pytest.mark.parametrize(
    ("types", "words"),
    [([7, 9], "no point of the types 7, 9"), ([0, 2, 3, 4], "no artery leads to the points")],
)
def test_a_territory_that_a_tree_does_not_have_is_refused_with_its_types(tmp_path, types, words):
    with pytest.raises(ValueError, match=words):
        territory_segments(points(CIRCLE), types)
    with pytest.raises(InputError, match=rf"tree\.swc: {words}"):
        read_swc(swc(tmp_path, CIRCLE), types)


def test_a_territory_lies_where_it_does_in_the_whole_tree(tmp_path):
    path = swc(tmp_path, CIRCLE)
    whole, part = read_swc(path), read_swc(path, [2, 3])
    assert len(part.segments) == len(LEFT)
    places = {tuple(point) for point in whole.points.round(6)}
    assert {tuple(point) for point in part.points.round(6)} <= places
    shares = [occupancy(tree, (40, 40, 40), 1.0)[0] for tree in (whole, part)]
    assert 0 < shares[1].sum() < shares[0].sum() and (shares[1] <= shares[0] + 1e-6).all()


# Axes


@pytest.mark.parametrize("axes", ["LPS", "LSP", "RAI", "SLP", "IAR"])
def test_a_file_of_other_axes_gives_the_same_tree(tmp_path, axes):
    expected = read_swc(swc(tmp_path, CIRCLE), [2, 3])
    columns, signs = patient_axes(axes)
    rows = []
    for line in CIRCLE.splitlines():
        number, kind, *place, radius, parent = line.split()
        own = [0.0] * 3
        for value, column, sign in zip(map(float, place), columns, signs, strict=True):
            own[column] = sign * value
        rows.append(" ".join(map(str, [number, kind, *own, radius, parent])))
    found = read_swc(swc(tmp_path, "\n".join(rows)), [2, 3], axes)
    np.testing.assert_allclose(found.points, expected.points, atol=1e-12)
    np.testing.assert_array_equal(found.segments, expected.segments)


def test_axes_say_where_the_files_coordinates_grow_to():
    assert patient_axes(LPS) == ([0, 1, 2], [1, 1, 1])
    assert patient_axes("LSP") == ([0, 2, 1], [1, 1, 1])  # y is superior, z posterior
    assert patient_axes("RAS") == ([0, 1, 2], [-1, -1, 1])


@pytest.mark.parametrize("axes", ["", "LP", "LPSS", "LLS", "LRS", "XYZ", "lps"])
def test_axes_that_are_no_three_directions_are_refused(axes):
    with pytest.raises(ValueError, match=f"axes '{axes}': expected a letter each"):
        patient_axes(axes)
