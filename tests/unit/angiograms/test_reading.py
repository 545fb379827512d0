"""Runs to angiograms: what is averaged, where it lies, and what is refused."""

import numpy as np
import pytest
import xa_cases
from angiovox.angiograms import reading
from angiovox.angiograms.field import common_field
from angiovox.angiograms.phases import PHASES
from angiovox.errors import InputError
from angiovox.geometry.cone_beam import CArm

FINE = CArm(1195.0, 785.0, detector=(96, 80), pixel_size=(0.2, 0.2))


@pytest.fixture(autouse=True)
def small_fields(monkeypatch):
    monkeypatch.setattr(reading, "VISIBLE_AREA", 1.0)  # the cases' detectors are 20 mm wide


def pair(folder, **values) -> list:
    runs = xa_cases.pair(**values)
    return [xa_cases.write(folder / f"{run.plane}.dcm", run) for run in runs]


def test_a_pair_is_two_views_where_the_header_has_them(tmp_path):
    angiograms = reading.read_angiograms(pair(tmp_path))
    first, second = xa_cases.pair()
    assert angiograms.labels == ("LAO 0, CRA 15", "LAO 88, CAU 5")
    for index, run in enumerate((first, second)):
        expected = run.views([run.best_filled()])
        np.testing.assert_allclose(
            angiograms.views[[index]].project(xa_cases.POINTS), expected.project(xa_cases.POINTS)
        )


def test_it_is_the_mean_of_the_filled_frames(tmp_path):
    angiograms = reading.read_angiograms(pair(tmp_path))
    frames = [np.array(run.fill_frames()) for run in xa_cases.pair()]
    filled = np.array([xa_cases.FILLING[own - 1].mean() for own in frames])
    expected = filled[:, None, None] * xa_cases.blobs(angiograms.views)
    inner = np.s_[:, 4:-4, 4:-4]
    np.testing.assert_allclose(
        angiograms.line_integrals[inner], expected[inner], atol=0.08 * expected.max()
    )


def test_phases_share_what_the_fullest_frame_shows(tmp_path):
    """The blobs fill together: every phase is a third of them."""
    angiograms = reading.read_angiograms(pair(tmp_path))
    expected = xa_cases.FILLING.max() / PHASES * xa_cases.blobs(angiograms.views)
    inner = np.s_[:, 4:-4, 4:-4]
    for phase in np.swapaxes(angiograms.phases, 0, 1):
        difference = phase[inner] - expected[inner]
        assert np.abs(difference).max() < 0.15 * expected.max()


def test_a_rotational_run_shows_no_phases(tmp_path):
    path = xa_cases.write(tmp_path / "r.dcm", xa_cases.rotational())
    assert reading.read_angiograms([path]).phases is None


def test_fine_pixels_are_averaged_and_stay_where_they_are(tmp_path):
    runs = [
        xa_cases.static(0.0, 15.0, FINE, plane="A"),
        xa_cases.static(88.0, -5.0, FINE, plane="B"),
    ]
    paths = [xa_cases.write(tmp_path / f"{run.plane}.dcm", run) for run in runs]
    angiograms = reading.read_angiograms(paths)
    assert angiograms.arms[0].pixel_size == pytest.approx((0.4, 0.4))
    full = runs[0].views([1]).project(xa_cases.POINTS)
    np.testing.assert_allclose(
        angiograms.views[[0]].project(xa_cases.POINTS), (full - 0.5) / 2, atol=1e-6
    )


def test_detectors_of_two_sizes_share_an_array_and_what_is_added_was_not_measured(tmp_path):
    wide = CArm(1195.0, 785.0, detector=(60, 36), pixel_size=(0.45, 0.6))
    runs = [
        xa_cases.static(0.0, 15.0, plane="A"),
        xa_cases.static(88.0, -5.0, wide, plane="B"),
    ]
    paths = [xa_cases.write(tmp_path / f"{run.plane}.dcm", run) for run in runs]
    angiograms = reading.read_angiograms(paths)
    assert angiograms.line_integrals.shape == (2, 60, 36)
    assert not angiograms.measured[0, 44:].any() and angiograms.measured[1, 50:].any()
    expected = runs[0].views([1]).project(xa_cases.POINTS)
    np.testing.assert_allclose(angiograms.views[[0]].project(xa_cases.POINTS), expected, atol=1e-6)
    arm = angiograms.arms[0]
    again = arm.views(*angiograms.angles[0]).project(xa_cases.POINTS)
    np.testing.assert_allclose(again, expected, atol=1e-6)


def test_a_rotational_run_gives_some_views(tmp_path):
    path = xa_cases.write(tmp_path / "run.dcm", xa_cases.rotational())
    angiograms = reading.read_angiograms([path])
    assert 2 <= len(angiograms) <= reading.MOST_OF_A_RUN
    assert len(np.unique(angiograms.angles[:, 0])) == len(angiograms)


def test_one_run_of_one_direction_is_refused_with_what_it_can_say(tmp_path):
    path = xa_cases.write(tmp_path / "a.dcm")
    with pytest.raises(InputError, match="not how far away"):
        reading.read_angiograms([path])


def test_a_run_without_vessels_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(xa_cases, "HEIGHTS", (1e-4, 1e-4, 1e-4))
    paths = pair(tmp_path)
    with pytest.raises(InputError, match=r"A\.dcm: no vessel"):
        reading.read_angiograms(paths)


def test_the_field_holds_what_both_show(tmp_path):
    angiograms = reading.read_angiograms(pair(tmp_path))
    grid = common_field(angiograms, 0.5)
    index = grid.to_index(xa_cases.POINTS)
    assert (index >= 0).all() and (index <= np.array(grid.shape) - 1).all()
    assert grid.voxel_size == (0.5, 0.5, 0.5)


def test_a_finer_grid_has_the_same_field(tmp_path):
    angiograms = reading.read_angiograms(pair(tmp_path))
    coarse, fine = (common_field(angiograms, voxel) for voxel in (0.5, 0.25))
    assert fine.centre == coarse.centre
    np.testing.assert_allclose(np.multiply(fine.shape, 0.25), np.multiply(coarse.shape, 0.5))


def test_runs_that_look_at_different_places_are_refused(tmp_path):
    angiograms = reading.read_angiograms(pair(tmp_path))
    far = angiograms.views.moved(np.array([[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 90.0]]))
    with pytest.raises(InputError, match="do not look at the same place"):
        common_field(angiograms.at(far))


def test_too_little_memory_offers_larger_voxels(tmp_path):
    angiograms = reading.read_angiograms(pair(tmp_path))
    needed = np.prod(common_field(angiograms, 0.1).shape) * 190
    with pytest.raises(InputError, match=r"choose voxels of 0\.\d+ mm") as caught:
        common_field(angiograms, 0.1, needed / 10)
    offered = float(str(caught.value).split("voxels of ")[-1].split(" ")[0])
    assert common_field(angiograms, offered, needed / 10)
