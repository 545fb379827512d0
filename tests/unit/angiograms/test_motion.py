"""Motion between mask and contrast: its trace goes, and vessels stay."""

import numpy as np
import pytest
from angiovox.angiograms.motion import without_motion
from scipy import ndimage

SHAPE = (180, 150)


def head(seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=SHAPE)
    return 60 * ndimage.gaussian_filter(noise, 6)


def vessel() -> np.ndarray:
    i, j = np.indices(SHAPE)
    return 0.3 * np.exp(-((i - 90 - 20 * np.sin(j / 25)) ** 2) / 8)


def moved(image: np.ndarray, shift) -> np.ndarray:
    return ndimage.shift(image, shift, order=3, mode="nearest")


@pytest.mark.parametrize("shift", [(0.4, 0.0), (-0.3, 0.5), (0.0, 0.8)])
def test_the_trace_of_a_shift_goes_and_a_vessel_stays(shift):
    mask = head()
    noise = np.random.default_rng(2).normal(0, 0.01, SHAPE)
    subtracted = mask - moved(mask, shift) + vessel() + noise
    mended = without_motion(subtracted, mask)
    inner = np.s_[10:-10, 10:-10]
    before = np.abs(subtracted - vessel() - noise)[inner].mean()
    after = np.abs(mended - vessel() - noise)[inner].mean()
    assert after < 0.15 * before


def test_the_trace_of_a_turn_goes():
    mask = head()
    turned = ndimage.rotate(mask, 0.3, reshape=False, order=3, mode="nearest")
    inner = np.s_[15:-15, 15:-15]
    left = without_motion(mask - turned, mask)[inner]
    assert np.abs(left).mean() < 0.3 * np.abs(mask - turned)[inner].mean()


def test_without_motion_and_with_noise_hardly_anything_changes():
    subtracted = vessel() + np.random.default_rng(2).normal(0, 0.01, SHAPE)
    change = without_motion(subtracted, head()) - subtracted
    assert np.abs(change).max() < 0.005


def test_a_constant_goes():
    mask, noise = head(), np.random.default_rng(3).normal(0, 0.01, SHAPE)
    np.testing.assert_allclose(
        without_motion(noise + 0.7, mask), without_motion(noise, mask), atol=1e-5
    )


def test_what_was_not_measured_has_no_part():
    mask, subtracted = head(), head() - moved(head(), (0.3, 0.2))
    measured = np.ones(SHAPE, bool)
    measured[:40] = False
    spoilt, other = mask.copy(), subtracted.copy()
    spoilt[:40], other[:40] = 0, 0
    mended = without_motion(other, spoilt, measured)[55:-10, 10:-10]
    assert np.abs(mended).mean() < 0.2 * np.abs(subtracted[55:-10, 10:-10]).mean()


def test_nothing_measured_is_left_as_it_is():
    image = head()
    assert (without_motion(image, image, np.zeros(SHAPE, bool)) == image.astype(np.float32)).all()
