"""How a study takes its projections: the paper's way, and others."""

import numpy as np
import pytest
from angiovox.geometry.affine import isotropic_affine
from angiovox.geometry.imaging import Imaging
from angiovox.geometry.parallel_beam import projection_angles, view_indices
from hypothesis import given
from hypothesis import strategies as st

AFFINE = isotropic_affine((16, 16, 16), 0.8)


@pytest.mark.parametrize("views", [90, 46, 24, 10, 5, 3, 2])
def test_without_more_it_is_the_papers(views):
    papers = Imaging(16, 90)
    assert papers.is_papers
    np.testing.assert_array_equal(papers.angles, projection_angles(90))
    np.testing.assert_array_equal(papers.chosen(views), view_indices(90, views))


@pytest.mark.parametrize("other", [{"kind": "line_integral"}, {"beam": "cone"}])
def test_line_integrals_and_cone_beams_are_not_the_papers(other):
    assert not Imaging(16, 90, **other).is_papers


@given(
    st.integers(10, 400),
    st.floats(91, 359),
    st.sampled_from([-0.5, 0.0, -1.0, -0.3]),
)
def test_two_views_of_a_wide_arc_are_a_biplane_pair(count, arc, start):
    imaging = Imaging(16, count, first_degrees=start * arc, arc_degrees=arc)
    step = arc / (count - 1)
    one, other = imaging.angles[imaging.chosen(2)]
    assert abs(other - one - 90) <= step / 2 + 1e-9
    if start != -0.5 and (start != -0.3 or arc > 130):  # a right angle beside the frontal view
        assert min(abs(one), abs(other)) <= step / 2 + 1e-9


def test_a_biplane_pair_of_a_rotational_run_is_frontal_and_lateral():
    imaging = Imaging(16, 133, first_degrees=-100, arc_degrees=200)
    np.testing.assert_allclose(np.abs(imaging.angles[imaging.chosen(2)]), [90, 0], atol=1)


@pytest.mark.parametrize(("first", "arc"), [(0, 90), (-100, 200), (-90, 90), (-40, 300)])
def test_a_single_view_is_the_frontal_one(first, arc):
    imaging = Imaging(16, 61, first_degrees=first, arc_degrees=arc)
    (angle,) = imaging.angles[imaging.chosen(1)]
    assert abs(angle) == np.abs(imaging.angles).min() <= arc / 120


def test_two_views_of_a_quarter_circle_or_less_are_the_first_and_the_last():
    imaging = Imaging(16, 20, first_degrees=-30, arc_degrees=60)
    np.testing.assert_array_equal(imaging.angles[imaging.chosen(2)], [-30, 30])


@pytest.mark.parametrize("views", [3, 5, 10, 24, 133])
def test_more_views_spread_over_the_whole_arc(views):
    imaging = Imaging(16, 133, first_degrees=-100, arc_degrees=200)
    chosen = imaging.chosen(views)
    assert len(chosen) == views and (np.diff(chosen) > 0).all()
    np.testing.assert_allclose(imaging.angles[chosen[[0, -1]]], [-100, 100])


def test_views_stand_at_the_angles_and_at_the_distances():
    imaging = Imaging(16, 5, beam="cone", source_detector_mm=900, source_isocentre_mm=600)
    grid = imaging.grid(AFFINE)
    assert grid.shape == (16, 16, 16) and grid.voxel_size == pytest.approx((0.8,) * 3)
    source = imaging.views(grid).source[:, :3]
    np.testing.assert_allclose(np.linalg.norm(source, axis=1), 600)
    turn = np.degrees(np.arctan2(source[:, 0], source[:, 1]))  # about z, from behind
    np.testing.assert_allclose(turn, imaging.angles, atol=1e-9)


def test_a_parallel_beam_has_a_pixel_for_each_column():
    imaging = Imaging(16, 5, kind="line_integral")
    assert imaging.views(imaging.grid(AFFINE)).shape == (5, 16, 16)


def test_line_integrals_beside_maxima_are_of_the_same_directions_without_noise():
    beside = Imaging(16, 5, arc_degrees=60).in_cone_beam(900, 600)
    assert (beside.kind, beside.beam, beside.photons) == ("line_integral", "cone", None)
    np.testing.assert_array_equal(beside.angles, Imaging(16, 5, arc_degrees=60).angles)
