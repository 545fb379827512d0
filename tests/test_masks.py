"""Otsu masks: exact where the answer is known, indifferent to units, refused where none exists."""

import dataclasses

import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.masks import Limits, assess, otsu_mask
from scipy import ndimage
from skimage.filters import threshold_otsu

LIMITS = Limits(min_fraction=0.01, max_fraction=0.1, min_largest_component=0.5)
SHAPE = (10, 10, 10)


def tube(fraction=0.05):
    """A straight vessel that fills this share of the volume."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask.reshape(-1)[: round(fraction * mask.size)] = True
    return mask


def vessel_volume(seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 40, SHAPE) + 200 * tube() * rng.integers(1, 3, SHAPE)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1000, 500), (0.1, 0.2), (7, 8)])
@pytest.mark.parametrize("fraction", [0.001, 0.05, 0.5, 0.9])
def test_two_levels_are_separated_exactly(low, high, fraction):
    mask = tube(fraction)
    volume = np.where(mask, high, low).astype(np.float32)
    result, threshold = otsu_mask(volume)
    np.testing.assert_array_equal(result, mask)
    assert result.dtype == bool
    assert np.float32(low) <= threshold < np.float32(high)


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_is_scikit_images(seed):
    volume = vessel_volume(seed) * np.random.default_rng(seed).random(SHAPE)
    for number in (np.float32, np.float64):
        assert otsu_mask(volume.astype(number))[1] == threshold_otsu(volume.astype(number))


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.011, 1 / 65535])
def test_stored_whole_numbers_give_the_mask_of_the_intensities(scale):
    codes = (vessel_volume() * 113).astype(np.uint16)
    mask, threshold = otsu_mask(codes)
    of_values, expected = otsu_mask((codes * scale - 64).astype(np.float32))
    np.testing.assert_array_equal(mask, of_values)
    assert threshold * scale - 64 == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32])
def test_whole_numbers_need_no_other_threshold(dtype):
    mask = tube()
    result, threshold = otsu_mask(np.where(mask, 9, 4).astype(dtype))
    assert 4 <= threshold < 9
    np.testing.assert_array_equal(result, mask)


def test_two_noisy_levels_are_separated():
    mask = tube()
    volume = (300 * mask + np.random.default_rng(0).normal(0, 20, SHAPE)).astype(np.float32)
    np.testing.assert_array_equal(otsu_mask(volume)[0], mask)


@pytest.mark.parametrize(("scale", "offset"), [(1, 1000), (2, 0), (0.5, -64), (8, 3)])
def test_units_do_not_matter(scale, offset):
    """Exact in floating point, so that no voxel changes its bin of the histogram."""
    volume = vessel_volume().astype(np.float32)
    mask, threshold = otsu_mask(volume)
    other, moved = otsu_mask(volume * np.float32(scale) + np.float32(offset))
    np.testing.assert_array_equal(other, mask)
    assert moved == pytest.approx(scale * threshold + offset, rel=1e-5, abs=1e-3)


def test_the_order_of_voxels_does_not_matter():
    volume = vessel_volume().astype(np.float32)
    mask, threshold = otsu_mask(volume)
    turned, same = otsu_mask(volume.transpose(2, 0, 1)[::-1])
    assert same == threshold
    np.testing.assert_array_equal(turned, mask.transpose(2, 0, 1)[::-1])


def test_the_mask_is_what_lies_above_the_threshold():
    volume = vessel_volume().astype(np.float32)
    mask, threshold = otsu_mask(volume)
    assert volume[mask].min() > threshold >= volume[~mask].max()


@pytest.mark.parametrize("bad", [[np.nan], [np.inf], [-np.inf], [np.nan, np.inf, np.nan]])
def test_voxels_that_are_no_numbers_are_counted(bad):
    volume = vessel_volume().astype(np.float32)
    volume.reshape(-1)[: len(bad)] = bad
    with pytest.raises(InputError, match=f"^{len(bad)} of 1000 voxels"):
        otsu_mask(volume)


@pytest.mark.parametrize("value", [0.0, -1000.0, 12.5])
def test_a_constant_volume_is_refused_with_its_value(value):
    with pytest.raises(InputError, match=f"{value:g}:"):
        otsu_mask(np.full(SHAPE, value, dtype=np.float32))


def test_a_plausible_mask_has_no_reason():
    quality = assess(tube(), 17.0, LIMITS)
    assert quality.plausible
    assert quality.reason == ""
    assert (quality.threshold, quality.fraction, quality.components) == (17.0, 0.05, 1)
    assert quality.largest_component == 1


@pytest.mark.parametrize(
    ("fraction", "word"),
    [(0.009, "below 1.000%"), (0.01, ""), (0.1, ""), (0.101, "above 10.0%")],
)
def test_the_limits_themselves_are_plausible_and_what_lies_beyond_is_not(fraction, word):
    quality = assess(tube(fraction), 0.0, LIMITS)
    assert quality.plausible is (word == "")
    assert word in quality.reason


@pytest.mark.parametrize(("small", "plausible"), [(19, True), (20, True), (21, False)])
def test_the_largest_component_is_weighed_against_all(small, plausible):
    """20 connected voxels, and some that touch nothing."""
    mask = np.zeros((10, 10, 20), dtype=bool)
    mask[0, 0, :] = True
    lonely = mask[2::2, 2::2, ::3]
    lonely[np.unravel_index(np.arange(small), lonely.shape)] = True
    quality = assess(mask, 0.0, LIMITS)
    assert quality.components == 1 + small
    assert quality.largest_component == 20 / (20 + small)
    assert quality.plausible is plausible
    assert ("largest component" in quality.reason) is not plausible


def test_voxels_that_touch_at_a_corner_are_one_component():
    mask = np.eye(10, dtype=bool)[:, :, None] & np.ones(10, dtype=bool)
    mask[..., 1:] = False
    assert assess(mask, 0.0, LIMITS).components == 1


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(9, 8, 7), (1, 12, 5), (12, 1, 5), (6, 7, 1), (1, 1, 1)])
def test_components_are_those_of_a_label_for_each_voxel(shape, share):
    mask = np.random.default_rng(0).random(shape) < share
    labels, components = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    largest = np.bincount(labels[mask]).max() / mask.sum() if components else 0
    for turned in (mask, np.asfortranarray(mask), mask.transpose(1, 2, 0), mask[::-1, :, ::-1]):
        quality = assess(turned, 0.0, LIMITS)
        assert (quality.components, quality.largest_component) == (components, largest)


def test_an_empty_mask_is_implausible():
    quality = assess(np.zeros(SHAPE, dtype=bool), 0.0, LIMITS)
    assert not quality.plausible
    assert quality.components == 0
    assert quality.largest_component == 0
    assert "below" in quality.reason


def test_quality_can_be_written_as_a_row():
    quality = assess(tube(), 1.0, LIMITS)
    assert quality.as_dict() == dataclasses.asdict(quality)
    assert list(quality.as_dict()) == [
        "threshold",
        "fraction",
        "components",
        "largest_component",
        "plausible",
        "reason",
    ]
