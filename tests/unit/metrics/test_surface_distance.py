"""Distances of surfaces against monai and against every pair of voxels."""

import numpy as np
import pytest
import torch
from angiovox.metrics.surface_distance import surface, surface_distances, surface_scores
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import (
    compute_average_surface_distance,
    compute_hausdorff_distance,
    compute_surface_dice,
)
from scipy import ndimage

CUBIC = np.ones(3)


def volumes(seed, share=0.3, shape=(7, 8, 9)):
    rng = np.random.default_rng(seed)
    return rng.random(shape) < share, rng.random(shape) < share


def blobs(seed, shape=(20, 18, 22)):
    """Smooth shapes, some cut by the edge of the grid."""
    noise = np.random.default_rng(seed).standard_normal((2, *shape))
    smooth = [ndimage.gaussian_filter(part, 2) for part in noise]
    return [part > np.quantile(part, 0.8) for part in smooth]


def faces_outside(mask):
    """Voxels of a mask with a neighbour outside, by hand."""
    padded = np.pad(mask, 1)
    around = [
        np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1] for axis in range(3) for step in (1, -1)
    ]
    return mask & ~np.all(around, axis=0)


def all_pairs(found, truth, voxel_mm):
    ours, theirs = (np.argwhere(faces_outside(mask)) * voxel_mm for mask in (found, truth))
    apart = np.linalg.norm(ours[:, None] - theirs[None], axis=2)
    return apart.min(axis=1), apart.min(axis=0)


@given(st.integers(0, 10_000), st.floats(0.1, 0.9), st.sampled_from([(1, 1, 1), (0.5, 0.7, 1.3)]))
@settings(max_examples=40, deadline=None)
def test_distances_are_those_of_every_pair_of_surface_voxels(seed, share, voxel_mm):
    found, truth = volumes(seed, share)
    expected = all_pairs(found, truth, voxel_mm)
    for ours, theirs in zip(surface_distances(found, truth, voxel_mm), expected, strict=True):
        np.testing.assert_allclose(np.sort(ours), np.sort(theirs))


@pytest.mark.parametrize("voxel_mm", [(1.0, 1.0, 1.0), (0.5, 0.75, 1.25)])
@pytest.mark.parametrize("make", [volumes, blobs])
@pytest.mark.parametrize("seed", range(3))
def test_monai_agrees(make, seed, voxel_mm):
    """Its surfaces are ours: an erosion by faces, with background beyond the grid."""
    found, truth = make(seed)
    given = [torch.tensor(mask, dtype=torch.float32)[None, None] for mask in (found, truth)]
    ours = surface_scores(found, truth, voxel_mm)
    usual = {"include_background": True, "spacing": list(voxel_mm)}
    hd95 = compute_hausdorff_distance(*given, percentile=95, **usual)
    assd = compute_average_surface_distance(*given, symmetric=True, **usual)
    assert ours["hd95_mm"] == pytest.approx(float(hd95), rel=1e-5)
    assert ours["assd_mm"] == pytest.approx(float(assd), rel=1e-5)
    nsd = compute_surface_dice(*given, [1 + 1e-6], **usual)
    assert ours["nsd_1mm"] == pytest.approx(float(nsd), rel=1e-5)


@given(st.integers(0, 10_000), st.permutations([0, 1, 2]), st.integers(0, 2))
@settings(max_examples=30, deadline=None)
def test_turning_mirroring_swapping_and_more_background_change_nothing(seed, axes, flipped):
    found, truth = volumes(seed, 0.1)
    voxel_mm = np.array([0.5, 0.7, 1.3])
    expected = surface_scores(found, truth, voxel_mm)
    turned = [np.pad(np.flip(mask.transpose(axes), flipped), 2) for mask in (truth, found)]
    assert surface_scores(*turned, voxel_mm[list(axes)]) == pytest.approx(expected)


@pytest.mark.parametrize("factor", [0.3, 2.0])
def test_larger_voxels_scale_distances(factor):
    found, truth = volumes(0, 0.05)
    first, scaled = (surface_scores(found, truth, k * CUBIC) for k in (1, factor))
    for name in ("hd95_mm", "assd_mm"):
        assert scaled[name] == pytest.approx(factor * first[name])
    assert (scaled["nsd_1mm"] - first["nsd_1mm"]) * (1 - factor) > 0


def test_one_millimetre_away_is_within_one_millimetre():
    """Products of edges that binary fractions cannot tell exactly must not decide."""
    for steps in (1, 3, 7, 10):
        for place in range(9):
            found, truth = np.zeros((2, 20, 3, 3), dtype=bool)
            found[place, 1, 1] = truth[place + steps, 1, 1] = True
            values = surface_scores(found, truth, CUBIC / steps)
            assert values["nsd_1mm"] == 1
            assert values["hd95_mm"] == values["assd_mm"] == pytest.approx(1)


def test_hd95_is_the_larger_of_both_directions():
    """What was found lies on the truth; a part of the truth lies far off."""
    found, truth = np.zeros((2, 40, 3, 3), dtype=bool)
    found[:10, 1, 1], truth[:, 1, 1] = True, True
    there, back = surface_distances(found, truth, CUBIC)
    assert there.max() == 0
    values = surface_scores(found, truth, CUBIC)
    assert values["hd95_mm"] == pytest.approx(np.percentile(back, 95))
    assert values["assd_mm"] == pytest.approx(back.sum() / 50)


@pytest.mark.parametrize(("ours", "theirs"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_empty_masks_have_stated_values(ours, theirs):
    masks = [np.full((3, 3, 3), bool(filled)) for filled in (ours, theirs)]
    values = surface_scores(*masks, CUBIC)
    agree = ours == theirs
    assert [values.get(name) for name in ("hd95_mm", "assd_mm")] == [0 if agree else None] * 2
    assert values["nsd_1mm"] == agree


@given(st.integers(0, 10_000), st.floats(0.2, 0.95))
@settings(max_examples=30, deadline=None)
def test_the_surface_has_a_face_to_the_background(seed, share):
    mask, _ = volumes(seed, share)
    np.testing.assert_array_equal(surface(mask), faces_outside(mask))
