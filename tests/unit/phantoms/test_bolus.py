"""Contrast comes, stays and goes, first near the catheter and last far from it."""

import numpy as np
import pytest
from angiovox.phantoms import acquisition
from angiovox.phantoms.bolus import Bolus, arrival_times
from angiovox.vessels.graph import Arteries


def line(radii, step=10.0):
    """A straight artery of points `step` mm apart, flow from the first on."""
    count = len(radii)
    points = np.zeros((count, 3))
    points[:, 2] = step * np.arange(count)
    segments = np.stack([np.arange(count - 1), np.arange(1, count)], axis=1)
    ones = np.ones(count)
    return Arteries(
        points, np.asarray(radii, float), ones, segments, np.zeros(count - 1, int), ("a",)
    )


def test_blood_of_a_carotid_runs_at_its_speed():
    np.testing.assert_allclose(arrival_times(line([2.0] * 8)), np.arange(8) * 10 / 350, rtol=1e-6)


def test_thinner_arteries_are_reached_later_in_proportion():
    thick, thin = arrival_times(line([2.0] * 5)), arrival_times(line([1.0] * 5))
    np.testing.assert_allclose(thin, 2 * thick)


def test_finer_points_change_no_time():
    arteries = line([2.0, 1.5, 1.0, 0.6])
    fine = arteries.finer(0.5)
    ends = np.flatnonzero(np.isclose(fine.points[:, 2] % 10, 0))
    assert np.isclose(arrival_times(fine)[ends].max(), arrival_times(arteries).max(), rtol=0.02)


def test_every_point_of_a_filled_phantom_is_reached_within_seconds():
    arteries = acquisition.fill(1, 100.0).arteries
    seconds = arrival_times(arteries)
    assert np.isfinite(seconds).all()
    assert 0.5 < seconds.max() < 8
    first, last = arteries.segments.T
    assert (seconds[last] >= seconds[first] - 1e-9).mean() > 0.99  # along the flow, loops apart


def test_contrast_is_there_for_its_time_and_neither_before_nor_after():
    bolus = Bolus(start=1.0, duration=2.0)
    times = np.linspace(0, 8, 200)
    near, far = (np.array([bolus.share(t, arrival) for t in times]) for arrival in (0.0, 2.0))
    for share, arrival in ((near, 0.0), (far, 2.0)):
        assert share.min() >= 0
        assert share.max() <= 1
        full = times[share > 0.5]
        assert full[0] == pytest.approx(1.0 + arrival, abs=0.06)
        assert full[-1] == pytest.approx(3.0 + arrival, abs=0.06)
    assert near.max() > 0.99
    assert near[times < 0.5].max() < 0.01
    # What is far is reached by blurred edges, and by as much contrast in all.
    assert np.abs(np.diff(far)).max() < np.abs(np.diff(near)).max()
    assert far.sum() == pytest.approx(near.sum(), rel=0.02)


def test_where_no_blood_comes_there_is_no_contrast():
    np.testing.assert_array_equal(Bolus().share(1.5, np.array([np.inf, 0.0])) > 0, [False, True])


@pytest.mark.parametrize("values", [{"duration": 0.0}, {"edge": 0.0}, {"spread": -0.1}], ids=str)
def test_a_bolus_that_cannot_be_is_refused(values):
    with pytest.raises(ValueError, match="above 0 s"):
        Bolus(**values)
