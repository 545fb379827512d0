"""The field that views have in common: it holds the vessels, and noise does not widen it."""

from dataclasses import replace

import numpy as np
import pytest
from angiovox.angiograms.field import MARGIN_MM, SEARCH_MM, common_field, local_noise, vessel_pixels
from angiovox.angiograms.measurement import Angiograms
from angiovox.errors import InputError
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.phantoms.acquisition import fill
from angiovox.projectors.attenuation import CONTRAST
from angiovox.projectors.line_integral import line_integral
from angiovox.vessels.voxelize import occupancy

ARM = CArm(1200, 785, (192, 192), (1.6, 1.6))
ANGLES = np.array([[0.0, 0.0], [90.0, 0.0]])
GRID = Grid((100,) * 3, (1.0,) * 3)
NOISE = 0.004
PIXEL_MM = 1.6 * 785 / 1200


@pytest.fixture(scope="module")
def arteries():
    """Wide arteries of a phantom, within 50 mm of the isocentre."""
    grown = fill(9101, 60.0).arteries
    middle = np.abs(grown.points[grown.segments].mean(axis=1)).max(axis=1) < 45
    return grown.keep(middle & (grown.radii[grown.segments].min(axis=1) > 0.4))


@pytest.fixture(scope="module")
def clean(arteries):
    share, _ = occupancy(arteries, GRID.shape, 1.0)
    views = ARM.views(*ANGLES.T)
    seen = line_integral(share * np.float32(CONTRAST), GRID, views)
    measured, noise = np.ones(seen.shape, bool), np.full(2, NOISE)
    return Angiograms(seen, measured, noise, views, ANGLES, (ARM,) * 2, ("LAO 0", "LAO 90"))


def noisy(clean, behind_bone, seed=0):
    """Noise that is several times stronger in a half of the detector, as a head leaves it."""
    spread = np.full(clean.line_integrals.shape, NOISE, np.float32)
    spread[:, :96] *= behind_bone
    noise = np.random.default_rng(seed).normal(0, spread).astype(np.float32)
    return replace(clean, line_integrals=clean.line_integrals + noise)


def edges(grid):
    half = np.multiply(grid.shape, grid.voxel_size) / 2
    return np.stack([np.array(grid.centre) - half, np.array(grid.centre) + half])


def test_every_artery_that_stands_out_of_the_noise_is_inside(clean, arteries):
    for taken in (clean, noisy(clean, 1.0)):
        low, high = edges(common_field(taken))
        assert (arteries.points >= low).all() and (arteries.points <= high).all()


@pytest.mark.parametrize("behind_bone", [1.0, 3.0, 5.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_noise_widens_no_edge_by_more_than_a_voxel_of_the_search(clean, behind_bone, seed):
    """Five times the noise in half of an image is below the threshold that the other half sets."""
    without = edges(common_field(clean))
    wider = np.array([[-1], [1]]) * (edges(common_field(noisy(clean, behind_bone, seed))) - without)
    assert wider.max() <= SEARCH_MM + 1e-6


def test_a_strip_along_the_detectors_edge_is_no_vessel(clean):
    """As a motion of a head that the detector cuts leaves it."""
    taken = noisy(clean, 1.0)
    strip = taken.line_integrals.copy()
    strip[:, :2] += 0.05
    changed = common_field(replace(taken, line_integrals=strip))
    np.testing.assert_allclose(edges(changed), edges(common_field(taken)), atol=SEARCH_MM)


def test_an_artery_that_leaves_the_detector_is_followed_to_its_edge(clean):
    """A tube along x, seen from the front; its shadow from the side is a point."""
    share = np.zeros((200, 8, 8), np.float32)
    share[:, 2:6, 2:6] = 1
    grid = Grid(share.shape, (1.0,) * 3)
    seen = line_integral(share * np.float32(CONTRAST), grid, clean.views)
    low, high = edges(common_field(noisy(replace(clean, line_integrals=seen), 1.0)))
    reach = 96 * PIXEL_MM
    assert low[0] == pytest.approx(-reach, abs=SEARCH_MM + MARGIN_MM)
    assert high[0] == pytest.approx(reach, abs=SEARCH_MM + MARGIN_MM)


def test_local_noise_is_that_of_its_place_and_contrast_does_not_raise_it():
    rng = np.random.default_rng(3)
    image = rng.normal(0, 1, (200, 200))
    image[:100] *= 4
    measured = np.ones(image.shape, bool)
    noise = local_noise(image, measured, 12)
    np.testing.assert_allclose(noise[20:60, 20:-20], 4, rtol=0.15)
    assert noise[150:180].max() < 2 < noise[20:60].min()
    image[40:45] += 100
    np.testing.assert_allclose(local_noise(image, measured, 12)[20:60], noise[20:60], rtol=0.2)


def test_the_faint_course_of_a_clear_vessel_is_vessel_and_a_faint_spot_is_none():
    image = np.random.default_rng(5).normal(0, 1, (120, 120))
    image[20:60, 60:63] += 12
    image[60:90, 60:63] += 3.5
    image[100:103, 20:22] += 3.5
    found = vessel_pixels(image, np.ones(image.shape, bool), 2.0)
    assert found[20:60, 61].mean() > 0.95 and found[60:90, 61].mean() > 0.6
    assert not found[95:110, 15:30].any()
    elsewhere = np.ones(image.shape, bool)
    elsewhere[15:95, 55:68] = False
    assert not found[elsewhere].any()


def test_views_that_show_nothing_in_common_are_refused(clean):
    seen = clean.line_integrals.copy()
    seen[1] = np.roll(seen[1], 96, axis=1)
    seen[0, :, :96], seen[1, :, 96:] = 0, 0
    seen += np.random.default_rng(0).normal(0, NOISE, seen.shape).astype(np.float32)
    with pytest.raises(InputError, match="no place is seen filled in all runs"):
        common_field(replace(clean, line_integrals=np.float32(seen)))


def test_a_grid_beyond_the_memory_names_a_voxel_size_that_does(clean):
    with pytest.raises(InputError, match="choose voxels of") as refused:
        common_field(clean, 0.5, memory=1e8)
    larger = float(str(refused.value).rsplit(" ", 2)[1])
    assert common_field(clean, larger, memory=1e8).voxel_size[0] == larger > 0.5
