"""Points of the visual hull, their images, and where rays meet the hull: relations of geometry."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from angiovox.method import Measurement
from angiovox.projectors.mip import project_max
from angiovox.view_prediction.hull_points import HullPoints
from angiovox.view_prediction.neural_texture import NeuralTexture, spherical_harmonics
from angiovox.view_prediction.point_images import canvas, image_pyramid, point_images
from angiovox.view_prediction.view_aggregation import ViewAggregation, directions

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE, TEN = 24, np.linspace(0, 90, 10)


def every_voxel(shape=(EDGE, EDGE, 20)):
    return HullPoints(np.argwhere(np.ones(shape, bool)), shape)


def ball(radius=6, centre=(14, 10, 9), shape=(EDGE, EDGE, 20)):
    return sum((i - c) ** 2 for i, c in zip(np.indices(shape), centre, strict=True)) <= radius**2


def images_of(points, volume, angles, scale=1):
    values = torch.from_numpy(volume[tuple(points.voxels.T)][None])
    columns, rows = (torch.from_numpy(a) for a in (points.columns(angles), points.voxels[:, 2]))
    return point_images(values, columns, rows, points.detector, scale)[:, 0].numpy()


@pytest.fixture
def volume():
    return np.random.default_rng(0).uniform(0.1, 1, (EDGE, EDGE, 20)).astype(np.float32)


def test_points_at_every_voxel_make_the_maximum_projection(volume):
    """At right angles, where points fall on pixels, to the bit."""
    angles = np.array([0.0, 90.0, 180.0, 270.0])
    found = images_of(every_voxel(), volume, angles)
    np.testing.assert_array_equal(found, project_max(volume, angles))


def test_a_smooth_volume_makes_nearly_its_maximum_projection_at_any_angle():
    x, y, _ = np.indices((EDGE, EDGE, 20)) / EDGE
    volume = np.float32(np.exp(-40 * ((x - 0.6) ** 2 + (y - 0.4) ** 2)))
    angles = np.array([17.0, 45.0, 71.0])
    found = images_of(every_voxel(), volume, angles)
    assert np.abs(found - project_max(volume, angles)).max() < 0.15


def test_a_coarser_image_is_the_maximum_of_its_pixels(volume):
    fine = images_of(every_voxel(), volume, np.array([30.0]))[0]
    coarse = images_of(every_voxel(), volume, np.array([30.0]), scale=4)[0]
    blocks = fine.reshape(EDGE // 4, 4, 5, 4).max(axis=(1, 3))
    np.testing.assert_array_equal(coarse, blocks)


def test_pixels_without_a_point_are_empty_and_points_beyond_the_image_are_left_out():
    values = torch.full((1, 3), -2.0)  # below what an empty pixel has
    columns, rows = torch.tensor([[1.0, 2.4, 9.0]]), torch.tensor([0, 3, 1])
    found = point_images(values, columns, rows, (4, 4))[0, 0]
    expected = torch.zeros(4, 4)
    expected[1, 0] = expected[2, 3] = -2
    assert torch.equal(found, expected)


def test_the_gradient_goes_to_the_brightest_point_of_a_pixel():
    values = torch.tensor([[0.2, 0.9, 0.5]], requires_grad=True)
    columns, rows = torch.tensor([[1.0, 1.2, 3.0]]), torch.zeros(3, dtype=torch.long)
    point_images(values, columns, rows, (4, 4)).sum().backward()
    assert values.grad.tolist() == [[0, 1, 1]]


def test_images_of_a_pyramid_halve():
    points = every_voxel((8, 8, 8))
    shape = canvas(points.detector, 4)
    assert shape == (32, 32)
    values, rows = torch.ones(1, 512), torch.from_numpy(points.voxels[:, 2])
    found = image_pyramid(values, torch.from_numpy(points.columns(TEN[:2])), rows, shape, 5)
    assert [tuple(image.shape) for image in found] == [(2, 1, 32 >> k, 32 >> k) for k in range(5)]


def test_the_hull_holds_what_is_seen_and_turns_with_it():
    """A quarter turn of patient and gantry turns the hull, and changes no image of it."""
    shape = (EDGE, EDGE, 20)
    mask = ball(shape=shape)
    given = Measurement(TEN, {"projections": project_max(mask.astype(np.float32), TEN)})
    hull = HullPoints.of(given, 0.3)
    assert not (mask & ~hull.occupancy()).any()
    turned = HullPoints.of(replace(given, angles=TEN + 90), 0.3)
    np.testing.assert_array_equal(np.rot90(hull.occupancy(), -1), turned.occupancy())
    of_hull, of_turned = (
        images_of(one, np.ones(shape, np.float32), angles)
        for one, angles in ((hull, TEN), (turned, TEN + 90))
    )
    np.testing.assert_array_equal(of_hull, of_turned)


def test_a_higher_level_leaves_a_smaller_hull():
    grey = project_max(np.float32(ball()) + 0.4 * ball(8), TEN)
    wide, narrow = (
        HullPoints.of(Measurement(TEN, {"projections": grey}), level) for level in (0.2, 0.6)
    )
    assert len(narrow.voxels) < len(wide.voxels)


def test_rays_meet_a_ball_where_it_begins_and_ends():
    mask = ball()
    hull = HullPoints(np.argwhere(mask), mask.shape)
    places, met = hull.hits(np.array([0.0, 90.0]))
    for number, axis in enumerate((1, 0)):
        seen = mask.any(axis=axis)
        expected = seen if axis == 1 else seen[::-1]
        np.testing.assert_array_equal(met[number], expected)
    depth = places[0, :, 14, 9, 1]
    assert depth.tolist() == [4, 16]
    ends = places.transpose(0, 2, 3, 1, 4)[met]
    assert mask[tuple(np.rint(ends).astype(int).reshape(-1, 3).T)].all()


def test_a_texture_is_the_sum_of_linear_levels():
    """Texels that are linear in place make features that are, at the surface's places."""
    mask = ball()
    texture = NeuralTexture(1, mask, 2)
    with torch.no_grad():
        for level, size in enumerate(texture.sizes):
            numbers = getattr(texture, f"number{level}").numpy()
            used = np.argwhere(numbers >= 0)
            step = (np.array(mask.shape) - 1) / (np.array(size) - 1)
            values = torch.from_numpy(np.float32((used * step) @ [1.0, 10.0, 100.0]))
            texture.levels[level][numbers[tuple(used.T)], 0] = values
    places = HullPoints(np.argwhere(mask), mask.shape).hits(np.array([20.0, 65.0]))
    ends = torch.from_numpy(places[0].transpose(0, 2, 3, 1, 4)[places[1]].reshape(-1, 3))
    found = texture(ends)[:, 0]
    expected = 2 * ends @ torch.tensor([1.0, 10.0, 100.0])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-2)


def test_spherical_harmonics_are_orthonormal():
    """By the mean over a sphere of evenly spread directions."""
    number = np.arange(4000) + 0.5
    z, turn = 1 - number / 2000, np.pi * (1 + 5**0.5) * number
    flat = np.sqrt(1 - z**2)
    spread = torch.from_numpy(np.stack([flat * np.cos(turn), flat * np.sin(turn), z], 1))
    values = spherical_harmonics(spread)
    gram = 4 * torch.pi * values.T @ values / len(values)
    torch.testing.assert_close(gram, torch.eye(9, dtype=gram.dtype), atol=2e-3, rtol=0)


def test_weights_of_views_add_up_to_one_and_follow_the_views():
    torch.manual_seed(0)
    aggregation = ViewAggregation(6)
    given, wanted = (torch.from_numpy(directions(a)) for a in (TEN, np.array([5.0, 200.0])))
    weights = aggregation(given, wanted)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2))
    order = torch.randperm(10)
    torch.testing.assert_close(aggregation(given[order], wanted), weights[:, order])


def test_directions_are_those_along_which_the_volume_is_projected():
    np.testing.assert_allclose(directions(np.array([0.0, 90.0])), [[0, 1, 0], [1, 0, 0]])
