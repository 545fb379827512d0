"""Voxels far from all others, and the window that leaves them aside."""

import re

import numpy as np
import pytest
from angiovox.geometry import resample
from angiovox.io.quantization import quantize
from angiovox.masks import outliers
from angiovox.masks.otsu import Limits, assess, otsu_mask

LIMITS = Limits(min_fraction=0.0005, max_fraction=0.06, min_largest_component=0.2, max_border=0.2)
EDGE = 48


def angiogram(seed=0, scale=1.0, offset=0.0):
    """Noise around 100 with a tube of 600, and the tube."""
    rng = np.random.default_rng(seed)
    place = np.stack(np.indices((EDGE,) * 3)) - EDGE / 2
    tube = np.hypot(place[0], place[1]) < 3
    tube[:, :, [0, -1]] = False
    volume = rng.normal(100, 20, tube.shape) + 500 * tube
    return (volume * scale + offset).astype(np.float32), tube


def with_coil(volume):
    """Few voxels at the top of 16 bits."""
    volume[30:33, 30:33, 20:22] = 65_535
    return volume


def with_padding(volume):
    """Everything outside a circle at the bottom of 16 bits, and not said to be padding."""
    place = np.indices(volume.shape)[:2] - (EDGE - 1) / 2
    volume[np.hypot(*place) > EDGE / 2] = -32_768
    return volume


CASES = {
    "coil": with_coil,
    "padding": with_padding,
    "both": lambda volume: with_coil(with_padding(volume)),
}


def quality_of(volume, window=None):
    stored = quantize(volume)
    mask, threshold = otsu_mask(stored, window)
    return mask, outliers.explained(assess(mask, threshold, LIMITS), stored, window)


@pytest.mark.parametrize("voxel_mm", [1.0, 1.3])
@pytest.mark.parametrize("spoil", CASES.values(), ids=CASES)
def test_the_advised_window_gives_the_vessels(spoil, voxel_mm):
    def on_grid(volume):
        return resample.to_study_grid(volume, np.eye(4), EDGE, voxel_mm)[0]

    sound, spoiled = on_grid(angiogram()[0]), on_grid(spoil(angiogram()[0]))
    _, quality = quality_of(spoiled)
    assert not quality.plausible
    window = [
        float(v) for v in re.search(r"masks.window to \[(.*)\]", quality.reason)[1].split(",")
    ]
    mask, mended = quality_of(spoiled, window)
    assert mended.plausible
    expected, _ = quality_of(sound)
    expected &= np.abs(spoiled - sound) < 1
    assert (mask & expected).sum() > 0.95 * (mask | expected).sum()


@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (0.01, -5), (30, 1000)])
def test_vessels_are_no_outliers_in_any_units(scale, offset):
    assert outliers.find(quantize(angiogram(scale=scale, offset=offset)[0])) is None


def test_a_plausible_mask_needs_no_explanation():
    _, quality = quality_of(angiogram()[0])
    assert quality.plausible
    assert not quality.reason


def test_an_implausible_mask_without_outliers_keeps_its_reason():
    noise = np.random.default_rng(1).normal(100, 20, (EDGE,) * 3).astype(np.float32)
    _, quality = quality_of(noise)
    assert quality.reason
    assert "masks.window" not in quality.reason
