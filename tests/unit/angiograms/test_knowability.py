"""What views decide: empty, vessel, or neither."""

import numpy as np
import pytest
from angiovox.angiograms.knowability import EMPTY, UNDECIDED, VESSEL, classify
from angiovox.angiograms.measurement import Angiograms
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.projectors.attenuation import CONTRAST
from angiovox.projectors.line_integral import line_integral
from angiovox.vessels.graph import Arteries
from angiovox.vessels.voxelize import occupancy

GRID = Grid((56,) * 3, (1.0,) * 3)
ARM = CArm(1200, 785, (128, 128), (1.2, 1.2))
ANGLES = [(0, 20), (90, 0), (45, -10), (-45, 10), (20, -30)]
NOISE = 0.006


def tubes(*radii):
    """Tubes through the grid, side by side, and the exact share of each voxel in them."""
    count = len(radii)
    places = 16.0 * (np.arange(count) - (count - 1) / 2)
    starts = np.stack([places, np.full(count, -12.0), np.full(count, -18.0)], axis=1)
    points = np.concatenate([starts, starts + [6, 24, 36]])
    segments = np.stack([np.arange(count), np.arange(count) + count], axis=1)
    arteries = Arteries(
        points, np.tile(radii, 2), np.ones(2 * count), segments, np.arange(count), ("a",) * count
    )
    return occupancy(arteries, GRID.shape, 1.0)[0]


def angiograms(share, count=2, noise=NOISE, seed=0, poses=None):
    angles = np.array(ANGLES[:count], float)
    views = ARM.views(*angles.T)
    true = views if poses is None else views.moved(poses)
    seen = line_integral(share * np.float32(CONTRAST), GRID, true)
    seen += np.random.default_rng(seed).normal(0, noise, seen.shape).astype(np.float32)
    measured, arms = np.ones(seen.shape, bool), (ARM,) * count
    return Angiograms(
        seen, measured, np.full(count, noise), views, angles, arms, ("LAO 0, CRA 0",) * count
    )


def classes(taken, tolerance_mm=0.2):
    return classify(taken, GRID, np.full(len(taken), CONTRAST), tolerance_mm)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_no_vessel_is_called_empty_and_what_is_called_vessel_is(count):
    share = tubes(0.9, 6.0, 1.5)
    known, truth = classes(angiograms(share, count)), share >= 0.5
    assert truth[known.state == EMPTY].sum() <= 0.005 * truth.sum()
    assert (known.state == EMPTY).mean() > 0.5
    assert (~truth)[known.state == VESSEL].sum() <= 0.01 * (known.state == VESSEL).sum()


def test_poses_that_are_off_within_the_tolerance_empty_no_vessel():
    share, rng = tubes(1.0, 2.0), np.random.default_rng(4)
    ways = rng.normal(size=(3, 2, 3))
    ways *= np.array([np.radians(0.3), 0.5])[:, None] / np.linalg.norm(ways, axis=2, keepdims=True)
    taken, truth = angiograms(share, 3, poses=ways.reshape(3, 6)), share >= 0.5
    missed = [(truth & (classes(taken, mm).state == EMPTY)).sum() for mm in (0.0, 0.75)]
    assert missed[1] <= 0.005 * truth.sum() and missed[1] <= missed[0]


def test_a_larger_tolerance_decides_less_and_another_view_empties_more():
    taken = angiograms(tubes(1.0, 5.0), 3)
    near, far = classes(taken, 0.2), classes(taken, 1.5)
    assert not ((near.state == UNDECIDED) & (far.state != UNDECIDED)).any()
    assert (far.state == UNDECIDED).sum() > (near.state == UNDECIDED).sum()
    fewer = classes(taken[[0, 1]], 0.2)
    assert not ((fewer.state == EMPTY) & (near.state != EMPTY)).any()
    assert (near.state == EMPTY).sum() > (fewer.state == EMPTY).sum()


def test_line_integrals_and_contrast_may_come_in_any_unit():
    taken, share = angiograms(tubes(1.0, 5.0), 3), 50.0
    scaled = Angiograms(
        taken.line_integrals * np.float32(share), taken.measured, taken.noise * share,
        taken.views, taken.angles, taken.arms, taken.labels,
    )  # fmt: skip
    here = classes(taken).state
    there = classify(scaled, GRID, np.full(3, CONTRAST * share), 0.2).state
    assert (here != there).mean() < 1e-4


def test_what_no_view_measured_is_never_empty():
    taken = angiograms(tubes(2.0), 2)
    taken.measured[:] = False
    assert (classes(taken).state == UNDECIDED).all()
