"""SIRT: its residual, its constraints, and a ball that it recovers."""

import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.geometry.cone_beam import CArm, study_views
from angiovox.geometry.grid import Grid
from angiovox.projectors.attenuation import CONTRAST
from angiovox.projectors.line_integral import line_integral
from angiovox.projectors.sirt import sirt

GRID = Grid((15, 13, 11), (2.1, 1.9, 2.3), (2, -3, 1))
VIEWS = CArm(1200, 750, (23, 19), (3.0, 3.5), (3, -2)).views([0, 45, 100, -30], [0, 20, -10, 40])
FREE = (-np.inf, np.inf)


def noise(seed=0):
    return np.random.default_rng(seed).normal(0.3, 0.5, VIEWS.shape).astype(np.float32)


def within_box(seed=1):
    """A volume between nothing and undiluted contrast, and a support that holds it."""
    rng = np.random.default_rng(seed)
    volume = rng.uniform(0, CONTRAST, GRID.shape).astype(np.float32)
    support = rng.random(GRID.shape) < 0.3
    return volume * support, support


def residual(volume, integrals, support=None):
    """The norm that SIRT lowers: rays weigh by the reciprocal of their lengths."""
    lengths = line_integral(np.ones(GRID.shape) if support is None else support, GRID, VIEWS)
    seen = lengths > 0
    missing = (integrals - line_integral(volume.astype(np.float64), GRID, VIEWS))[seen]
    return np.sqrt((missing**2 / lengths[seen]).sum())


@pytest.mark.parametrize("box", [FREE, (0, CONTRAST)], ids=["free", "box"])
@pytest.mark.parametrize("supported", [False, True])
def test_the_weighted_residual_never_grows(box, supported):
    integrals, support = noise(), within_box()[1] if supported else None
    volumes = [sirt(integrals, GRID, VIEWS, count, box, support) for count in range(12)]
    sizes = np.array([residual(volume, integrals, support) for volume in volumes])
    assert (np.diff(sizes) <= 1e-6 * sizes[0]).all() and sizes[-1] < 0.99 * sizes[0]


def test_it_begins_with_nothing():
    assert not sirt(noise(), GRID, VIEWS, 0).any()


@pytest.mark.parametrize("supported", [False, True])
def test_a_uniform_volume_is_found_at_once_and_kept(supported):
    """Of a constant, each ray's integral over its length is that constant."""
    support = within_box()[1] if supported else np.ones(GRID.shape, bool)
    integrals = line_integral(0.02 * support.astype(np.float32), GRID, VIEWS)
    for iterations in (1, 2, 7):
        found = sirt(integrals, GRID, VIEWS, iterations, support=support)
        seen = found > 0
        assert seen.sum() > 0.9 * support.sum() and not seen[~support].any()
        np.testing.assert_allclose(found[seen], 0.02, rtol=1e-4)


def test_integrals_of_what_is_allowed_are_approached():
    volume, support = within_box()
    integrals = line_integral(volume, GRID, VIEWS)
    few, many = (sirt(integrals, GRID, VIEWS, count, support=support) for count in (10, 300))
    start, early, late = (
        residual(x, integrals, support) for x in (np.zeros(GRID.shape), few, many)
    )
    assert early < 0.2 * start and late < 0.01 * start
    assert abs(many - volume).mean() < abs(few - volume).mean() < abs(volume).mean()


def test_nothing_is_outside_of_the_support_or_of_the_box():
    support = within_box()[1]
    for box in ((0, CONTRAST), (0.01, 0.02), (-0.01, 0.5)):
        found = sirt(noise(), GRID, VIEWS, 5, box, support)
        assert not found[~support].any()
        seen = found[support & (found != 0)]
        assert len(seen) > 0.5 * support.sum()
        assert np.float32(box[0]) <= seen.min() and seen.max() <= np.float32(box[1])
    assert sirt(-noise(), GRID, VIEWS, 5, (-0.01, 0.5)).min() == np.float32(-0.01)
    assert sirt(noise(), GRID, VIEWS, 5).max() == np.float32(CONTRAST)


def test_what_no_ray_passes_stays_empty():
    away = Grid((4, 4, 4), (1.0,) * 3, (300, 0, 0))
    assert not sirt(noise(), away, VIEWS, 3, (0.01, 1)).any()


def test_rays_that_hardly_pass_the_support_have_no_say():
    """Whatever they measured, and nothing else is left out."""
    volume, support = within_box()
    integrals = line_integral(volume, GRID, VIEWS)
    lengths = line_integral(support.astype(np.float32), GRID, VIEWS)
    short = (lengths > 0) & (lengths < 4.0)
    assert short.any() and (lengths >= 4.0).any()
    wrong = np.where(short, 5.0, integrals).astype(np.float32)
    found, kept = (
        sirt(given, GRID, VIEWS, 5, support=support, shortest_mm=4.0)
        for given in (integrals, wrong)
    )
    np.testing.assert_array_equal(found, kept)
    every = sirt(wrong, GRID, VIEWS, 5, support=support)
    assert (every != kept).any()


def test_twice_the_contrast_is_twice_the_volume():
    one = sirt(noise(), GRID, VIEWS, 6, (0, 0.02))
    np.testing.assert_allclose(sirt(2 * noise(), GRID, VIEWS, 6, (0, 0.04)), 2 * one, atol=1e-7)


def test_a_ball_is_recovered_from_ten_views():
    grid = Grid((32,) * 3, (1.0,) * 3)
    x, y, z = np.moveaxis(grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1)), -1, 0)
    ball = (x - 3) ** 2 + (y + 2) ** 2 + (z - 1) ** 2 < 6**2
    views = study_views(np.linspace(0, 180, 10, endpoint=False), grid, 1200, 785)
    integrals = line_integral(CONTRAST * ball, grid, views)
    found = sirt(integrals, grid, views, 30) >= CONTRAST / 2
    dice = 2 * (found & ball).sum() / (found.sum() + ball.sum())
    assert dice > 0.95


@pytest.mark.parametrize("supported", [False, True])
def test_threads_and_precision_of_the_input_do_not_change_a_bit(supported):
    support = within_box()[1] if supported else None
    one = sirt(noise(), GRID, VIEWS, 4, support=support)
    assert one.dtype == np.float32
    for threads in (2, 5):
        np.testing.assert_array_equal(
            sirt(noise(), GRID, VIEWS, 4, support=support, threads=threads), one
        )
    wide = sirt(noise().astype(np.float64), GRID, VIEWS, 4, support=support)
    np.testing.assert_array_equal(wide, one)


def test_the_input_stays_as_it_is():
    integrals, (_, support) = noise(), within_box()
    before = integrals.copy(), support.copy()
    sirt(integrals, GRID, VIEWS, 2, support=support)
    np.testing.assert_array_equal(integrals, before[0])
    np.testing.assert_array_equal(support, before[1])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 23, 19\), views have \(4, 23, 19\)"):
        sirt(noise()[:3], GRID, VIEWS, 1)
    with pytest.raises(ValueError, match=r"support of shape \(2, 2, 2\) .* \(15, 13, 11\)"):
        sirt(noise(), GRID, VIEWS, 1, support=np.ones((2, 2, 2), bool))
    with pytest.raises(ValueError, match=r"from 0\.1 to 0\.1 is empty"):
        sirt(noise(), GRID, VIEWS, 1, (0.1, 0.1))
    for wrong in (np.nan, np.inf):
        with pytest.raises(InputError, match="NaN or infinity"):
            sirt(np.full(VIEWS.shape, wrong), GRID, VIEWS, 1)
