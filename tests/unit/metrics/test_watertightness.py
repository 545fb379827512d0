"""Open edges and closed pieces of surfaces that everybody can count."""

import numpy as np
import pytest
from angiovox.masks import surfaces
from angiovox.metrics.watertightness import open_edges, shells, surface_triangles, watertightness
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

MASKS = arrays.arrays(bool, arrays.array_shapes(min_dims=3, max_dims=3, max_side=5))


def ball(radius, edge=17):
    return np.square(np.indices((edge,) * 3) - edge // 2).sum(0) <= radius**2


def open_tube(around, along):
    """A tube of `around` corners and `along` rings, without caps."""
    i, j = np.meshgrid(np.arange(around), np.arange(along - 1), indexing="ij")
    a, b = j * around + i, j * around + (i + 1) % around
    lower = np.stack([a, b, a + around], axis=-1).reshape(-1, 3)
    upper = np.stack([b, b + around, a + around], axis=-1).reshape(-1, 3)
    return np.vstack([lower, upper])


def test_a_ball_is_watertight_and_of_one_piece():
    assert watertightness(ball(5), ball(5)) == {"open_edges": 0, "shells": 1, "shells_error": 0}


def test_a_hollow_ball_has_a_second_surface_inside():
    hollow = ball(6) & ~ball(3)
    found = watertightness(hollow, ball(6))
    assert found == {"open_edges": 0, "shells": 2, "shells_error": 1}


@pytest.mark.parametrize(("around", "along"), [(6, 2), (8, 5), (3, 9)])
def test_an_open_tube_has_two_rims(around, along):
    triangles = open_tube(around, along)
    edges = around * along + 2 * around * (along - 1)  # rings, lengthways and diagonals
    assert open_edges(triangles) == pytest.approx(2 * around / edges)
    assert shells(triangles) == 1
    both = np.vstack([triangles, triangles + triangles.max() + 1])
    assert open_edges(both) == open_edges(triangles) and shells(both) == 2


def test_a_missing_triangle_leaves_a_hole_of_three_edges():
    triangles = surface_triangles(ball(4))
    edges = 3 * len(triangles) / 2
    assert open_edges(triangles[1:]) == pytest.approx(3 / edges)


def test_an_edge_of_four_triangles_is_open_too():
    """Two tetrahedra that share an edge."""
    one = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
    other = np.array([[0, 1, 4], [0, 5, 1], [0, 4, 5], [1, 5, 4]])
    assert open_edges(one) == 0
    assert open_edges(np.vstack([one, other])) == pytest.approx(1 / 11)


def test_a_vessel_that_the_field_cuts_is_closed_there():
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[3:6, 3:6] = True
    assert watertightness(mask, mask)["open_edges"] == 0


def test_gaps_and_islands_are_pieces_more():
    truth, broken = (np.zeros((12, 5, 5), dtype=bool) for _ in range(2))
    truth[1:11, 2, 2] = broken[[1, 2, 3, 5, 6, 7, 9, 10], 2, 2] = True
    assert watertightness(broken, truth)["shells_error"] == 2
    assert watertightness(truth, broken)["shells_error"] == 2


def test_an_empty_mask_has_no_surface():
    empty = np.zeros((4, 4, 4), dtype=bool)
    found = watertightness(empty, ball(3))
    assert found == {"open_edges": 0, "shells": 0, "shells_error": 1}


@given(MASKS)
@settings(max_examples=40, deadline=None)
def test_it_agrees_with_vtk_on_the_surface_that_is_written(mask):
    mesh = surfaces.surface(mask, np.eye(4))
    triangles = surface_triangles(mask)
    if mesh is None:
        assert not len(triangles)
        return
    assert len(triangles) == mesh.n_cells
    assert (open_edges(triangles) == 0) == (mesh.is_manifold and not mesh.n_open_edges)
    assert shells(triangles) == mesh.connectivity()["RegionId"].max() + 1
