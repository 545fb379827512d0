"""Phantom patients: their anatomy as a law, their image as what a scanner would give."""

from functools import cache

import numpy as np
import pytest
from angiovox.phantom import INJECTIONS, SMALLEST_RADIUS, Imaging, grow, image, occupancy
from skimage.filters import threshold_otsu

SEEDS = range(4)
SHAPE, VOXEL_SIZE = (64, 64, 64), 0.625
PATIENTS = [(seed, injection) for seed in SEEDS for injection in INJECTIONS]

grown = cache(grow)


@cache
def imaged(seed):
    return image(grown(seed), SHAPE, VOXEL_SIZE, seed)


def branches(vessels):
    """Each branch's segments, in the order in which they were grown."""
    return [np.flatnonzero(vessels.branch == n) for n in np.unique(vessels.branch)]


def forks(vessels):
    """(parent radius, daughters' radii) at each fork and tip, trunks' roots included.

    Arteries that leave from where no other ends meet a trunk there, the thickest of them: it was
    grown downwards from the fork that it feeds.
    """
    origins, tips = {}, {}
    for segments in branches(vessels):
        first, last = segments[0], segments[-1]
        origins.setdefault(tuple(vessels.starts[first]), []).append(vessels.start_radii[first])
        tips[tuple(vessels.ends[last])] = vessels.end_radii[last]
    found = []
    for place, radii in origins.items():
        if place in tips:
            found.append((tips[place], radii))
        else:
            trunk, *leaving = sorted(radii, reverse=True)
            found.append((trunk, leaving))
    return found


@pytest.mark.parametrize("injection", INJECTIONS)
def test_a_seed_is_a_patient(injection):
    first, again, other = grow(3, injection), grow(3, injection), grow(4, injection)
    for name in ("starts", "ends", "start_radii", "end_radii", "branch"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert first.starts.shape != other.starts.shape or (first.starts != other.starts).any()


@pytest.mark.parametrize(("seed", "injection"), PATIENTS)
def test_forks_obey_murrays_law(seed, injection):
    """Cubed radii add up; what is missing at a fork is an artery too thin to be grown."""
    found = forks(grown(seed, injection))
    whole = [(parent, daughters) for parent, daughters in found if len(daughters) == 2]
    assert len(whole) >= 10
    for parent, daughters in whole:
        assert np.sum(np.power(daughters, 3)) == pytest.approx(parent**3, rel=1e-9)
    for parent, daughters in found:
        assert 1 <= len(daughters) <= 2
        if len(daughters) == 1:
            assert 0 < parent**3 - daughters[0] ** 3 < SMALLEST_RADIUS**3


@pytest.mark.parametrize(("seed", "injection"), PATIENTS)
def test_arteries_end_only_where_daughters_would_be_too_thin(seed, injection):
    vessels = grown(seed, injection)
    origins = {tuple(vessels.starts[segments[0]]) for segments in branches(vessels)}
    ends = [segments[-1] for segments in branches(vessels)]
    radii = np.array([vessels.end_radii[i] for i in ends if tuple(vessels.ends[i]) not in origins])
    # The cube of a tip is split in two, each below the smallest: only the trunks' ends are thicker.
    trunks = {"carotid": 1, "all": 3}[injection]
    assert np.sum(radii**3 >= 2 * SMALLEST_RADIUS**3) == trunks


@pytest.mark.parametrize(("seed", "injection"), PATIENTS)
def test_branches_are_unbroken_and_taper(seed, injection):
    vessels = grown(seed, injection)
    for segments in branches(vessels):
        np.testing.assert_array_equal(vessels.starts[segments[1:]], vessels.ends[segments[:-1]])
        np.testing.assert_array_equal(
            vessels.start_radii[segments[1:]], vessels.end_radii[segments[:-1]]
        )
        assert vessels.start_radii[segments[0]] >= SMALLEST_RADIUS
    assert (vessels.end_radii < vessels.start_radii).all()
    assert vessels.end_radii.min() >= 0.92 * SMALLEST_RADIUS - 1e-12
    assert (np.linalg.norm(vessels.ends - vessels.starts, axis=1) > 0).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_one_injection_is_centred_on_the_carotid_fork(seed):
    vessels = grown(seed, "carotid")
    at_centre = [s[0] for s in branches(vessels) if not vessels.starts[s[0]].any()]
    assert len(at_centre) == 3


def test_one_injection_fills_the_left_or_the_right_carotid():
    """The middle cerebral artery, thicker of the two that leave, runs to the injected side."""
    sides = {np.sign(_middle_cerebral_course(grow(seed))) for seed in range(12)}
    assert sides == {-1.0, 1.0}


def _middle_cerebral_course(vessels):
    leaving = sorted(branches(vessels)[:3], key=lambda s: -vessels.start_radii[s[0]])[1]
    return vessels.ends[leaving[0], 0]


@pytest.mark.parametrize("injection", ["", "basilar", "Carotid"])
def test_an_unknown_injection_is_refused_with_its_name(injection):
    with pytest.raises(ValueError, match=f"'{injection}'.*carotid, all"):
        grow(0, injection)


@pytest.mark.parametrize("voxel_size", [0.0, -0.5, float("nan")])
def test_a_voxel_size_that_is_not_positive_is_refused_with_its_value(voxel_size):
    with pytest.raises(ValueError, match=f"^voxel size {voxel_size} mm"):
        occupancy(grown(0), (4, 4, 4), voxel_size)


@pytest.mark.parametrize(("seed", "injection"), PATIENTS)
def test_two_grids_of_one_field_of_view_show_the_same_anatomy(seed, injection):
    """Each coarse voxel stands for a block of 2 x 2 x 2 fine ones; overlap is the Dice of fills.

    It is lower for the whole head, where most arteries are thinner than the coarse voxel.
    """
    vessels = grown(seed, injection)
    voxel_size, agreed = {"carotid": (0.625, 0.95), "all": (2.0, 0.83)}[injection]
    coarse = occupancy(vessels, (32, 32, 32), 2 * voxel_size)
    fine = occupancy(vessels, (64, 64, 64), voxel_size)
    blocks = fine.reshape(32, 2, 32, 2, 32, 2).mean(axis=(1, 3, 5))
    overlap = 2 * np.minimum(coarse, blocks).sum() / (coarse.sum() + blocks.sum())
    assert overlap > agreed


def test_occupancy_of_a_tube_is_its_volume():
    """A thick tube fills as many voxels as its cylinder and the two half balls at its ends hold."""
    vessels = grown(0)
    start, end, radius = np.array([-6.0, 1.0, 0.5]), np.array([6.0, -2.0, 3.0]), 4.0
    tube = type(vessels)(
        start[None], end[None], np.array([radius]), np.array([radius]), np.zeros(1, dtype=int)
    )
    length = np.linalg.norm(end - start)
    expected = np.pi * radius**2 * length + 4 / 3 * np.pi * radius**3
    filled = occupancy(tube, (60, 40, 40), 0.5).sum() * 0.5**3
    assert filled == pytest.approx(expected, rel=0.01)


def test_occupancy_is_a_fraction_and_keeps_out_of_grids_beside_the_head():
    filled = occupancy(grown(1), (40, 30, 20), 1.0)
    assert filled.shape == (40, 30, 20) and filled.dtype == np.float32
    assert filled.min() == 0 and 0.5 < filled.max() <= 1
    shifted = grown(1)
    away = type(shifted)(
        shifted.starts + 1000, shifted.ends + 1000, *[shifted.start_radii] * 2, shifted.branch
    )
    assert not occupancy(away, (40, 30, 20), 1.0).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_otsu_finds_the_vessels_in_the_image(seed):
    """As in a subtracted angiogram: a small, clean foreground that is the arteries."""
    volume = imaged(seed)
    mask = volume > threshold_otsu(volume)
    truth = occupancy(grown(seed), SHAPE, VOXEL_SIZE) > 0.5
    assert 0.003 < mask.mean() < 0.05
    assert (mask & truth).sum() / (mask | truth).sum() > 0.8


def test_an_image_is_finite_and_the_same_each_time():
    volume = imaged(0)
    assert volume.shape == SHAPE and volume.dtype == np.float32 and np.isfinite(volume).all()
    np.testing.assert_array_equal(image(grown(0), SHAPE, VOXEL_SIZE, 0), volume)


def test_noise_differs_from_one_seed_to_the_next():
    """Same arteries, other noise: the difference of two images is noise of the stated strength."""
    vessels, imaging = grown(0), Imaging(bone=0.0)
    one, two = (image(vessels, SHAPE, VOXEL_SIZE, seed, imaging) for seed in (1, 2))
    assert np.std(one - two) == pytest.approx(np.sqrt(2) * imaging.noise, rel=0.02)
    vessel = occupancy(vessels, SHAPE, VOXEL_SIZE) > 0.5
    assert abs((one - two)[vessel].mean()) < 0.1 * imaging.noise


def test_without_noise_vessels_are_the_brightest_by_their_contrast():
    vessels, imaging = grown(0), Imaging(noise=0.0, blur=0.0)
    clean = image(vessels, SHAPE, VOXEL_SIZE, 0, imaging)
    filled = occupancy(vessels, SHAPE, VOXEL_SIZE)
    np.testing.assert_allclose(clean[filled == 1], imaging.contrast, rtol=1e-5)
    assert clean[filled == 0].max() < 0.5 * imaging.contrast
