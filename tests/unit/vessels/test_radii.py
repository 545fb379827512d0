"""Radii of what has a known one: tubes off the grid, forks, and phantoms of the default study."""

import numpy as np
import pytest
from angiovox.metrics.calibre import CLASSES
from angiovox.vessels.radii import radii
from angiovox.vessels.skeleton import centreline
from known_radii import NAMES, by_class, cohort_radii, tube

CUBIC = np.ones(3)
RADII = [0.75, 1.0, 1.5, 2.25, 3.0, 4.5]  # mm: 1 to 6 voxels of the default study


def tubes(radius, along=None, count=8):
    """Tubes off the grid, and oblique to it where no direction is given: mask, line and middle."""
    rng = np.random.default_rng(0)
    for middle in rng.uniform(-0.4, 0.4, (count, 3)):
        axis = rng.normal(size=3) if along is None else np.array(along)
        yield *tube(radius, axis, middle, 0.75), axis / np.linalg.norm(axis), middle


@pytest.mark.parametrize("radius", RADII)
def test_the_radius_of_an_oblique_tube_is_known_to_a_tenth_of_a_millimetre(radius):
    errors = [radii(mask, line, 0.75 * CUBIC).mean() - radius for mask, line, *_ in tubes(radius)]
    assert np.abs(errors).max() <= 0.1
    assert abs(np.mean(errors)) <= 0.05


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("along", [(0, 0, 1), (0, 1, 1), (1, 1, 1), (1, -2, 0)])
def test_along_the_grid_a_tube_has_the_radius_of_its_voxels(radius, along):
    """Where it lies decides how many they are: by volume and length up to 0.18 mm off."""
    for mask, line, axis, middle in tubes(radius, along):
        found = radii(mask, line, 0.75 * CUBIC).mean()
        place = ((np.argwhere(mask) - 19.5) * 0.75 - middle) @ axis
        volume = np.count_nonzero(np.abs(place) < 7.5) * 0.75**3
        assert found == pytest.approx(np.sqrt(volume / (np.pi * 15)), abs=0.1, rel=0.03)


def test_thicker_tubes_have_larger_radii():
    found = [
        radii(*tube(radius, (1, 2, 3), (0.1, 0.2, 0.3), 1.0), CUBIC).mean()
        for radius in np.arange(0.6, 5, 0.4)
    ]
    assert (np.diff(found) > 0.2).all()


def forked():
    """A tube of radius 3 along z, and one of radius 1.2 that leaves it along x."""
    x, y, z = np.indices((30, 21, 40))
    return (np.hypot(x - 8, y - 10) <= 3) | ((np.hypot(y - 10, z - 20) <= 1.2) & (x >= 8))


def test_a_branch_does_not_widen_the_artery_that_it_leaves():
    mask = forked()
    line = centreline(mask)
    found = radii(mask, line, CUBIC)
    trunk = (line[:, 0] <= 9) & (np.abs(line[:, 2] - 19.5) < 15)
    branch = line[:, 0] > 8 + 3 + 5
    assert trunk.sum() > 25 and branch.sum() > 8
    np.testing.assert_allclose(found[trunk], 3, atol=0.4)
    np.testing.assert_allclose(found[branch], 1.2, atol=0.2)


@pytest.mark.parametrize(("axes", "flipped"), [((1, 2, 0), 0), ((2, 1, 0), 1), ((0, 2, 1), 2)])
def test_turning_and_mirroring_turns_and_mirrors_the_radii(axes, flipped):
    mask = forked()
    line = centreline(mask)
    turned = line[:, axes].copy()
    turned[:, flipped] = mask.shape[axes[flipped]] - 1 - turned[:, flipped]
    voxel_mm = np.array([0.6, 0.75, 0.9])
    found = radii(np.flip(mask.transpose(axes), flipped), turned, voxel_mm[list(axes)])
    # Of two diameters that are equal, either is the first; rays start from there.
    np.testing.assert_allclose(found, radii(mask, line, voxel_mm), atol=0.1)


def test_radii_are_as_large_as_the_voxels():
    mask = forked()
    line = centreline(mask)
    once, twice = (radii(mask, line, edge * CUBIC) for edge in (0.4, 0.8))
    np.testing.assert_allclose(twice, 2 * once)


def test_voxels_need_not_be_cubes():
    """A tube of elliptic cross-section in voxels, round in millimetres."""
    x, y = np.indices((31, 21))
    mask = np.repeat((np.hypot((x - 15) * 0.5, (y - 10) * 0.8) <= 3)[:, :, None], 20, axis=2)
    line = np.array([[15, 10, z] for z in range(20)])
    np.testing.assert_allclose(radii(mask, line, np.array([0.5, 0.8, 1.1])), 3, atol=0.15)


def test_more_background_changes_nothing():
    mask = forked()
    line = centreline(mask)
    found = radii(np.asfortranarray(np.pad(mask, 3)), line + 3, CUBIC)
    np.testing.assert_allclose(found, radii(mask, line, CUBIC), atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 7), (5, 1, 1)])
def test_a_line_one_voxel_wide_is_about_one_voxel_wide(shape):
    line = np.argwhere(np.ones(shape, dtype=bool))
    found = radii(np.ones(shape, dtype=bool), line, 0.6 * CUBIC)
    assert ((found > 0.25 * 0.6) & (found < 0.75 * 0.6)).all()


def test_no_line_has_no_radii():
    assert radii(np.zeros((3, 3, 3), dtype=bool), np.zeros((0, 3), dtype=int), CUBIC).shape == (0,)


def test_any_mask_has_positive_radii():
    rng = np.random.default_rng(0)
    for _ in range(100):
        mask = rng.random(rng.integers(1, 12, 3)) < rng.uniform(0.05, 1)
        found = radii(mask, centreline(mask), np.array([0.5, 0.75, 1.0]))
        assert np.isfinite(found).all() and (found > 0).all()


@pytest.mark.parametrize("count", [6, pytest.param(45, marks=pytest.mark.thorough)])
def test_phantoms_have_the_calibres_of_their_exact_centrelines(count):
    """Otsu's masks of arteries from 1.4 mm on are wider by 0.1 mm themselves."""
    found = by_class(cohort_radii(range(1001, 1001 + count)))
    assert len(found) == len(NAMES) * len(CLASSES)
    assert (found["points"] > 30 * count).all()
    assert found.loc["exact", "bias"].abs().max() <= 0.05
    assert found.loc["otsu", "bias"].abs().max() <= 0.12
    right = found["right"]
    assert right.pop(("otsu", "medium")) >= 0.8  # of which many are that wide
    assert right.min() >= (0.88 if count < 45 else 0.85)
