"""Silhouettes, their hull, and rays through a continuous field, in parallel and cone beams."""

import numpy as np
import pytest
import torch
from angiovox.geometry.cone_beam import study_views
from angiovox.geometry.grid import Grid
from angiovox.geometry.views import parallel_views
from angiovox.method import Measurement
from angiovox.methods.meshes import occupancy
from angiovox.methods.silhouette_rays import (
    Rays,
    Scene,
    encoded,
    level_set,
    on_rays,
    values_where,
    voxel_values,
)
from angiovox.methods.silhouettes import visual_hull
from angiovox.methods.view_levels import silhouette_level
from angiovox.projectors.line_integral import project_max as project_max_of_views
from angiovox.projectors.mip import project_max

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (14, 14, 10)
GRID = Grid(SHAPE, (0.8, 0.8, 1.2), (1.0, -2.0, 3.0))
ANGLES = np.array([0.0, 40.0, 90.0])
BEAMS = {
    "parallel": parallel_views(ANGLES, GRID),
    "cone": study_views(ANGLES, GRID, source_detector_mm=600, source_isocentre_mm=400),
}
EITHER = pytest.mark.parametrize("views", BEAMS.values(), ids=BEAMS)


def blob():
    """An ellipsoid off the middle, (x, y, z) bool."""
    x, y, z = np.indices(SHAPE)
    return ((x - 8) / 4) ** 2 + ((y - 5) / 3) ** 2 + ((z - 4) / 3) ** 2 < 1


def scene(views, margin=None):
    shown = project_max_of_views(blob().astype(np.float32), GRID, views) >= 0.5
    hull = visual_hull(shown, GRID, views)
    support = np.ones(SHAPE, bool) if margin is None else visual_hull(shown, GRID, views, margin)
    return Scene(GRID, views, shown, hull, support)


# Silhouettes and hull


@EITHER
def test_the_hull_holds_the_vessel_and_shows_the_same_silhouettes(views):
    subject = scene(views)
    assert subject.hull[blob()].mean() > 0.95  # views are sampled between voxels
    again = project_max_of_views(subject.hull.astype(np.float32), GRID, views) >= 0.5
    assert (again & subject.silhouettes).sum() / (again | subject.silhouettes).sum() > 0.85


@EITHER
def test_wider_silhouettes_leave_a_larger_hull(views):
    hulls = [scene(views, margin).support for margin in (0, 1, 2)]
    assert not (hulls[0] & ~hulls[1]).any() and not (hulls[1] & ~hulls[2]).any()
    assert hulls[0].sum() < hulls[1].sum() < hulls[2].sum() < blob().size


def test_at_right_angles_the_hull_is_the_product_of_the_silhouettes():
    views = parallel_views(np.array([0.0, 90.0]), GRID)
    shown = project_max_of_views(blob().astype(np.float32), GRID, views) >= 0.5
    expected = blob().max(axis=1)[:, None] & blob().max(axis=0)[None]
    np.testing.assert_array_equal(visual_hull(shown, GRID, views), expected)


def test_a_measurement_of_maxima_has_the_silhouettes_of_its_level():
    volume = blob()[:, :, :10].astype(np.float32)
    known = Measurement(ANGLES, {"projections": 7 + 3 * project_max(volume, ANGLES)})
    level, iou = silhouette_level([(known, blob())])
    subject = Scene.of(known, level, margin=1)
    assert iou > 0.95
    truth = project_max(volume, ANGLES) >= 0.5
    assert (subject.silhouettes != truth).mean() < 0.02
    assert not (subject.hull & ~subject.support).any()
    assert Scene.of(known, level, margin=None).support.all()


def test_the_signed_distance_is_that_to_the_border_of_a_ball():
    grid = Grid(3 * (20,), 3 * (0.5,))
    away = np.linalg.norm(np.moveaxis(np.indices(grid.shape), 0, -1) - 9.5, axis=-1)
    ball = away < 6
    subject = Scene(grid, parallel_views(ANGLES, grid), np.zeros((3, 20, 20), bool), ball, ball)
    expected = (away - 6) * 2 / 20  # units are half edges
    found = subject.signed_distance()
    np.testing.assert_array_equal(found < 0, ball)
    assert np.abs(found - expected).max() < 1.1 * subject.voxel


# Places and rays


def test_places_are_minus_one_to_one_between_the_longest_edges_faces():
    subject = scene(BEAMS["parallel"])
    corners = subject.places(np.array([[-0.5, -0.5, -0.5], [13.5, 13.5, 9.5]]))
    longest = 1.2 * 10
    expected = np.array([14 * 0.8, 14 * 0.8, longest]) / longest
    np.testing.assert_allclose(corners, [-expected, expected], atol=1e-6)


def test_a_ray_of_the_parallel_beam_runs_through_its_row_of_voxels():
    rays = Rays(scene(BEAMS["parallel"]), "cpu")
    pixel = 3 * SHAPE[2] + 4  # i = 3 and j = 4 of the first view, at 0 degrees
    first, last = rays.ends(torch.tensor([pixel]))
    row = rays.scene.places(np.array([[3, -0.5, 4], [3, 13.5, 4]]))
    found = torch.cat([first, last])[torch.stack([first, last])[:, 0, 1].argsort()]
    torch.testing.assert_close(found, torch.from_numpy(row), atol=1e-6, rtol=0)


@EITHER
def test_places_on_a_ray_lie_in_the_grid_and_are_seen_at_its_pixel(views):
    rays = Rays(scene(views), "cpu")
    numbers = torch.arange(0, int(np.prod(views.shape)), 17)
    places = on_rays(rays.ends(numbers), rays.parts(len(numbers), 5))
    meets = (places[:, 0] - places[:, -1]).norm(dim=1) > 1e-3
    assert (places[meets].abs() <= rays.box + 1e-5).all()
    in_grid = rays.inside(torch.ones(SHAPE, dtype=torch.bool), places)
    assert torch.equal(in_grid.all(dim=1), meets) and torch.equal(in_grid.any(dim=1), meets)
    mm = places.numpy() * rays.scene.half_mm + np.asarray(GRID.centre)
    view, i, j = np.unravel_index(numbers.numpy(), views.shape)
    for one in np.flatnonzero(meets.numpy()):
        seen = views[[view[one]]].project(mm[one])[0]
        np.testing.assert_allclose(seen, np.tile([i[one], j[one]], (5, 1)), atol=1e-3)
    assert meets.float().mean() > 0.3


@EITHER
def test_a_ray_passes_voxels_of_the_vessel_where_its_silhouette_is(views):
    """So that rays, projector and silhouettes share one geometry."""
    rays = Rays(scene(views), "cpu")
    numbers = torch.arange(rays.scene.silhouettes.size)
    places = on_rays(rays.ends(numbers), rays.parts(len(numbers), 80))
    passed = rays.inside(torch.from_numpy(blob()), places).any(dim=1).numpy()
    shown = rays.scene.silhouettes.ravel()
    assert (passed & shown).sum() / (passed | shown).sum() > 0.8
    outer = project_max_of_views(blob().astype(np.float32), GRID, views).ravel() > 0
    assert not (shown & ~passed).sum() > 0.02 * shown.sum()
    assert (passed & ~outer).sum() < 0.05 * passed.sum()


def test_places_at_voxel_centres_are_inside_of_the_voxels_that_are_true():
    rays = Rays(scene(BEAMS["cone"]), "cpu")
    centres = torch.from_numpy(rays.scene.places(np.moveaxis(np.indices(SHAPE), 0, -1)))
    found = rays.inside(torch.from_numpy(blob()), centres)
    np.testing.assert_array_equal(found.numpy(), blob())


def test_parts_ascend_from_0_to_1_and_are_drawn_anew():
    rays = Rays(scene(BEAMS["cone"]), "cpu")
    first, again = rays.parts(50, 8), rays.parts(50, 8)
    assert (first.diff(dim=1) > 0).all() and first.min() >= 0 and first.max() <= 1
    assert ((first * 8).floor() == torch.arange(8)).all()
    assert not torch.equal(first, again)


@EITHER
def test_poses_move_rays_as_they_move_views(views):
    poses = np.random.default_rng(1).normal(0, 0.1, (len(views), 6))
    moved = Rays(scene(views.moved(poses)), "cpu")
    given = torch.tensor(poses, requires_grad=True)
    numbers = torch.arange(0, int(np.prod(views.shape)), 11)
    found = Rays(scene(views), "cpu").ends(numbers, given)
    for one, expected in zip(found, moved.ends(numbers), strict=True):
        torch.testing.assert_close(one, expected, atol=1e-4, rtol=0)
    found[0].sum().backward()
    assert given.grad.abs().sum() > 0


@EITHER
def test_only_pixels_whose_rays_pass_the_support_are_drawn(views):
    subject = scene(views, margin=1)
    drawn = np.zeros(subject.silhouettes.size, bool)
    drawn[subject.drawn_pixels()] = True
    assert not (subject.silhouettes.ravel() & ~drawn).any()
    assert subject.silhouettes.sum() < drawn.sum() < drawn.size


# Fields


def test_a_field_is_asked_where_it_is_wanted_only():
    seen = []

    def field(places):
        seen.append(len(places))
        return places[:, 0]

    places = torch.arange(12.0).view(4, 3).expand(2, 4, 3)
    asked = torch.tensor([[True, False, True, False], [False] * 4])
    found = values_where(field, places, asked, other=-5.0)
    assert seen == [2]
    assert found.tolist() == [[0, -5, 6, -5], [-5] * 4]


def test_voxel_values_are_those_of_the_field_at_their_centres():
    rays = Rays(scene(BEAMS["cone"], margin=1), "cpu")
    found = voxel_values(lambda places: places @ torch.tensor([1.0, 10, 100]), rays, other=7.0)
    support = rays.scene.support
    expected = rays.scene.places(np.argwhere(support)) @ np.array([1, 10, 100])
    np.testing.assert_allclose(found[support], expected, atol=1e-4)
    assert (found[~support] == 7).all()


def test_a_level_set_is_the_surface_between_its_probabilities():
    away = np.linalg.norm(np.moveaxis(np.indices(3 * (20,)), 0, -1) - [9.0, 9.5, 8.5], axis=-1)
    found = level_set((5.3 - away).astype(np.float32), scale=4.0)
    np.testing.assert_array_equal(found.probability >= 0.5, away <= 5.3)
    vertices, triangles = found.surface
    distance = np.linalg.norm(vertices - [9.0, 9.5, 8.5], axis=1)
    np.testing.assert_allclose(distance, 5.3, atol=0.05)
    share = occupancy(vertices.astype(np.float64), triangles, (20, 20, 20))
    assert share.sum() == pytest.approx(4 / 3 * np.pi * 5.3**3, rel=0.03)  # outwards: not negative


def test_a_level_set_is_closed_at_the_grids_faces_and_may_be_empty():
    values = np.full((6, 6, 6), -1, np.float32)
    assert level_set(values, 1.0).surface is None
    values[:3] = 1
    vertices, _ = level_set(values, 1.0).surface
    assert vertices[:, 0].min() < 0 and vertices[:, 0].max() == pytest.approx(2.5)


def test_the_encoding_doubles_its_frequencies():
    places = torch.tensor([[0.1, -0.4, 0.9]])
    found = encoded(places, 3)
    assert found.shape == (1, 3 + 6 * 3)
    torch.testing.assert_close(found[:, :3], places)
    torch.testing.assert_close(found[:, -6:-3], (4 * places).sin())
    torch.testing.assert_close(found[:, -3:], (4 * places).cos())
    assert torch.equal(encoded(places, 0), places)
