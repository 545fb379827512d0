"""Centrelines of reconstructions: forks, lengths, radii."""

import csv
from itertools import pairwise

import numpy as np
import pytest
import pyvista
from angiovox.angiograms.centreline import COLUMNS, vessel_centreline, write_centreline
from angiovox.angiograms.certainty import VESSEL
from angiovox.geometry.grid import Grid
from made_reconstruction import findings, tube

CUBE = Grid((48, 48, 48), (0.5,) * 3, (1.0, 2.0, 3.0))


def graph_of(probability, grid=CUBE):
    return vessel_centreline(probability, np.full(grid.shape, VESSEL), probability, grid)


@pytest.fixture(scope="module")
def fork():
    known = findings()
    return vessel_centreline(known.probability, known.state, known.calibrated, known.grid)


@pytest.mark.parametrize("direction", [(0, 0, 1), (1, 1, 0), (1, 2, 3)])
def test_a_tube_is_one_branch_of_its_length_and_radius(direction):
    unit = np.array(direction) / np.linalg.norm(direction)
    start, stop = (np.array(CUBE.centre) + side * unit for side in (-8, 8))
    graph = graph_of(tube(start, stop, 1.5, CUBE))
    (row,) = graph.rows()
    assert 15 < row["length_mm"] < 16 + 2 * 1.5  # thinning ends somewhere in the round caps
    assert row["radius_mean_mm"] == pytest.approx(1.5, abs=0.1)
    offset = graph.points - start
    across = offset - np.outer(offset @ unit, unit)
    assert np.linalg.norm(across, axis=1).max() < 0.5


def test_a_fork_has_three_branches_that_meet(fork):
    assert len(fork.paths) == 3
    ends = np.array([path[[0, -1]] for path in fork.paths])
    values, count = np.unique(ends, return_counts=True)
    assert sorted(count) == [1, 1, 1, 3]
    junction = fork.points[values[count.argmax()]]
    assert np.linalg.norm(junction - [3, -2, 0]) < 2


def test_it_is_less_certain_where_views_decide_nothing(fork):
    z = fork.points[:, 2]
    assert fork.certainty[z < -1].min() > 0.99
    assert fork.certainty[z > 1].max() < 0.5


def test_a_ring_keeps_its_loop():
    turn = np.linspace(0, 2 * np.pi, 25)
    circle = np.array(CUBE.centre) + 7 * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    parts = [tube(a, b, 1.0, CUBE) for a, b in pairwise(circle)]
    stem = tube(circle[0], circle[0] + [4, 0, 0], 1.0, CUBE)
    graph = graph_of(np.max([*parts, stem], axis=0))
    length = sum(row["length_mm"] for row in graph.rows())
    assert length == pytest.approx(2 * np.pi * 7 + 4, rel=0.06)
    assert any(path[0] == path[-1] for path in graph.paths)


def test_a_bump_makes_no_branch():
    start, stop = np.array(CUBE.centre) - [0, 0, 9], np.array(CUBE.centre) + [0, 0, 9]
    bump = tube(CUBE.centre, np.array(CUBE.centre) + [2.2, 0, 0], 0.5, CUBE)
    assert len(graph_of(np.maximum(tube(start, stop, 1.5, CUBE), bump)).paths) == 1


def test_files_hold_the_graph(fork, tmp_path):
    write_centreline(tmp_path, fork)
    read = pyvista.read(tmp_path / "centreline.vtp")
    assert read.n_cells == len(fork.paths)
    np.testing.assert_allclose(read.points, fork.points, atol=1e-5)
    np.testing.assert_allclose(read["radius"], fork.radii)
    assert read.field_data["SPACE"][0] == "LPS"
    with open(tmp_path / "centreline.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(fork.paths) and tuple(rows[0]) == COLUMNS
    assert [float(row["length_mm"]) for row in rows] == [row["length_mm"] for row in fork.rows()]


def test_nothing_has_an_empty_graph(tmp_path):
    graph = graph_of(np.zeros(CUBE.shape, np.float32))
    assert not graph.rows() and not len(graph.points)
    write_centreline(tmp_path, graph)
    assert pyvista.read(tmp_path / "centreline.vtp").n_points == 0
    assert (tmp_path / "centreline.csv").read_text(encoding="utf-8") == ",".join(COLUMNS) + "\n"
