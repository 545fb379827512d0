"""How much contrast a voxel holds."""

import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.io.quantization import quantize
from angiovox.masks.contrast import contrast_share


def head(seed=0):
    """A volume with vessels at 500, tissue at 40 with noise, and its mask."""
    rng = np.random.default_rng(seed)
    mask = rng.random((12, 12, 12)) < 0.05
    return (40 + 460 * mask + rng.normal(0, 5, mask.shape)).astype(np.float32), mask


def test_vessels_have_all_and_tissue_none():
    volume, mask = head()
    share = contrast_share(quantize(volume), mask)
    assert share[mask].mean() == pytest.approx(1, abs=1e-3)
    assert np.median(share[~mask]) == pytest.approx(0, abs=1e-3)
    assert (share[~mask] < 0).any()  # noise is not cut off on one side


@pytest.mark.parametrize("slope, offset", [(1, -1000), (3, 200)])
def test_units_do_not_matter(slope, offset):
    volume, mask = head()
    expected = contrast_share(quantize(volume), mask)
    other = contrast_share(quantize(slope * volume + offset), mask)
    np.testing.assert_allclose(other, expected, atol=1e-4)


def test_what_is_outside_the_window_was_subtracted():
    volume, mask = head()
    bone, air = volume.copy(), np.zeros_like(mask)
    bone[0], air[-1] = 1500, True
    bone[air] = -1000
    mask[0] = mask[-1] = False
    share = contrast_share(quantize(bone), mask, window=(-100, 800))
    assert not share[0].any() and not share[-1].any()
    inner = np.s_[1:-1]
    np.testing.assert_allclose(
        share[inner], contrast_share(quantize(volume), mask)[inner], atol=2e-2
    )


@pytest.mark.parametrize("fill", [True, False])
def test_a_mask_of_nothing_or_all_is_refused(fill):
    volume, mask = head()
    with pytest.raises(InputError, match="mask"):
        contrast_share(quantize(volume), np.full_like(mask, fill))
