"""Share of artery in each voxel, against the volumes of tubes and balls and its own symmetries."""

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from angiovox.phantoms.arterial_tree import grow
from angiovox.phantoms.contrast import inject
from angiovox.vessels.graph import Arteries
from angiovox.vessels.voxelize import occupancy

SHAPE = (20, 19, 18)
DIRECTIONS = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 1, 1), (-3, 2, 1)]
# A quarter of a voxel, the way from one sample point to the next, in even steps.
SHIFTS = (np.array(list(product(range(5), repeat=3))) - 2) / 5 / 4

grown = cache(grow)


def tube(points, radii, contrast=1.0):
    """One artery through the points, mm."""
    points = np.array(points, dtype=float)
    numbers = np.arange(len(points))
    return Arteries(
        points=points,
        radii=np.broadcast_to(np.asarray(radii, dtype=float), len(points)).copy(),
        contrast=np.full(len(points), contrast),
        segments=np.stack([numbers[:-1], numbers[1:]], axis=1),
        artery=np.zeros(len(points) - 1, dtype=int),
        names=("tube",),
    )


def together(*tubes):
    counts = np.cumsum([0] + [len(one.points) for one in tubes])
    return Arteries(
        points=np.concatenate([one.points for one in tubes]),
        radii=np.concatenate([one.radii for one in tubes]),
        contrast=np.concatenate([one.contrast for one in tubes]),
        segments=np.concatenate(
            [one.segments + count for one, count in zip(tubes, counts, strict=False)]
        ),
        artery=np.repeat(range(len(tubes)), [len(one.segments) for one in tubes]),
        names=tuple(f"tube {number}" for number in range(len(tubes))),
    )


def tangle(seed=0, count=8):
    """Tubes of all thicknesses with contrasts of their own, some of them partly off the grid."""
    rng = np.random.default_rng(seed)
    return together(
        *[
            tube(rng.uniform(-10, 10, (3, 3)), rng.uniform(0.2, 3, 3), rng.uniform(0.2, 1))
            for _ in range(count)
        ]
    )


def capsule(length, radius):
    """Volume of a cylinder with half a ball at each end."""
    return np.pi * radius**2 * length + 4 / 3 * np.pi * radius**3


def volume(arteries, voxel_size=1.0, shape=SHAPE):
    return occupancy(arteries, shape, voxel_size)[0].sum(dtype=float) * voxel_size**3


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(("radius", "tolerance"), [(0.3, 0.03), (0.5, 0.02), (1.5, 0.005)])
def test_a_tube_has_the_volume_of_its_cylinder_and_half_balls(radius, tolerance, direction):
    """Thinner than a voxel too: on the mean over all places it may have between sample points."""
    half = 5 * np.array(direction) / np.linalg.norm(direction)
    found = np.mean([volume(tube([s - half, s + half], radius)) for s in SHIFTS])
    assert found == pytest.approx(capsule(10, radius), rel=tolerance)


@pytest.mark.parametrize(("radius", "tolerance"), [(0.3, 0.02), (0.5, 0.01), (4.0, 0.005)])
def test_a_segment_without_length_is_a_ball(radius, tolerance):
    found = np.mean([volume(tube([s, s], radius)) for s in SHIFTS])
    assert found == pytest.approx(4 / 3 * np.pi * radius**3, rel=tolerance)


@pytest.mark.parametrize("voxel_size", [0.4, 0.75, 1.3])
def test_volume_does_not_depend_on_the_voxel_size(voxel_size):
    thick = tube([(-1, 0.2, 0.1), (1, -0.5, 0.5)], 1.6)
    length = np.linalg.norm([2, -0.7, 0.4])
    assert volume(thick, voxel_size) == pytest.approx(capsule(length, 1.6), rel=0.01)


def test_a_tube_that_tapers_lies_between_its_thin_and_its_thick_end():
    ends = [(-5, 0.1, 0.2), (5, 0.3, 0.1)]
    thin, taper, thick = (occupancy(tube(ends, r), SHAPE, 1.0)[0] for r in (1, (1, 3), 3))
    assert (thin <= taper).all() and (taper <= thick).all()
    # A cone cut off: the mean of the squared radii, and two unlike half balls.
    cone = np.pi * 10 * (1 + 3 + 9) / 3 + 2 / 3 * np.pi * (1 + 27)
    assert taper.sum() == pytest.approx(cone, rel=0.03)


def test_shares_are_counts_of_64_sample_points():
    share, contrast = occupancy(tangle(), SHAPE, 1.0)
    assert share.shape == contrast.shape == SHAPE
    assert share.dtype == contrast.dtype == np.float32
    assert share.min() == 0 and share.max() == 1
    np.testing.assert_array_equal(share * 64, np.rint(share * 64))
    assert len(np.unique(share)) > 32


def test_a_voxel_is_full_where_all_of_it_is_in_the_artery_and_empty_beyond():
    """A tube along z: the corners of a voxel decide, sample points lie inside of them."""
    share, _ = occupancy(tube([(0, 0, -20), (0, 0, 20)], 4.0), SHAPE, 1.0)
    x, y = (np.abs(np.arange(n) - (n - 1) / 2) for n in SHAPE[:2])
    far = np.hypot(x[:, None] + 0.5, y + 0.5)
    near = np.hypot(np.maximum(x[:, None] - 0.5, 0), np.maximum(y - 0.5, 0))
    assert (share[far <= 4] == 1).all() and (share[near > 4] == 0).all()
    np.testing.assert_array_equal(share, np.repeat(share[:, :, :1], SHAPE[2], axis=2))


def test_tubes_that_overlap_count_once():
    """A union: as much as the larger, at most the sum; the same artery twice is that artery."""
    one = tube([(-7, 0.3, 0), (7, -0.4, 0.3)], 1.7)
    two = tube([(0.2, -7, -1), (0.1, 7, 1)], 0.6)
    share_one, share_two, both = (
        occupancy(a, SHAPE, 1.0)[0] for a in (one, two, together(one, two))
    )
    assert (both >= np.maximum(share_one, share_two)).all()
    assert (both <= np.minimum(share_one + share_two, 1)).all()
    assert both.sum() < share_one.sum() + share_two.sum() - 1
    twice, _ = occupancy(together(one, one), SHAPE, 1.0)
    np.testing.assert_array_equal(twice, share_one)


def test_tubes_that_share_a_voxel_without_touching_add_up():
    """Two thin ones side by side in the same voxels: what a single tube per voxel would lose."""
    left, right = (tube([(-6, y, 0.5), (6, y, 0.5)], 0.2) for y in (-0.25, 0.25))
    alone = [occupancy(one, (20, 19, 18), 1.0)[0] for one in (left, right)]
    both, _ = occupancy(together(left, right), (20, 19, 18), 1.0)
    assert ((alone[0] > 0) & (alone[1] > 0)).any()
    np.testing.assert_array_equal(both, alone[0] + alone[1])


def cones(arteries):
    """Volume of each segment without its half balls."""
    first, last = arteries.radii[arteries.segments].T
    return np.pi / 3 * arteries.lengths * (first**2 + first * last + last**2)


@pytest.mark.parametrize("step", [0.3, 1.0, 100.0])
def test_finer_arteries_are_the_same_tubes(step):
    """As long and as large, artery by artery; flow enters where it did."""
    arteries = grown(0).arteries
    arteries = replace(arteries, contrast=np.linspace(1, 0.2, len(arteries.points)))
    finer, count = arteries.finer(step), len(arteries.points)
    assert finer.lengths.max() <= step * (1 + 1e-9)
    assert (len(finer.segments) > len(arteries.segments)) == (step < arteries.lengths.max())
    assert finer.names == arteries.names
    assert len(np.unique(finer.segments)) == len(finer.points)
    for part in ("points", "radii", "contrast"):
        np.testing.assert_array_equal(getattr(finer, part)[:count], getattr(arteries, part))
    for found, expected in ((finer.lengths, arteries.lengths), (cones(finer), cones(arteries))):
        by_artery = np.bincount(finer.artery, found), np.bincount(arteries.artery, expected)
        np.testing.assert_allclose(*by_artery, rtol=1e-9)
    inlets = [np.setdiff1d(a.segments[:, 0], a.segments[:, 1]) for a in (finer, arteries)]
    np.testing.assert_array_equal(*inlets)
    assert len(inlets[0]) == 4


@pytest.mark.parametrize("step", [0.3, 1.0, 4.0])
def test_finer_arteries_fill_the_same_voxels(step):
    """Exactly where a tube does not taper; where it does, inner half balls add next to nothing."""
    even = replace(tangle(), radii=np.repeat(np.linspace(0.4, 2.5, 8), 3))
    for arteries, voxel_size, most in ((even, 1.0, 0.0), (grown(0).arteries, 3.0, 1e-3)):
        share, contrast = occupancy(arteries, SHAPE, voxel_size)
        finer, its_contrast = occupancy(arteries.finer(step), SHAPE, voxel_size)
        assert (finer >= share).all()
        assert finer.sum() - share.sum() <= most * share.sum()
        np.testing.assert_allclose(its_contrast[share > 0], contrast[share > 0], atol=1e-5)


@pytest.mark.parametrize("axis", range(3))
def test_a_mirrored_patient_has_a_mirrored_share(axis):
    arteries = tangle()
    mirror = np.where(np.arange(3) == axis, -1.0, 1.0)
    mirrored = occupancy(replace(arteries, points=arteries.points * mirror), SHAPE, 1.0)
    for found, expected in zip(mirrored, occupancy(arteries, SHAPE, 1.0), strict=True):
        np.testing.assert_allclose(found, np.flip(expected, axis), atol=1e-6)


@pytest.mark.parametrize("shift", [(3, 0, 0), (0, -2, 0), (0, 0, 4), (-1, 2, -3)])
def test_a_shift_by_whole_voxels_shifts_the_share(shift):
    arteries, voxel_size = tangle(), 0.5
    moved = occupancy(arteries.moved(np.array(shift) * voxel_size), SHAPE, voxel_size)
    after = tuple(slice(max(0, s), n + min(0, s)) for s, n in zip(shift, SHAPE, strict=True))
    before = tuple(slice(max(0, -s), n + min(0, -s)) for s, n in zip(shift, SHAPE, strict=True))
    for found, expected in zip(moved, occupancy(arteries, SHAPE, voxel_size), strict=True):
        np.testing.assert_allclose(found[after], expected[before], atol=1e-6)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("sign", [-1, 1])
def test_arteries_outside_the_grid_leave_it_empty(axis, sign):
    away = tangle().moved(sign * 40 * np.eye(3)[axis])
    assert not any(part.any() for part in occupancy(away, SHAPE, 1.0))


def test_no_arteries_leave_the_grid_empty():
    nothing = tangle().keep(np.zeros(16, dtype=bool))
    assert not any(part.any() for part in occupancy(nothing, SHAPE, 1.0))


def test_the_order_of_segments_does_not_matter():
    arteries = tangle()
    order = np.random.default_rng(1).permutation(len(arteries.segments))
    shuffled = replace(arteries, segments=arteries.segments[order], artery=arteries.artery[order])
    for found, expected in zip(
        occupancy(shuffled, SHAPE, 1.0), occupancy(arteries, SHAPE, 1.0), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_contrast_is_the_largest_that_touches():
    full, faint = (tube([(-7, y, 0.1), (7, y, 0.1)], 2.0, c) for y, c in ((-1.5, 0.9), (1.5, 0.4)))
    own = [occupancy(one, SHAPE, 1.0) for one in (full, faint)]
    _, contrast = occupancy(together(full, faint), SHAPE, 1.0)
    np.testing.assert_array_equal(contrast, np.maximum(own[0][1], own[1][1]))
    for (share, alone), level in zip(own, (0.9, 0.4), strict=True):
        np.testing.assert_allclose(alone[share > 0], level, rtol=1e-6)
        assert set(np.unique(alone)) <= {np.float32(0), np.float32(level)} and not alone.all()


def test_contrast_changes_evenly_along_a_segment():
    fading = replace(tube([(-8, 0, 0), (8, 0, 0)], 1.5), contrast=np.array([1.0, 0.2]))
    _, contrast = occupancy(fading, (17, 5, 5), 1.0)
    np.testing.assert_allclose(contrast[:, 2, 2], np.linspace(1, 0.2, 17), rtol=1e-5)


@pytest.mark.parametrize("voxel_size", [0.0, -0.5, float("nan")])
def test_a_voxel_size_that_is_not_positive_is_refused_with_its_value(voxel_size):
    with pytest.raises(ValueError, match=f"^voxel size {voxel_size} mm"):
        occupancy(tangle(), (4, 4, 4), voxel_size)


@pytest.mark.parametrize("radius", [0.0, -0.5, float("nan")])
def test_a_radius_that_is_not_positive_is_refused_with_its_value(radius):
    with pytest.raises(ValueError, match=f"^radius {radius} mm"):
        occupancy(tube([(0, 0, 0), (1, 0, 0)], (1, radius)), (4, 4, 4), 1.0)


@pytest.mark.parametrize("injection", ["carotid", "vertebral", "all"])
@pytest.mark.parametrize("seed", range(4))
def test_two_grids_of_one_field_of_view_show_the_same_anatomy(seed, injection):
    """Each coarse voxel stands for a block of 2 x 2 x 2 fine ones; overlap is the Dice of shares.

    The grids differ in where their sample points lie, 0.38 and 0.19 mm apart.
    """
    arteries, _ = inject(grown(seed), injection)
    coarse, _ = occupancy(arteries, (32, 32, 32), 1.5)
    fine, _ = occupancy(arteries, (64, 64, 64), 0.75)
    blocks = fine.reshape(32, 2, 32, 2, 32, 2).mean(axis=(1, 3, 5))
    overlap = 2 * np.minimum(coarse, blocks).sum() / (coarse.sum() + blocks.sum())
    assert coarse.sum() > 100 and overlap > 0.95
