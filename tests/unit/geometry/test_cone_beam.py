"""Signs of the cone beam against what clinicians and DICOM call each angle, and its relations."""

import numpy as np
import pytest
from angiovox.geometry.affine import isotropic_affine
from angiovox.geometry.cone_beam import CArm, angle_name, c_arm_rotation
from angiovox.geometry.grid import Grid
from angiovox.geometry.views import Views, parallel_views
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

ARM = CArm(1200, 750, (41, 31), (2.0, 2.5))
MIDDLE = np.array([20, 15])
LEFT, POSTERIOR, SUPERIOR = np.eye(3)
ISOCENTRE = np.zeros((1, 3))
ANGLES = st.floats(-180, 180), st.floats(-90, 90)


def centre_of_detector(views):
    i, j = (np.array(views.detector) - 1) / 2
    return views.origin + i * views.u + j * views.v


# Signs, one by one


@pytest.mark.parametrize(
    "primary, secondary, source, detector",
    [
        (0, 0, POSTERIOR, -POSTERIOR),
        (90, 0, -LEFT, LEFT),
        (-90, 0, LEFT, -LEFT),
        (180, 0, -POSTERIOR, POSTERIOR),
        (0, 90, -SUPERIOR, SUPERIOR),
        (0, -90, SUPERIOR, -SUPERIOR),
    ],
    ids=["PA", "LAO 90", "RAO 90", "AP", "cranial 90", "caudal 90"],
)
def test_source_and_detector_stand_where_the_angle_says(primary, secondary, source, detector):
    views = ARM.views(primary, secondary)
    np.testing.assert_allclose(views.source[0, :3], 750 * source, atol=1e-9)
    np.testing.assert_allclose(centre_of_detector(views)[0], 450 * detector, atol=1e-9)


@pytest.mark.parametrize(
    "primary, secondary, marker, seen",
    [
        (0, 0, LEFT, (1, 0)),
        (0, 0, SUPERIOR, (0, 1)),
        (90, 0, POSTERIOR, (1, 0)),
        (90, 0, SUPERIOR, (0, 1)),
        (-90, 0, POSTERIOR, (-1, 0)),
        (0, 90, LEFT, (1, 0)),
        (0, 90, POSTERIOR, (0, 1)),
        (0, 30, -POSTERIOR, (0, -1)),  # the front moves down as the detector moves up
        (45, 0, -POSTERIOR, (-1, 0)),  # the sternum moves to the image's left, the spine right
    ],
)
def test_a_marker_is_seen_on_its_side(primary, secondary, marker, seen):
    """Detector indices grow along u to the image's right, along v upwards."""
    (offset,) = ARM.views(primary, secondary).project(10 * marker[None])[:, 0] - MIDDLE
    assert offset @ seen > 1
    np.testing.assert_allclose(offset - offset @ seen * np.array(seen), 0, atol=1e-9)


def test_the_direction_of_the_detector_is_dicoms_longitude_and_latitude():
    primary, secondary = 37.0, -22.0
    p, s = np.radians([primary, secondary])
    direction = -ARM.views(primary, secondary).source[0, :3] / 750
    expected = [np.sin(p) * np.cos(s), -np.cos(p) * np.cos(s), np.sin(s)]
    np.testing.assert_allclose(direction, expected)


@given(*ANGLES)
def test_c_arm_rotation_is_the_one_of_scipy(primary, secondary):
    expected = Rotation.from_euler("xz", [-secondary, primary], degrees=True).as_matrix()
    np.testing.assert_allclose(c_arm_rotation(primary, secondary), expected, atol=1e-12)


def test_a_table_that_moves_the_patient_to_the_left_moves_the_image_to_the_left_marker():
    """A point of the patient, 5 mm to the left of where it was, is seen there."""
    still, moved = ARM.views(20, 10), ARM.views(20, 10, table=(5, -3, 8))
    point = np.array([[11.0, 7, -20]])
    np.testing.assert_allclose(moved.project(point), still.project(point + [5, -3, 8]))


def test_offset_moves_the_detector_and_not_the_central_ray():
    arm = CArm(1200, 750, (41, 31), (2.0, 2.5), offset=(6, -5))
    np.testing.assert_allclose(arm.views(15, 25).project(ISOCENTRE)[0, 0], MIDDLE - [3, -2])


# Relations


@given(*ANGLES)
def test_the_isocentre_is_seen_in_the_middle(primary, secondary):
    np.testing.assert_allclose(ARM.views(primary, secondary).project(ISOCENTRE)[0, 0], MIDDLE)


@given(*ANGLES)
def test_magnification_is_the_ratio_of_the_distances(primary, secondary):
    views = ARM.views(primary, secondary)
    length = np.hypot(*((views.project(views.u * 3)[0, 0] - MIDDLE) * ARM.pixel_size))
    assert length == pytest.approx(3 * np.linalg.norm(views.u) * ARM.magnification)


@given(*ANGLES)
def test_a_ray_is_seen_at_its_own_pixel(primary, secondary):
    views = ARM.views([primary, primary - 20], secondary)
    starts, stops = views.rays()
    places = views.project(0.3 * starts + 0.7 * stops)
    own = np.indices(views.detector).reshape(2, -1).T
    for view, seen in enumerate(places.reshape(2, 2, -1, 2)):
        np.testing.assert_allclose(seen[view], own, atol=1e-6)


def test_depth_is_one_on_the_detector_and_positive_only_before_the_source():
    views = ARM.views(30, 20)
    source, middle = views.source[0, :3], centre_of_detector(views)[0]
    depths = [(views.matrices[0] @ [*(source + t * (middle - source)), 1])[2] for t in (1, 0, -1)]
    np.testing.assert_allclose(depths, [1, 0, -1], atol=1e-9)


@given(*ANGLES, st.lists(st.floats(-2, 2), min_size=6, max_size=6))
def test_moving_the_gantry_is_moving_the_patient_the_other_way(primary, secondary, pose):
    points = np.random.default_rng(0).uniform(-50, 50, (5, 3))
    views = ARM.views(primary, secondary)
    turn = Rotation.from_rotvec(pose[:3])
    back = turn.inv().apply(points - pose[3:])
    np.testing.assert_allclose(views.moved([pose]).project(points), views.project(back), atol=1e-6)


def test_a_turn_about_z_is_a_change_of_the_primary_angle():
    views = ARM.views([10, 40], 25)
    turned = views.moved([[0, 0, np.radians(30), 0, 0, 0]] * 2)
    expected = ARM.views([40, 70], 25)
    for name in ("source", "origin", "u", "v"):
        np.testing.assert_allclose(getattr(turned, name), getattr(expected, name), atol=1e-9)


def test_a_rotational_run_has_both_ends():
    run = ARM.rotational_run(-100, 100, 5, secondary=10)
    np.testing.assert_array_equal(run.matrices, ARM.views([-100, -50, 0, 50, 100], 10).matrices)


def test_poses_by_rotation_are_those_by_angles():
    views = ARM.views([10, 40], [0, 25])
    poses = ARM.views_at(c_arm_rotation([10, 40], [0, 25]), np.zeros((2, 3)))
    np.testing.assert_array_equal(views.matrices, poses.matrices)


# The study's parallel beam


def test_the_parallel_beam_is_a_c_arm_turned_to_rao_and_far_away():
    grid = Grid((21, 17, 13), (1.2, 1.2, 1.5))
    points = np.random.default_rng(0).uniform(-8, 8, (20, 3))
    angles = np.array([0.0, 30.0, 90.0, 200.0])
    far = CArm(1e8 + 1, 1e8, (21, 13), (1.2, 1.5)).views(-angles)
    seen = parallel_views(angles, grid).project(points)
    np.testing.assert_allclose(seen, far.project(points), atol=1e-5)


def test_the_parallel_beam_sees_each_column_at_its_own_index():
    grid = Grid((7, 7, 5), (2.0, 2.0, 3.0), centre=(10, -4, 3))
    index = np.array([[1, 5, 2], [6, 0, 4]])
    seen = parallel_views([0, 90, 180], grid).project(grid.to_mm(index))
    expected = [index[:, [0, 2]], [(1, 2), (6, 4)], [(5, 2), (0, 4)]]
    np.testing.assert_allclose(seen, expected, atol=1e-9)


# Views as values


def test_views_are_chosen_and_joined():
    views = ARM.views([0, 30, 60], [5, 10, 15])
    joined = Views.join([views[:1], views[[1, 2]]])
    np.testing.assert_array_equal(joined.matrices, views.matrices)
    assert len(views[np.array([True, False, True])]) == 2


def test_views_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        ARM.views(0).source[0, 0] = 1


def test_what_is_no_geometry_is_refused_with_its_numbers():
    with pytest.raises(ValueError, match=r"750.*700.*between"):
        CArm(700, 750, (4, 4), (1, 1))
    with pytest.raises(ValueError, match=r"pixels of \(1, 0\)"):
        CArm(1200, 750, (4, 4), (1, 0))
    with pytest.raises(ValueError, match=r"\(0, 4\) pixels"):
        CArm(1200, 750, (0, 4), (1, 1)).views(0)
    with pytest.raises(ValueError, match="source has numbers that are not finite"):
        ARM.views(float("nan"))
    with pytest.raises(ValueError, match=r"\(2, 6\), expected \(1, 6\)"):
        ARM.views(0).moved(np.zeros((2, 6)))
    with pytest.raises(ValueError, match="cannot share"):
        Views.join([ARM.views(0), CArm(1200, 750, (4, 4), (1, 1)).views(0)])
    with pytest.raises(ValueError, match=r"ray 1 ends where it starts"):
        Views.of_rays(np.ones((2, 3)), [[0, 0, 0], [1, 1, 1]])
    with pytest.raises(ValueError, match="expected"):
        Views.of_rays(np.ones((2, 3)), np.zeros((3, 3)))


# Grids


def test_a_grid_has_the_affine_of_the_studys_volumes():
    np.testing.assert_allclose(Grid((8, 9, 5), (0.5,) * 3).affine, isotropic_affine((8, 9, 5), 0.5))


def test_a_grid_comes_back_from_its_affine():
    grid = Grid((8, 9, 5), (0.5, 0.75, 2.0), (3, -4, 11))
    assert Grid.from_affine(grid.shape, grid.affine) == grid
    indices = np.array([[0, 0, 0], [7, 8, 4]])
    np.testing.assert_allclose(grid.to_index(grid.to_mm(indices)), indices)
    np.testing.assert_allclose(grid.to_mm(indices).mean(axis=0), grid.centre)


def test_what_is_no_grid_is_refused():
    with pytest.raises(ValueError, match=r"\(8, 0, 5\)"):
        Grid((8, 0, 5), (1, 1, 1))
    with pytest.raises(ValueError, match=r"\(1, -1, 1\) mm"):
        Grid((8, 8, 5), (1, -1, 1))
    with pytest.raises(ValueError, match="3 numbers"):
        Grid((8, 8, 5), (1, 1))
    with pytest.raises(ValueError, match="left, posterior, superior"):
        Grid.from_affine((2, 2, 2), np.eye(4))


@pytest.mark.parametrize(
    ("angles", "name"),
    [
        ((30.4, -20.2), "LAO 30, CAU 20"),
        ((-45, 0.3), "RAO 45, CRA 0"),
        ((-0.2, -0.4), "LAO 0, CRA 0"),
        ((-12.6, 20), "RAO 13, CRA 20"),
    ],
)
def test_angles_are_named_as_angiographers_do(angles, name):
    assert angle_name(*angles) == name
