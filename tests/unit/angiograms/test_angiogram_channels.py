"""Channels of a network that reconstructs from angiograms: what does not matter changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
from angiovox.angiograms import channels as seen
from angiovox.angiograms.learner import turned, turned_channels
from angiovox.angiograms.measurement import Angiograms
from angiovox.geometry.cone_beam import CArm, c_arm_rotation
from angiovox.geometry.grid import Grid
from angiovox.geometry.views import Views
from angiovox.projectors.line_integral import line_integral

ARM = CArm(1200.0, 785.0, (72, 64), (1.4, 1.4))
GRID = Grid((40, 40, 40), (0.8,) * 3)
SECOND = 1.25  # contrast in the second tube, which fills later
ANGLES = np.array([[0.0, 20.0], [90.0, 0.0], [40.0, -30.0]])


def volume() -> np.ndarray:
    """Two tubes that cross without touching, and no symmetry; the second is the brighter one."""
    x, y, z = np.indices(GRID.shape)
    one = (x - 14) ** 2 + (y - 12 - z / 4) ** 2 < 6
    other = ((z - 25) ** 2 + (x - 22 - y / 5) ** 2 < 4) & (y > 10)
    return (one + SECOND * other).astype(np.float32)


def measured(volume: np.ndarray, views: Views, noise: float = 0.02) -> Angiograms:
    count, rng = len(views), np.random.default_rng(5)
    parts = volume, volume == 1, volume == 2, SECOND * (volume == SECOND)
    seen = np.stack([line_integral(np.float32(part), GRID, views) for part in parts], axis=1)
    integrals, *phases = np.swapaxes(0.045 * (seen + rng.normal(0, noise, seen.shape)), 0, 1)
    return Angiograms(
        integrals.astype(np.float32),
        np.ones(views.shape, bool),
        np.full(count, noise * 0.045),
        views,
        ANGLES[:count],
        (ARM,) * count,
        ("",) * count,
        phases=np.stack(phases, axis=1).astype(np.float32),
    )


@pytest.fixture(scope="module")
def angiograms() -> Angiograms:
    return measured(volume(), ARM.views(*ANGLES.T))


def of(angiograms: Angiograms, grid: Grid = GRID) -> np.ndarray:
    return seen.channels(seen.prepare(angiograms, GRID), grid)


def test_there_are_as_many_as_are_said(angiograms):
    assert of(angiograms).shape == (seen.COUNT, *GRID.shape)


def test_the_order_of_the_views_does_not_matter(angiograms):
    np.testing.assert_allclose(of(angiograms[[2, 0, 1]]), of(angiograms), atol=2e-5)


def test_the_unit_of_a_view_does_not_matter(angiograms):
    factors = np.float32([1, 3, 0.2])[:, None, None]
    integrals = angiograms.line_integrals * factors
    phases = angiograms.phases * factors[:, None]
    other = replace(angiograms, line_integrals=integrals, phases=phases)
    np.testing.assert_allclose(of(other), of(angiograms), atol=1e-3)


def test_a_part_has_the_channels_of_the_whole(angiograms):
    part = seen.part(GRID, np.array([4, 7, 10]), (16, 20, 12))
    whole = of(angiograms)[:, 4:20, 7:27, 10:22]
    np.testing.assert_allclose(of(angiograms, part), whole, atol=1e-4)


def test_vessels_are_brighter_than_the_rest_in_every_channel_that_says_how_bright(angiograms):
    vessel = volume() > 0
    for number in (0, 1, 2, 3, seen.COUNT - 2):
        channel = of(angiograms)[number]
        assert channel[vessel].mean() > channel[~vessel].mean() + channel[~vessel].std()


def test_a_tube_is_seen_in_the_phase_in_which_it_fills(angiograms):
    channels, tubes = of(angiograms), (volume() == 1, volume() == SECOND)
    first, _, last = channels[seen.FIRST_PHASE :: 2][:3]  # least values over the views
    for phase, filled, empty in ((first, *tubes), (last, *tubes[::-1])):
        assert phase[filled].mean() > 3 * abs(phase[empty].mean())


def test_phases_that_are_not_known_are_0_and_change_nothing_else(angiograms):
    unknown, known = of(replace(angiograms, phases=None)), of(angiograms)
    phases = slice(seen.FIRST_PHASE, seen.COUNT - 2)
    assert not unknown[phases].any() and known[phases].any()
    np.testing.assert_array_equal(np.delete(unknown, phases, 0), np.delete(known, phases, 0))


def test_the_last_says_which_share_of_the_views_was_measured(angiograms):
    covered = angiograms.measured.copy()
    covered[1] = False
    last = of(replace(angiograms, measured=covered))[-1]
    middle = tuple(edge // 2 for edge in GRID.shape)
    assert last[middle] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("axes", "flips"), [((0, 1, 2), (0,)), ((1, 2, 0), ()), ((2, 1, 0), (0, 2)), ((1, 0, 2), (1,))]
)
def test_a_turned_object_in_turned_views_has_turned_channels(axes, flips):
    matrix = np.zeros((3, 3))
    for new, old in enumerate(axes):
        matrix[new, old] = -1 if new in flips else 1
    views = ARM.views(*ANGLES.T)
    arrays = {name: getattr(views, name) @ matrix.T for name in ("origin", "u", "v")}
    source = np.hstack([views.source[:, :3] @ matrix.T, views.source[:, 3:]])
    other = replace(views, source=source, **arrays)
    straight = of(measured(volume(), views))
    found = of(measured(turned(volume(), axes, flips), other))
    np.testing.assert_allclose(found, turned_channels(straight, axes, flips), atol=5e-3)


def test_binned_pixels_lie_in_the_middle_of_those_they_are_of():
    views = ARM.views(*ANGLES.T)
    images = np.random.default_rng(1).normal(size=views.shape)
    fewer, coarse = seen.binned(images, views)
    assert fewer.shape == coarse.shape
    assert fewer.mean() == pytest.approx(images.mean())
    point = np.array([[3.0, -4.0, 5.0]])
    np.testing.assert_allclose(coarse.project(point), (views.project(point) - 0.5) / 2, atol=1e-9)


def test_noise_alone_shows_no_contrast_and_a_vessel_does():
    rng = np.random.default_rng(3)
    image = rng.normal(0, 1, (200, 200))
    everywhere = np.ones(image.shape, bool)
    assert seen.shows_contrast(image, everywhere, 6, 0).mean() < 1e-3
    image[50:60, 20:150] += 8
    shown = seen.shows_contrast(image, everywhere, 6, 0)
    assert shown[50:60, 20:150].mean() > 0.95
    assert seen.shows_contrast(image, everywhere, 6, 3)[47:63, 17:153].mean() > 0.95


def test_directions_are_those_of_the_arms():
    towards = -c_arm_rotation(*ANGLES.T)[:, :, 1]
    np.testing.assert_allclose(seen.directions(ARM.views(*ANGLES.T)), towards, atol=1e-9)
