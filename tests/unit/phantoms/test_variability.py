"""How patients differ: smooth deformations, sizes, numbers of branches, acute forks."""

import numpy as np
import pandas as pd
import pytest
from angiovox.phantoms.arterial_tree import grow
from angiovox.phantoms.head import SKULL_CENTRE, SKULL_INSIDE, Head
from angiovox.phantoms.tortuosity import STEP, leave_along
from angiovox.phantoms.variability import MAX_DEVIATIONS, draw_build, smooth_field, warp
from angiovox.vessels.graph import Pose
from angiovox.vessels.morphometry import measure
from conftest import ROOT


def field(seed, length=10.0, num=1):
    return smooth_field(np.random.default_rng(seed), length, num)


@pytest.mark.parametrize("distance", [0.0, 5.0, 10.0, 30.0])
def test_fields_have_the_covariance_they_are_said_to_have(distance):
    places = np.array([[0.0, 0, 0], [distance, 0, 0], [0, distance, 0]])
    values = np.array([field(seed)(places)[:, 0] for seed in range(4000)])
    expected = np.exp(-(distance**2) / (2 * 10.0**2))
    np.testing.assert_allclose(values.var(axis=0), 1, atol=0.1)
    np.testing.assert_allclose(values[:, :1].T @ values[:, 1:] / 4000, expected, atol=0.08)


def test_components_of_a_field_are_independent():
    values = np.array([field(seed, num=3)(np.zeros((1, 3)))[0] for seed in range(4000)])
    np.testing.assert_allclose(np.corrcoef(values.T), np.eye(3), atol=0.06)


@pytest.mark.parametrize("seed", range(3))
def test_a_warp_moves_space_and_not_single_arteries(seed):
    """Points that coincide stay together, neighbours stay neighbours, nothing is cut."""
    arteries = grow(seed).arteries
    warped = warp(arteries, np.random.default_rng(seed))
    np.testing.assert_array_equal(warped.segments, arteries.segments)
    stretched = warped.lengths / np.maximum(arteries.lengths, 1e-9)
    assert np.percentile(stretched, 1) > 0.4 and np.percentile(stretched, 99) < 2.2
    assert (warped.radii > 0).all()


def test_heads_grow_with_their_arteries():
    """A point on the skull's inner table stays there, whatever the patient's size."""
    wall = SKULL_CENTRE + [0, 0, SKULL_INSIDE[2]]
    for size in (0.8, 1.1):
        pose = Pose(np.array([1.0, 2, 3]), size=size)
        depth = Head.draw(np.random.default_rng(0), pose).depth(*pose.place(wall))
        assert abs(depth) < 1e-4


def test_nobody_lies_far_out():
    builds = pd.DataFrame([vars(draw_build(np.random.default_rng(i))) for i in range(2000)])
    deviations = (builds - builds.mean()) / builds.std()
    assert (deviations.abs() < 1.25 * MAX_DEVIATIONS).all(axis=None)
    assert (builds > 0).all(axis=None)


def test_a_branch_leaves_in_the_direction_of_its_parent_and_ends_where_it_did():
    way = np.outer(np.arange(0, 30, STEP), [1.0, 0, 0])
    bent = leave_along(way, np.array([0.0, 1.0, 0.0]), lambda points, _: points)
    np.testing.assert_allclose(bent[[0, -1]], way[[0, -1]], atol=1e-9)
    first = bent[1] - bent[0]
    assert np.degrees(np.arccos(first[0] / np.linalg.norm(first))) > 45
    np.testing.assert_allclose(bent[-8:, 1], 0, atol=0.1)


def test_a_branch_that_leaves_stays_where_it_is_confined():
    way, up = np.outer(np.arange(0, 30, STEP), [1.0, 0, 0]), np.array([0.0, 1.0, 0.0])
    free = leave_along(way, up, lambda points, _: points)
    low = leave_along(way, up, lambda points, _: np.minimum(points, [np.inf, 1.0, np.inf]))
    assert free[:, 1].max() > 1.5 and low[:, 1].max() < 1.2


@pytest.mark.thorough
def test_the_cohort_is_as_broad_as_people_are():
    """Medians within the published bands; the bands' widths within a fifth."""
    published = pd.read_csv(ROOT / "resources/published_morphometry.csv").set_index("quantity")
    measured = pd.DataFrame([measure(grow(seed).arteries) for seed in range(1001, 1101)])
    for quantity, row in published.dropna().iterrows():
        low, middle, high = np.percentile(measured[quantity], [10, 50, 90])
        assert row["low"] < middle < row["high"], quantity
        assert 0.8 < (high - low) / (row["high"] - row["low"]) < 1.2, quantity
