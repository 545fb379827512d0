"""Branches of a reconstruction, by calibre, with what is known of each."""

import numpy as np
import pytest
from angiovox.angiograms.branches import branch_rows, joined, paths_of
from angiovox.geometry.grid import Grid
from angiovox.vessels.graph import Arteries
from angiovox.vessels.skeleton import centreline
from angiovox.vessels.voxelize import occupancy

GRID = Grid((64,) * 3, (0.5,) * 3, (3.0, -2.0, 5.0))


def fork(radii=(2.0, 1.4, 0.8)):
    """Three branches of about 13 mm that meet in the middle."""
    ends = np.array([[0, 0, -13.0], [10, 0, 9], [-10, 3, 8]])
    points = np.concatenate([np.repeat(np.zeros((1, 3)), 3, axis=0), ends])
    segments = np.array([[0, 3], [1, 4], [2, 5]])
    arteries = Arteries(points, np.tile(radii, 2), np.ones(6), segments, np.arange(3), ("a",) * 3)
    return occupancy(arteries, GRID.shape, 0.5)[0]


def rows(share, undecided=None):
    nothing = np.zeros(GRID.shape, bool)
    return branch_rows(share, share, nothing if undecided is None else undecided, nothing, GRID)


def test_branches_come_from_the_thickest_on_with_radius_and_length():
    found = rows(fork())
    assert [row["branch"] for row in found] == [1, 2, 3]
    radii = [row["radius_mm"] for row in found]
    np.testing.assert_allclose(radii, [2.0, 1.4, 0.8], atol=0.25)
    assert all(10 < row["length_mm"] < 20 for row in found)
    # The thickest runs down from the grid's centre.
    assert found[0]["z_mm"] < 5 and found[1]["x_mm"] > 3 and found[2]["x_mm"] < 3


def test_every_voxel_of_the_mask_belongs_to_one_branch():
    share = fork()
    assert sum(row["voxels"] for row in rows(share)) == (share >= 0.5).sum()


def test_shares_are_of_the_branch_alone():
    share = fork()
    below = np.zeros(GRID.shape, bool)
    below[:, :, :30] = True
    thick, second, third = rows(share, below)
    assert thick["undecided"] > 0.7 and second["undecided"] == third["undecided"] == 0
    at = share >= 0.5
    total = sum(row["undecided"] * row["voxels"] for row in (thick, second, third))
    assert total == pytest.approx((below & at).sum())
    mean = sum(row["probability"] * row["voxels"] for row in (thick, second, third)) / at.sum()
    assert mean == pytest.approx(share[at].mean(), rel=1e-4)


def test_a_mirrored_reconstruction_has_the_same_branches():
    one, other = rows(fork()), rows(fork()[::-1])
    for name in ("radius_mm", "length_mm"):
        np.testing.assert_allclose(
            [row[name] for row in one], [row[name] for row in other], atol=1.5
        )


def test_joined_voxels_hang_together_as_the_line_does():
    line = centreline(fork() >= 0.5)
    pairs = joined(line, np.full(3, 0.5))
    reached, grown = {0}, True
    while grown:
        more = {k for pair in pairs.tolist() if reached & {*pair} for k in pair}
        grown, reached = bool(more - reached), reached | more
    assert len(reached) == len(line)
    assert len(pairs) == len(line) - 1  # no loop where three voxels meet
    assert len(paths_of(line, np.full(3, 0.5))) == 3


def test_nothing_has_no_branch():
    assert rows(np.zeros(GRID.shape, np.float32)) == []
