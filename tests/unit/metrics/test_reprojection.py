"""Projections from where nobody looked, and whether probabilities are to be believed."""

import numpy as np
import pytest
from angiovox.geometry.parallel_beam import projection_angles, view_indices
from angiovox.metrics.overlap import ratios
from angiovox.metrics.reprojection import held_out_angles, projection_dice
from angiovox.projectors.mip import project_max
from hypothesis import given, settings
from hypothesis import strategies as st

ANGLES = np.array([112.5, 135.0, 157.5])


def masks(seed=0, shape=(14, 14, 6)):
    return np.random.default_rng(seed).random((2, *shape)) < 0.01


# Held-out views


def test_the_papers_arc_leaves_the_other_quadrant():
    np.testing.assert_allclose(held_out_angles(projection_angles(90)), ANGLES)
    few = projection_angles(90)[view_indices(90, 2)]
    np.testing.assert_allclose(held_out_angles(few), [22.5, 45, 67.5])


def test_an_arc_that_sees_from_all_around_leaves_the_middle_of_gaps_far_apart():
    acquired = projection_angles(133, -100, 200)
    held = held_out_angles(acquired)
    apart = np.diff([*held, held[0] + 180])
    assert apart.min() > 40
    nearest = np.abs((held[:, None] - acquired + 90) % 180 - 90).min(axis=1)
    assert (nearest > 0.3).all()


@given(st.lists(st.floats(-400, 400), min_size=1, max_size=30), st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_no_held_out_view_is_an_acquired_one_nor_seen_from_behind(acquired, count):
    held = held_out_angles(np.array(acquired), count)
    assert len(np.unique(held)) == count and ((held >= 0) & (held < 180)).all()
    apart = np.abs((held[:, None] - np.array(acquired) + 90) % 180 - 90).min()
    assert apart > 180 / len(acquired) / (count + 1) - 1e-6


def test_silhouettes_agree_as_their_projections_do():
    found, truth = masks()
    ours, theirs = (project_max(m.astype(np.float32), ANGLES) >= 0.5 for m in (found, truth))
    expected = np.mean([ratios(ours[view], theirs[view])["dice"] for view in range(3)])
    assert projection_dice(found, truth, ANGLES) == pytest.approx(expected)
    assert 0 < expected < 1
    assert projection_dice(truth, found, ANGLES) == pytest.approx(expected)


def test_a_fault_that_acquired_views_hide_is_seen():
    """Two pairs of vessels that look the same along both axes, and differ between."""
    found, truth = np.zeros((2, 15, 15, 4), dtype=bool)
    found[4, 4], found[10, 10], truth[4, 10], truth[10, 4] = True, True, True, True
    assert projection_dice(found, truth, np.array([0.0, 90.0])) == 1
    assert projection_dice(found, truth, ANGLES) < 0.5


@pytest.mark.parametrize(("ours", "theirs", "value"), [(0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)])
def test_empty_masks_have_stated_silhouettes(ours, theirs, value):
    given = [np.full((6, 6, 3), bool(filled)) for filled in (ours, theirs)]
    assert projection_dice(*given, ANGLES) == value
