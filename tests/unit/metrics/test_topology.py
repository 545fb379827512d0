"""clDice and Betti numbers: a tree broken in one place, and shapes that everybody can count."""

import numpy as np
import pytest
from angiovox.metrics.overlap import ratios
from angiovox.metrics.topology import betti_errors, betti_numbers, centreline_dice, euler_number
from angiovox.vessels.skeleton import centreline
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage import measure

MASKS = arrays.arrays(bool, arrays.array_shapes(min_dims=3, max_dims=3, max_side=6))


def cldice(found, truth):
    return centreline_dice(found, truth, (centreline(found), centreline(truth)))


def tree():
    """A trunk nine voxels wide with two branches of one."""
    mask = np.zeros((40, 40, 40), dtype=bool)
    mask[16:25, 16:25, 2:38] = True
    mask[20, 20:38, 20] = True
    mask[20:38, 20, 10] = True
    return mask


def scores_of(found, truth):
    return {**ratios(found, truth), **cldice(found, truth), **betti_errors(found, truth)}


def test_a_tree_broken_in_one_place_hardly_moves_dice():
    truth, broken = tree(), tree()
    broken[20, 28:31, 20] = False
    whole, cut = scores_of(truth, truth), scores_of(broken, truth)
    assert whole["dice"] == whole["cldice"] == 1 and whole["betti0_error"] == 0
    assert 1 - cut["dice"] < 0.001
    assert 1 - cut["cldice"] > 0.02
    assert (cut["betti0"], cut["betti0_error"]) == (2, 1)
    assert cut["topology_precision"] == 1 > cut["topology_sensitivity"]


def test_a_branch_too_many_lowers_precision_and_closes_a_loop():
    truth, more = tree(), tree()
    more[37, 20, 10:30] = more[25:38, 20, 29] = True
    found = scores_of(more, truth)
    assert found["topology_precision"] < 1 == found["topology_sensitivity"]
    assert (found["betti0_error"], found["betti1"], found["betti1_error"]) == (0, 1, 1)


def test_a_thicker_tree_keeps_its_centreline_score():
    truth = tree()
    thick = np.zeros_like(truth)
    thick[15:26, 15:26, 1:39] = thick[19:22, 20:39, 19:22] = thick[20:39, 19:22, 9:12] = True
    found = scores_of(thick, truth)
    assert found["dice"] < 0.8 < 0.9 < found["cldice"]


@given(MASKS, MASKS)
@settings(max_examples=50, deadline=None)
def test_cldice_lies_between_its_parts(first, second):
    found, truth = np.zeros((2, 6, 6, 6), dtype=bool)
    for mask, given_mask in ((found, first), (truth, second)):
        mask[tuple(slice(n) for n in given_mask.shape)] = given_mask
    value = cldice(found, truth)
    low, high = sorted((value["topology_precision"], value["topology_sensitivity"]))
    assert 0 <= low <= value["cldice"] + 1e-12 and value["cldice"] - 1e-12 <= high <= 1
    turned = cldice(truth, found)
    assert turned["topology_precision"] == value["topology_sensitivity"]
    assert turned["cldice"] == pytest.approx(value["cldice"])


@pytest.mark.parametrize(("ours", "theirs", "value"), [(0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)])
def test_empty_masks_have_stated_values(ours, theirs, value):
    masks = [np.full((3, 3, 3), bool(filled)) for filled in (ours, theirs)]
    assert set(cldice(*masks).values()) == {value}


# Betti numbers


def ring():
    mask = np.zeros((7, 7, 3), dtype=bool)
    mask[1:6, 1:6, 1] = True
    mask[2:5, 2:5, 1] = False
    return mask


def shell():
    mask = np.ones((5, 5, 5), dtype=bool)
    mask[2, 2, 2] = False
    return mask


def corner():
    """Two voxels that share a corner are one component."""
    return np.eye(2, dtype=bool)[:, :, None] & np.eye(2, dtype=bool)[None]


def leak():
    """A cavity that only corners of background lead out of is one still."""
    mask = shell()
    mask[1, 1, 1] = mask[0, 0, 0] = False
    return mask


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (np.zeros((2, 2, 2), dtype=bool), (0, 0, 0)),
        (np.ones((2, 3, 4), dtype=bool), (1, 0, 0)),
        (tree(), (1, 0, 0)),
        (ring(), (1, 1, 0)),
        (np.concatenate([ring(), ring()]), (2, 2, 0)),
        (shell(), (1, 0, 1)),
        (corner(), (1, 0, 0)),
        (leak(), (1, 0, 2)),
    ],
)
def test_betti_numbers_of_shapes_that_everybody_can_count(mask, expected):
    assert betti_numbers(mask) == expected


@given(MASKS)
@settings(max_examples=100, deadline=None)
def test_the_euler_number_is_that_of_scikit_image(mask):
    assert euler_number(mask) == measure.euler_number(mask, connectivity=3)
    components, loops, cavities = betti_numbers(mask)
    assert components == measure.label(mask, connectivity=3).max()
    assert min(loops, cavities) >= 0


@given(MASKS, st.permutations([0, 1, 2]), st.integers(0, 2))
@settings(max_examples=50, deadline=None)
def test_turning_and_mirroring_changes_no_betti_number(mask, axes, flipped):
    assert betti_numbers(np.flip(mask.transpose(axes), flipped)) == betti_numbers(mask)
