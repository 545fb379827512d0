"""Scores of predicted views: relations that PSNR, SSIM and Dice must obey."""

import numpy as np
import pytest
from angiovox.view_prediction.scores import view_scores

FULL, VESSEL = 2.0, 0.5


@pytest.fixture
def view():
    image = np.zeros((40, 30), np.float32)
    image[10:14] = 1.0
    image[:, 20:23] = 1.5
    return image


def test_equal_views_have_the_best_scores(view):
    assert view_scores(view, view, FULL, VESSEL) == {"psnr": np.inf, "ssim": 1, "dice": 1}


@pytest.mark.parametrize("offset", [0.02, 0.2])
def test_psnr_of_an_offset_follows_from_the_full_scale(view, offset):
    found = view_scores(view + np.float32(offset), view, FULL, VESSEL)["psnr"]
    assert found == pytest.approx(20 * np.log10(FULL / offset), abs=1e-3)


def test_scores_fall_with_noise(view):
    noise = np.random.default_rng(0).normal(size=view.shape).astype(np.float32)
    scores = [view_scores(view + s * noise, view, FULL, VESSEL) for s in (0.05, 0.2, 0.8)]
    for name in ("psnr", "ssim", "dice"):
        first, second, third = (one[name] for one in scores)
        assert first >= second > third


def test_dice_looks_at_vessels_alone(view):
    darker = np.where(view >= VESSEL, view, view - 0.3)
    missing = np.where(view == 1, 0, view).astype(np.float32)
    assert view_scores(darker, view, FULL, VESSEL)["dice"] == 1
    shared = (view == 1.5).sum()
    expected = 2 * shared / (shared + (view > 0).sum())
    assert view_scores(missing, view, FULL, VESSEL)["dice"] == pytest.approx(expected)


def test_views_of_other_shapes_are_refused(view):
    with pytest.raises(ValueError, match="shapes differ"):
        view_scores(view[1:], view, FULL, VESSEL)
