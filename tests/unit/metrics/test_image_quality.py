"""PSNR, SSIM and GMSD: known values, and what moves them."""

import numpy as np
import pytest
from angiovox.metrics.image_quality import (
    GMSD_CONSTANT,
    MAX_PSNR_DB,
    MAX_SLICES,
    gmsd,
    image_scores,
    psnr_db,
    slice_levels,
    ssim,
)
from scipy.ndimage import gaussian_filter

ANGLES = np.array([112.5, 135.0, 157.5])
SCORES = {"psnr_db": psnr_db, "ssim": ssim, "gmsd": gmsd}
BEST = {"psnr_db": MAX_PSNR_DB, "ssim": 1.0, "gmsd": 0.0}
SIGN = {"psnr_db": 1, "ssim": 1, "gmsd": -1}  # positive where more is better


def images(seed=0, count=3, side=32):
    """Blobs within [0, 1]."""
    noise = np.random.default_rng(seed).random((count, side, side))
    blobs = gaussian_filter(noise, (0, 2, 2))
    return (blobs - blobs.min()) / np.ptp(blobs)


def vessel(shape=(24, 24, 24)):
    mask = np.zeros(shape, dtype=bool)
    mask[10:14, 9:13, 2:22] = True
    mask[14:22, 11, 8:10] = True
    return mask


@pytest.mark.parametrize("name", SCORES)
def test_equal_images_have_the_best_value_and_order_does_not_matter(name):
    first, second = images(0), images(1)
    assert SCORES[name](first, first) == pytest.approx(BEST[name], abs=1e-12)
    assert SCORES[name](first, second) == pytest.approx(SCORES[name](second, first))
    assert SIGN[name] * SCORES[name](first, second) < SIGN[name] * BEST[name]


@pytest.mark.parametrize("name", SCORES)
def test_more_blur_is_worse(name):
    sharp = (images() > 0.6).astype(np.float64)
    blurs = [gaussian_filter(sharp, (0, sigma, sigma)) for sigma in (0.5, 1, 2, 4)]
    values = [SIGN[name] * SCORES[name](blurred, sharp) for blurred in (sharp, *blurs)]
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize(("error", "decibels"), [(1.0, 0), (0.1, 20), (0.01, 40), (1e-9, 100)])
def test_psnr_of_a_constant_error_is_known(error, decibels):
    truth = np.zeros((2, 5, 4))
    assert psnr_db(truth + error, truth) == pytest.approx(decibels)


def test_an_image_that_agrees_does_not_make_psnr_infinite():
    truth, found = np.zeros((2, 8, 8)), np.zeros((2, 8, 8))
    found[0] = 0.1
    assert psnr_db(found, truth) == pytest.approx(20 + 10 * np.log10(2))


def test_ssim_of_two_constant_images_is_the_papers_luminance_term():
    first, second, c1 = 0.2, 0.6, 0.01**2
    term = (2 * first * second + c1) / (first**2 + second**2 + c1)
    large = [np.full((1, 601, 601), level) for level in (first, second)]
    assert ssim(*large) == pytest.approx(term, abs=0.01)  # but for the border on background


def test_opposed_images_have_an_ssim_of_zero_and_not_less():
    first = images()
    assert ssim(first, 1 - first) >= 0
    checker = np.indices((1, 32, 32)).sum(axis=0) % 2
    assert ssim(checker, 1 - checker) == 0


def test_gmsd_of_a_missing_edge_is_what_the_papers_formula_gives():
    """Nothing, where the truth is a step: both gradients of each 3 by 3 pixels by hand."""
    side = 16
    truth = np.zeros((1, side, side))
    truth[:, side // 2 :] = 1
    half = np.zeros((side // 2, side // 2))
    half[side // 4 :] = 1
    padded = np.pad(half, 1)
    mean = np.array([1, 1, 1]) / 3
    rows = np.array([mean @ padded[i : i + 3, j : j + 3] for i in range(8) for j in range(8)])
    columns = np.array([padded[i : i + 3, j : j + 3] @ mean for i in range(8) for j in range(8)])
    across, along = rows[:, 2] - rows[:, 0], columns[:, 2] - columns[:, 0]
    similarity = GMSD_CONSTANT / (across**2 + along**2 + GMSD_CONSTANT)
    assert gmsd(np.zeros_like(truth), truth) == pytest.approx(similarity.std())


def test_gmsd_compares_edges_whatever_their_sense_and_direction():
    """Turning, mirroring and inverting both changes nothing: magnitudes of gradients are."""
    edges = np.pad(images(), ((0, 0), (8, 8), (8, 8)))
    found = np.roll(edges, 2, 1)
    first = gmsd(found, edges)
    assert first > 0.01
    assert gmsd(found[:, ::-1], edges[:, ::-1]) == pytest.approx(first)
    assert gmsd(*(np.swapaxes(part, 1, 2) for part in (found, edges))) == pytest.approx(first)
    assert gmsd(1 - found, 1 - edges) == pytest.approx(first)


def test_gmsd_is_low_for_an_error_that_is_the_same_everywhere():
    """A deviation: a loss of contrast all over weighs less than a local one of the same size."""
    stripes = np.tile((np.arange(32) // 4 % 2).astype(np.float64), (1, 32, 1))
    local = stripes.copy()
    local[:, :16] *= 0.25
    everywhere = stripes * 0.625
    assert psnr_db(everywhere, stripes) > psnr_db(local, stripes)
    assert gmsd(everywhere, stripes) < gmsd(local, stripes)


def test_slices_and_projections_are_scored_by_themselves():
    truth = vessel()
    lost = truth.copy()
    lost[14:22, 11, 8:10] = False
    found = image_scores(lost.astype(np.float32), truth, ANGLES)
    levels = slice_levels(truth.shape[2])
    stacks = [np.moveaxis(part, 2, 0)[levels].astype(float) for part in (lost, truth)]
    for name, score in SCORES.items():
        assert found[f"slice_{name}"] == pytest.approx(score(*stacks))
        assert found[f"projection_{name}"] != found[f"slice_{name}"]


def test_a_branch_hidden_from_the_side_costs_slices_alone():
    truth = np.zeros((24, 24, 24), dtype=bool)
    truth[:, 8:16, 10:14] = True  # a slab: from in front it hides what is behind
    lost = truth.copy()
    lost[8:16, 14:16, 10:14] = False
    found = image_scores(lost.astype(np.float32), truth, np.array([0.0]))
    assert found["projection_psnr_db"] == MAX_PSNR_DB > found["slice_psnr_db"]
    assert found["projection_gmsd"] == 0 < found["slice_gmsd"]


@pytest.mark.parametrize("count", [1, 2, 31, MAX_SLICES, 384])
def test_slices_are_few_distinct_and_reach_both_ends(count):
    levels = slice_levels(count)
    assert len(set(levels)) == len(levels) == min(count, MAX_SLICES)
    assert levels[0] == 0 and levels[-1] == count - 1
    assert np.ptp(np.diff(levels, prepend=-1)[count > 1 :]) <= 1
