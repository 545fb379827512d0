"""Views as square images, and what the methods that see them make of other grids."""

import numpy as np
import pytest
import torch
from angiovox.method import Measurement
from angiovox.methods.xray_images import cube, images, network_edge, probabilities


def measurement(views):
    return Measurement(np.linspace(0, 90, len(views)), {"projections": np.float32(views)})


@pytest.mark.parametrize(
    ("shape", "halvings", "edge"),
    [((64,) * 3, 5, 64), ((64, 60, 33), 5, 64), ((65, 64, 64), 5, 96), ((9, 9, 9), 3, 16)],
)
def test_the_edge_is_the_least_that_can_be_halved_and_holds_the_volume(shape, halvings, edge):
    assert network_edge(shape, halvings) == edge
    assert network_edge((1, 1, 1), halvings) == 2 ** (halvings + 1)


def test_each_view_is_scaled_by_its_own_range():
    views = np.random.default_rng(1).uniform(-3, 50, (2, 8, 8)) * np.array([1, 3])[:, None, None]
    seen = images(measurement(views), 8)
    assert (seen.min(axis=(1, 2)) == 0).all() and np.allclose(seen.max(axis=(1, 2)), 1)
    np.testing.assert_allclose(images(measurement(7 * views + 100), 8), seen, atol=1e-5)
    assert not np.allclose(seen, (views - views.min()) / np.ptp(views), atol=1e-2)


def test_a_view_without_contrast_is_black():
    assert not images(measurement(np.full((1, 8, 8), 42.0)), 8).any()


def test_a_cube_that_fits_is_taken_as_it_is():
    rng = np.random.default_rng(2)
    mask, found = rng.random((16,) * 3) > 0.9, rng.uniform(-0.2, 1.2, (16,) * 3)
    np.testing.assert_array_equal(cube(mask, 16), mask)
    given = torch.tensor(found, dtype=torch.float32)[None, None]
    np.testing.assert_array_equal(probabilities(given, (16,) * 3), np.float32(found).clip(0, 1))


def test_another_grid_keeps_the_place_of_what_it_shows():
    """Centres of mass, as shares of the field of view, before and after."""
    mask = np.zeros((20, 12, 17), bool)
    mask[4:9, 2:7, 8:14] = True
    there = cube(mask, 32)
    back = probabilities(torch.from_numpy(there)[None, None], mask.shape)
    for volume in (there, back):
        assert centre(volume) == pytest.approx(centre(mask), abs=0.02)
    seen = images(measurement(mask.max(axis=1)[None]), 32)[0]
    assert centre(seen) == pytest.approx(np.delete(centre(mask), 1), abs=0.02)


def centre(volume):
    places = np.indices(volume.shape) + 0.5
    shares = [(place * volume).sum() / volume.sum() for place in places]
    return np.divide(shares, volume.shape)
