"""Angles, view subsets and affines."""

import numpy as np
import pytest
from angiovox.geometry.affine import isotropic_affine, voxel_sizes
from angiovox.geometry.parallel_beam import projection_angles, rotation_table, view_indices
from hypothesis import given
from hypothesis import strategies as st


@st.composite
def counts(draw):
    num_projections = draw(st.integers(2, 400))
    return num_projections, draw(st.integers(2, num_projections))


def test_angles_run_evenly_from_0_to_90():
    angles = projection_angles(90)
    assert angles[0] == 0 and angles[-1] == 90 and len(angles) == 90
    np.testing.assert_allclose(np.diff(angles), 90 / 89)


@pytest.mark.parametrize("num_projections", [1, 0, -3])
def test_too_few_projections_are_refused_with_their_number(num_projections):
    with pytest.raises(ValueError, match=f"^{num_projections} projections"):
        projection_angles(num_projections)


@given(counts())
def test_any_count_of_views_is_given_sorted_unique_with_both_ends(count):
    num_projections, views = count
    indices = view_indices(num_projections, views)
    assert indices.shape == (views,) and np.issubdtype(indices.dtype, np.integer)
    assert indices[0] == 0 and indices[-1] == num_projections - 1
    assert (np.diff(indices) > 0).all()


@given(counts())
def test_views_spread_over_the_whole_arc(count):
    """No gap is more than twice the mean one, plus the one projection that rounding may cost."""
    num_projections, views = count
    gaps = np.diff(view_indices(num_projections, views))
    assert gaps.max() <= 2 * (num_projections - 1) / (views - 1) + 1


def test_all_views_are_all_projections():
    np.testing.assert_array_equal(view_indices(90, 90), np.arange(90))


@pytest.mark.parametrize(("views", "step"), [(46, 2), (24, 4), (10, 10)])
def test_paper_subsets_take_every_nth_projection_and_the_last(views, step):
    expected = [i for i in range(90) if i % step == 0 or i == 89]
    np.testing.assert_array_equal(view_indices(90, views), expected)


@pytest.mark.parametrize("views", [5, 3, 2])
def test_few_views_are_the_projections_nearest_to_even_angles(views):
    """Figure 2 of the paper names 0, 22.5, 45, 67.5 and 90 degrees for five."""
    angles = projection_angles(90)
    chosen = angles[view_indices(90, views)]
    for target, angle in zip(np.linspace(0, 90, views), chosen, strict=True):
        assert abs(angle - target) <= np.abs(angles - target).min() + 1e-9


@pytest.mark.parametrize("views", [-1, 0, 1, 91, 1000])
def test_views_out_of_range_are_refused_with_their_number(views):
    with pytest.raises(ValueError, match=f"^{views} views.*between 2 and 90"):
        view_indices(90, views)


@given(st.floats(-720, 720))
def test_rotation_table_holds_cosine_and_sine(angle):
    ((cos, sin),) = rotation_table(angle)
    assert cos == pytest.approx(np.cos(np.radians(angle)), abs=2e-6)
    assert sin == pytest.approx(np.sin(np.radians(angle)), abs=2e-6)


@pytest.mark.parametrize("quarter", range(-5, 6))
def test_right_angles_are_exact(quarter):
    ((cos, sin),) = rotation_table(90.0 * quarter)
    assert (cos, sin) == [(1, 0), (0, 1), (-1, 0), (0, -1)][quarter % 4]


def test_angles_near_a_right_angle_are_kept():
    """The last but one of 90 000 projections is not rounded to 90 degrees."""
    ((cos, _),) = rotation_table(89.999)
    assert cos == pytest.approx(np.radians(0.001), rel=1e-6)


@given(
    st.tuples(*[st.integers(1, 500)] * 3), st.floats(0.05, 5, allow_nan=False, allow_infinity=False)
)
def test_isotropic_affine_centres_the_grid_on_the_origin(shape, voxel_size):
    affine = isotropic_affine(shape, voxel_size)
    middle = (np.asarray(shape) - 1) / 2
    np.testing.assert_allclose(affine @ [*middle, 1], [0, 0, 0, 1], atol=1e-9)
    np.testing.assert_allclose(voxel_sizes(affine), voxel_size)


def test_isotropic_affine_turns_left_and_posterior_into_right_and_anterior():
    """Arrays run to the patient's left and back (LPS); NIfTI counts right and front as positive."""
    assert np.sign(np.diag(isotropic_affine((4, 5, 6), 0.5))).tolist() == [-1, -1, 1, 1]


def test_voxel_sizes_of_an_oblique_affine_are_its_column_lengths():
    turn = np.array([[0.6, -0.8, 0, 0], [0.8, 0.6, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    affine = turn @ np.diag([0.3, 0.4, 0.5, 1])
    affine[:3, 3] = [10, -20, 30]
    np.testing.assert_allclose(voxel_sizes(affine), [0.3, 0.4, 0.5])
