"""SWC files: hand-written trees come back, and every broken one is named with what is wrong."""

import os
import re

import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.phantoms.acquisition import MIDDLE, Settings, acquire
from angiovox.phantoms.cortical_arteries import CEREBRUM, CEREBRUM_CENTRE
from angiovox.phantoms.tortuosity import STEP
from angiovox.vessels.graph import branches
from angiovox.vessels.swc import read_swc, swc_files
from angiovox.vessels.voxelize import occupancy

TREE = """\
# a trunk that forks
1 0 0 0 0 2.0 -1
2 0 0 0 10 1.5 1

  # one branch
3 0 4 0 14 0.75 2
4 0 -4 2 16 1.25 2
5 0 -8 2 20 1 4
"""


def swc(folder, text, name="tree.swc"):
    (folder / name).write_text(text)
    return folder / name


def by_place(arteries):
    """Each tube by its ends: (from, to) with their radii, whatever the numbering."""
    ends = np.column_stack([arteries.points, arteries.radii]).round(9)
    return sorted((tuple(ends[a].tolist()), tuple(ends[b].tolist())) for a, b in arteries.segments)


def test_points_radii_and_parents_are_read_past_comments_and_blank_lines(tmp_path):
    arteries = read_swc(swc(tmp_path, TREE))
    places = np.array([[0, 0, 0], [0, 0, 10], [4, 0, 14], [-4, 2, 16], [-8, 2, 20]])
    np.testing.assert_allclose(arteries.points - arteries.points[0], places)
    np.testing.assert_array_equal(arteries.radii, [2, 1.5, 0.75, 1.25, 1])
    assert arteries.segments.tolist() == [[0, 1], [1, 2], [1, 3], [3, 4]]
    assert arteries.names == ("centreline",) and set(arteries.artery) == {0}
    assert set(arteries.contrast) == {1.0}


def test_the_middle_of_the_extent_is_the_origin(tmp_path):
    """Not the mean of the points, of which one branch may have more than another."""
    points = read_swc(swc(tmp_path, TREE)).points
    np.testing.assert_allclose(points.min(axis=0), -points.max(axis=0))
    assert np.abs(points.mean(axis=0)).max() > 0.1


@pytest.mark.parametrize("seed", range(3))
def test_neither_the_order_of_lines_nor_the_numbers_matter(tmp_path, seed):
    expected = by_place(read_swc(swc(tmp_path, TREE)))
    rng = np.random.default_rng(seed)
    new = dict(zip("12345", rng.choice(900, 5, replace=False).astype(str), strict=True))
    rows = [line.split() for line in TREE.splitlines() if line[:1].isdigit()]
    rows = [[new[number], *row, new.get(parent, "-1")] for number, *row, parent in rows]
    text = "\n".join("\t".join(rows[i]) for i in rng.permutation(5))
    assert by_place(read_swc(swc(tmp_path, text))) == expected


def test_what_is_written_from_a_read_tree_reads_as_the_same_tree(tmp_path):
    first = read_swc(swc(tmp_path, TREE))
    parents = dict(first.segments[:, ::-1].tolist())
    rows = [
        f"{i} 3 {x!r} {y!r} {z!r} {radius!r} {parents.get(i, -1)}"
        for i, ((x, y, z), radius) in enumerate(
            zip(first.points.tolist(), first.radii.tolist(), strict=True)
        )
    ]
    again = read_swc(swc(tmp_path, "\n".join(rows)))
    for name in ("points", "radii", "segments"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.rstrip("\n"),
        lambda text: text.replace(" 2.0 -1", " 2.0 -1 0.5 # column eight"),
        lambda text: text.replace("1 0 0 0 0 2.0", "1 0 0 0 0 +2e0"),
    ],
    ids=["Windows", "byte order mark", "no newline at the end", "more columns", "exponent"],
)
def test_a_file_as_other_programs_write_it_reads_the_same(tmp_path, change):
    expected = by_place(read_swc(swc(tmp_path, TREE)))
    (tmp_path / "tree.swc").write_bytes(change(TREE).encode())
    assert by_place(read_swc(tmp_path / "tree.swc")) == expected


ROWS = "number type x y z radius parent"
BROKEN = {
    "cycle": ("2 0 0 0 10 1.5 1", "2 0 0 0 10 1.5 5", "line [378].*point [245] .*cycle"),
    "own parent": ("3 0 4 0 14 0.75 2", "3 0 4 0 14 0.75 3", "line 6.*point 3 .*cycle"),
    "no root": ("1 0 0 0 0 2.0 -1", "1 0 0 0 0 2.0 2", "line [23].*point [12] .*cycle"),
    "two roots": ("4 0 -4 2 16 1.25 2", "4 0 -4 2 16 1.25 -1", "line 7.*point 4 .*line 2"),
    "missing parent": ("1.25 2", "1.25 9", "line 7.*point 4 .*missing parent 9"),
    "parent below -1": ("1.25 2", "1.25 -2", "line 7.*point 4 .*missing parent -2"),
    "radius of nothing": ("14 0.75 2", "14 0 2", "line 6.*radius 0 mm of point 3.*above 0"),
    "negative radius": ("14 0.75 2", "14 -0.75 2", "line 6.*radius -0.75 mm.*above 0"),
    "radius nan": ("14 0.75 2", "14 nan 2", f"line 6.*{ROWS}.*'3 0 4 0 14 nan 2'"),
    "place inf": ("3 0 4 0 14", "3 0 4 inf 14", f"line 6.*{ROWS}"),
    "number twice": ("4 0 -4 2 16", "2 0 -4 2 16", "line 7.*point 2 is there twice"),
    "too few columns": ("5 0 -8 2 20 1 4", "5 0 -8 2 20 4", f"line 8.*{ROWS}"),
    "one column": ("5 0 -8 2 20 1 4", "5", f"line 8.*{ROWS}.*'5'"),
    "text": ("5 0 -8 2 20 1 4", "and so on", f"line 8.*{ROWS}.*'and so on'"),
    "commas": ("3 0 4 0 14 0.75 2", "3,0,4,0,14,0.75,2", f"line 6.*{ROWS}"),
    "parent of a fraction": ("0.75 2", "0.75 2.5", f"line 6.*{ROWS}"),
    "single point": (TREE[TREE.index("2 0") :], "", ": a tree has at least two points, this has 1"),
    "comments only": (
        TREE[TREE.index("1 0") :],
        "",
        ": a tree has at least two points, this has 0",
    ),
    "empty": (TREE, "", ": a tree has at least two points, this has 0"),
}


@pytest.mark.parametrize(("old", "new", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_tree_is_refused_with_file_line_and_what_is_wrong(tmp_path, old, new, words):
    assert TREE.count(old) == 1
    path = swc(tmp_path, TREE.replace(old, new))
    with pytest.raises(InputError) as refused:
        read_swc(path)
    message = str(refused.value)
    assert message.startswith(str(path)) and "\n" not in message
    assert re.search(words, message), message


def test_a_cycle_that_other_points_lead_into_is_named_by_a_point_of_it(tmp_path):
    """Point 3 hangs on the cycle of 4 and 5, but is not part of it."""
    text = TREE.replace("0.75 2", "0.75 5").replace("1.25 2", "1.25 5")
    with pytest.raises(InputError, match=r"line [78]: point [45] is its own ancestor"):
        read_swc(swc(tmp_path, text))


def test_a_file_that_is_no_text_is_refused_as_input(tmp_path):
    (tmp_path / "tree.swc").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match=r"tree\.swc line 1"):
        read_swc(tmp_path / "tree.swc")


def test_a_long_tree_is_read_without_recursion(tmp_path):
    rows = [f"{i} 0 0 0 {0.1 * i:.1f} 1 {i - 1 or -1}" for i in range(1, 5001)]
    assert len(read_swc(swc(tmp_path, "\n".join(rows[::-1]))).segments) == 4999


# Folders


def test_a_name_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / os.fsdecode(b"tr\xe9e.swc")).write_text("")
    with pytest.raises(InputError, match=r"tr\\xe9e\.swc: not UTF-8"):
        swc_files(tmp_path)


def test_a_folder_gives_its_swc_files_by_name_whatever_the_case_of_the_suffix(tmp_path):
    for name in ("b.swc", "c.SWC", "a.Swc", "notes.txt", "swc", "d.swc.bak"):
        swc(tmp_path, TREE, name)
    (tmp_path / "deeper").mkdir()
    assert [path.name for path in swc_files(tmp_path)] == ["a.Swc", "b.swc", "c.SWC"]


def test_a_folder_that_is_missing_or_holds_none_is_named(tmp_path):
    (tmp_path / "bare").mkdir()
    swc(tmp_path / "bare", TREE, "tree.txt")
    for name, words in (("gone", "no such folder"), ("bare", r"no \.swc file")):
        with pytest.raises(InputError, match=f"{name}: {words}"):
            swc_files(tmp_path / name)


# In the scanner


def acquired(path, centre="circle"):
    return acquire(1, (24, 24, 24), 1.5, Settings("all", centre), str(path))


def test_a_given_tree_is_what_the_scanner_shows(tmp_path):
    path = swc(tmp_path, TREE)
    taken, given = acquired(path, "head"), read_swc(path)
    np.testing.assert_allclose(taken.arteries.points[: len(given.points)], given.points)
    assert taken.variant is None and taken.lesions == []
    index = tuple(np.rint(given.points / 1.5 + 11.5).astype(int).T)
    assert (taken.share[index] > 0).all()
    assert taken.volume[taken.share > 0.5].min() > taken.volume[taken.share == 0].mean() + 100


def test_a_tree_is_made_finer_without_a_change_of_its_tubes(tmp_path):
    given, taken = read_swc(swc(tmp_path, TREE)), acquired(swc(tmp_path, TREE), "head").arteries
    assert given.lengths.max() > 4 * STEP and taken.lengths.max() <= STEP * (1 + 1e-9)
    assert taken.lengths.sum() == pytest.approx(given.lengths.sum())
    ends = [sorted(path[[0, -1]].tolist()) for path in branches(taken.segments)]
    assert sorted(ends) == sorted(
        sorted(path[[0, -1]].tolist()) for path in branches(given.segments)
    )
    shares = [occupancy(tree, (48,) * 3, 0.75)[0] for tree in (given, taken)]
    # Where the tube tapers, whose points are nearest differs by a hair.
    assert np.abs(shares[0] - shares[1]).max() < 0.2
    assert shares[1].sum() == pytest.approx(shares[0].sum(), rel=0.01)


def tower(folder):
    """A straight artery along z in points 10 mm apart, 3 mm wide."""
    rows = [f"{i} 0 0 0 {10 * i} 1.5 {i - 1 or -1}" for i in range(1, 11)]
    return swc(folder, "\n".join(rows))


@pytest.mark.parametrize("length", [6, 13])
def test_a_stenosis_between_points_far_apart_is_as_long_and_deep_as_told(tmp_path, length):
    wanted = {"stenosis": {"share": 1, "degree": [0.7, 0.7], "length_mm": [length, length]}}
    ill, healthy = (
        acquire(3, (64,) * 3, 0.75, Settings("all", lesions=lesions), str(tower(tmp_path)))
        for lesions in (wanted, {})
    )
    (told,) = ill.lesions
    area, before = (taken.share.sum(axis=(0, 1)) for taken in (ill, healthy))
    changed = (np.flatnonzero(area != before) - 31.5) * 0.75
    assert changed.mean() == pytest.approx(told.position[2], abs=0.75)
    assert 0.7 * length < np.ptp(changed) < length + 0.75
    assert np.sqrt((area / before)[12:-12].min()) == pytest.approx(1 - 0.7, abs=0.08)
    # Half of the loss is reached over half of the length.
    deep = np.sqrt(area / before) < 1 - 0.7 / 2
    assert 0.75 * deep.sum() == pytest.approx(length / 2, abs=1.1)


def test_the_head_lies_around_the_tree_wherever_the_isocentre_is(tmp_path):
    """Told by where the vein of a malformation ends: on the midline, above the tree's middle."""
    wide = re.sub(
        r"^(\d) 0 (\S+) (\S+) (\S+)",
        lambda m: " ".join([m[1], "0", *(str(5 * float(m[i])) for i in (2, 3, 4))]),
        TREE,
        flags=re.M,
    )
    path = swc(tmp_path, wide)
    wanted = {"malformation": {"share": 1, "size_mm": [8, 14]}}
    shown = {
        centre: acquire(1, (24,) * 3, 8.0, Settings("all", centre, lesions=wanted), str(path))
        for centre in ("circle", "head")
    }
    ends = {centre: taken.arteries.points[-1] for centre, taken in shown.items()}
    root = {centre: taken.arteries.points[0] for centre, taken in shown.items()}
    assert np.abs(root["head"] - root["circle"]).max() > 5
    np.testing.assert_allclose(ends["head"] - root["head"], ends["circle"] - root["circle"])
    assert ends["head"][0] == pytest.approx(0, abs=1e-9)
    # From the head's middle to the top of the brain.
    highest = CEREBRUM_CENTRE[2] + CEREBRUM[2] - MIDDLE[2]
    assert 0.8 * highest < ends["head"][2] <= highest


def test_the_first_fork_is_at_the_isocentre_where_the_circle_would_be(tmp_path):
    """Whatever the order of lines: here a second fork stands before the first in the file."""
    more = [*TREE.splitlines()[::-1], "6 0 -9 2 20 0.5 4"]
    arteries = acquired(swc(tmp_path, "\n".join(more))).arteries
    (first,) = np.flatnonzero((arteries.points == 0).all(axis=1))
    assert arteries.radii[first] == 1.5
    unbranched = swc(tmp_path, "1 0 0 0 0 2 -1\n2 0 0 0 10 2 1\n3 0 0 0 30 2 2\n")
    np.testing.assert_allclose(
        acquired(unbranched).arteries.points[:3], read_swc(unbranched).points
    )


def test_contrast_thins_on_the_way_from_the_root(tmp_path):
    arteries = acquired(swc(tmp_path, TREE)).arteries
    first, last = arteries.segments.T
    assert arteries.contrast.max() == 1 == arteries.contrast[np.setdiff1d(first, last)[0]]
    assert (arteries.contrast[last] < arteries.contrast[first]).all()
