"""The next angle: where candidates do not hide each other, and never where one has looked."""

import numpy as np
import pytest
from angiovox.angiograms.adviser import advise, expected_share
from angiovox.angiograms.evidence import gather
from angiovox.angiograms.knowability import UNDECIDED, assess
from angiovox.angiograms.measurement import Angiograms
from angiovox.geometry.cone_beam import CArm, angle_name
from angiovox.geometry.grid import Grid
from angiovox.projectors.attenuation import CONTRAST
from angiovox.projectors.line_integral import line_integral
from angiovox.vessels.graph import Arteries
from angiovox.vessels.voxelize import occupancy

GRID = Grid((48,) * 3, (1.0,) * 3)
ARM = CArm(1200, 785, (112, 112), (1.2, 1.2))
PRIMARY, SECONDARY = tuple(range(-100, 101, 20)), (-30, 0, 30)


class Found:
    """A reconstruction by its probability."""

    def __init__(self, probability):
        self.probability, self.grid = probability.astype(np.float32), GRID
        self.contrast = np.full(2, CONTRAST)


def vessels(seed=0, count=6):
    rng = np.random.default_rng(seed)
    starts, ends = rng.uniform(-20, 20, (2, count, 3))
    segments = np.stack([np.arange(count), np.arange(count) + count], axis=1)
    points, names = np.concatenate([starts, ends]), ("a",) * count
    arteries = Arteries(
        points, np.full(2 * count, 0.9), np.ones(2 * count), segments, np.arange(count), names
    )
    return occupancy(arteries, GRID.shape, 1.0)[0]


def angiograms(share, angles, seed=0, noise=0.006):
    angles = np.array(angles, float)
    views = ARM.views(*angles.T)
    seen = line_integral(share * np.float32(CONTRAST), GRID, views)
    seen += np.random.default_rng(seed).normal(0, noise, seen.shape).astype(np.float32)
    count, measured = len(views), np.ones(seen.shape, bool)
    return Angiograms(
        seen, measured, np.full(count, noise), views, angles, (ARM,) * count, ("",) * count
    )


def advice_of(share, angles=((0, 0), (90, 0)), threads=1):
    taken, found = angiograms(share, angles), Found(np.clip(share, 0, 0.95))
    known = assess(taken, found, tolerance_mm=0.5)
    return known, advise(taken, found, known, PRIMARY, SECONDARY, threads)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_advised_view_decides_nearly_as_much_as_the_best(seed):
    share = vessels(seed)
    known, advice = advice_of(share)
    left = known.state == UNDECIDED
    decided = []
    for row in advice.rows():
        third = angiograms(share, [(row["primary_deg"], row["secondary_deg"])], 7)
        possible = gather(third, np.array([CONTRAST]), 0.5).candidates(GRID, third.views)
        decided.append(1 - (left & possible).sum() / left.sum())
    assert (np.array(decided) > decided[0]).sum() <= 0.1 * len(decided)
    expected = [row["decided"] for row in advice.rows()]
    assert np.corrcoef(expected, decided)[0, 1] > 0.7


def test_a_view_from_where_one_has_looked_is_among_the_worst():
    _, advice = advice_of(vessels(), ((0, 0), (80, 0)))
    scores = advice.scores
    for primary in (0, 80):
        seen = scores[SECONDARY.index(0), PRIMARY.index(primary)]
        assert seen <= np.quantile(scores, 0.2)


def test_scores_are_shares_in_the_order_of_the_angles():
    _, advice = advice_of(vessels())
    assert advice.scores.shape == (len(SECONDARY), len(PRIMARY))
    assert advice.scores.min() >= 0 and advice.scores.max() <= 1
    row, column = np.unravel_index(advice.scores.argmax(), advice.scores.shape)
    assert advice.best == (PRIMARY[column], SECONDARY[row]) and advice.gain == advice.scores.max()
    assert advice.rows()[0]["primary_deg"] == advice.best[0]
    assert angle_name(*advice.best) in advice.sentence and "third view" in advice.sentence
    assert f"{100 * advice.gain:.0f} %" in advice.sentence


def test_threads_change_nothing():
    one, two = (advice_of(vessels(), threads=threads)[1].scores for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_more_probable_vessels_on_a_ray_decide_less():
    views = ARM.views([0.0, 40.0])
    points, rng = np.array([[0.0, 5, 0]]), np.random.default_rng(0)
    patch = np.array([1.5, 1.5]) * ARM.magnification / 1.2
    before = np.array([[0.0, -5, 0]])  # on the ray of the first view alone
    chance = [
        expected_share((points, before, np.array([weight])), views, patch, 1.0)
        for weight in (0.0, 0.3, 0.9, *rng.uniform(0.9, 1, 1))
    ]
    first, second = np.array(chance).T
    assert (np.diff(first) < 0).all() and first[0] == 1
    assert (second == 1).all()


def test_points_beyond_the_detector_are_not_decided():
    points, nothing = np.array([[0.0, 0, 0], [500, 0, 0]]), np.zeros((0, 3))
    share = expected_share((points, nothing, np.zeros(0)), ARM.views(0.0), np.ones(2), 1.0)
    assert share == 0.5
