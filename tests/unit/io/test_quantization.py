"""16-bit codes: what they lose, and that they keep order and place."""

import numpy as np
import pytest
from angiovox.io.quantization import (
    QuantizedVolume,
    dequantize,
    quantize,
    quantize_fractions,
    requantize,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def intensities(shape=(70, 60, 50), order="C"):
    volume = np.random.default_rng(0).normal(300, 900, shape).astype(np.float32)
    return np.asarray(volume, order=order)


@pytest.mark.parametrize("order", ["C", "F"])
def test_at_most_half_a_step_of_the_range_is_lost_and_the_order_of_axes_kept(order):
    volume = intensities(order=order)
    coded = quantize(volume)
    values = coded.values()
    assert coded.codes.dtype == np.uint16 and values.dtype == np.float32
    assert values.flags.f_contiguous == coded.codes.flags.f_contiguous == (order == "F")
    rounding = np.abs(volume).max() * np.finfo(np.float32).eps
    assert np.abs(values - volume).max() <= np.ptp(volume) / 131_070 + rounding
    assert (coded.codes.min(), coded.codes.max()) == (0, 65535)


@given(arrays(np.int32, (3, 4, 2), elements=st.integers(-30_000, 30_000)))
def test_whole_numbers_are_exact(volume):
    np.testing.assert_array_equal(quantize(volume.astype(np.float32)).values(), volume)


@pytest.mark.parametrize("largest", [1, 3, 255, 4095, 40_000, 65_535])
def test_whole_numbers_span_half_of_all_codes_at_least(largest):
    """Else what back-projection rounds to codes between them would be coarse."""
    volume = np.array([[[0, 1, largest]]], dtype=np.float32)
    coded = quantize(volume)
    assert coded.codes.max() > 32_767
    np.testing.assert_array_equal(coded.values(), volume)


def test_whole_numbers_that_do_not_fit_are_scaled():
    volume = np.array([[[0, 1, 200_000]]], dtype=np.float32)
    assert np.abs(quantize(volume).values() - volume).max() <= 200_000 / 131_070


def test_order_is_kept():
    volume = np.sort(intensities().ravel()).reshape(70, 60, 50)
    assert (np.diff(quantize(volume).codes.ravel().astype(int)) >= 0).all()


@pytest.mark.parametrize("value", [-3.5, 0.0, 7.0])
def test_a_constant_comes_back(value):
    volume = np.full((2, 3, 4), value, dtype=np.float32)
    np.testing.assert_array_equal(quantize(volume).values(), volume)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value):
    volume = intensities()
    volume[1, 2, 3] = value
    with pytest.raises(ValueError, match="NaN or infinity"):
        quantize(volume)


def test_codes_are_taken_as_they_are():
    codes = np.random.default_rng(0).integers(5, 900, (3, 4, 5), dtype=np.uint16)
    assert quantize(codes).codes is codes


def test_codes_within_codes_stand_for_the_volumes_values():
    volume = intensities()
    coded = quantize(volume)
    maxima = coded.codes.max(axis=1).astype(np.float32) - 0.25
    inner = requantize(coded, maxima)
    expected = dequantize(maxima, coded.slope, coded.intercept)
    np.testing.assert_allclose(inner.values(), expected, atol=np.ptp(volume) / 131_070 + 1e-3)


def test_every_fraction_of_a_code_comes_back():
    codes = np.arange(65536, dtype=np.uint16).reshape(16, 64, 64)
    np.testing.assert_array_equal(quantize_fractions(QuantizedVolume(codes).values()).codes, codes)
