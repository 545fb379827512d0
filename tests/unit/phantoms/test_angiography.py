"""Frames of a C-arm: photons that come through, contrast where and when it is, disturbances."""

import numpy as np
import pytest
from angiovox.geometry.cone_beam import CArm
from angiovox.phantoms import acquisition
from angiovox.phantoms.angiography import Beam, Disturbance, Scene, run
from angiovox.phantoms.bolus import Bolus

ARM = CArm(1195, 810, (96, 96), (2.4, 2.4))
SEED = 3
STEADY = Bolus(start=-20.0, duration=60.0)  # full from before the first frame until after the last
QUIET = Beam(photons=1e12, blur=1e-3)


@pytest.fixture(scope="module")
def filled():
    return acquisition.fill(SEED, 100.0)


@pytest.fixture(scope="module")
def scene(filled):
    return Scene(filled.arteries, filled.pose, SEED)


def frames(scene, primary=0.0, secondary=0.0, times=(0.0, 2.0), masks=(True, False), **how):
    count = len(times)
    angles = np.broadcast_to(primary, count), np.broadcast_to(secondary, count)
    return run(scene, ARM, *angles, times, masks, SEED, **how)


def attenuation(taken, beam=QUIET):
    return -np.log(np.maximum(taken.greys, 1) / beam.open_grey)


def subtracted(taken):
    logs = attenuation(taken)
    return logs[~taken.is_mask] - logs[taken.is_mask][0]


def test_the_same_arguments_give_the_same_frames_and_another_seed_other_noise(scene):
    first, again = frames(scene), frames(scene)
    np.testing.assert_array_equal(first.greys, again.greys)
    other = run(scene, ARM, [0, 0], [0, 0], [0.0, 2.0], [True, False], SEED + 1)
    assert (other.greys != first.greys).mean() > 0.5


def test_without_a_head_the_beam_is_full_and_behind_it_weaker(scene):
    greys = frames(scene, beam=QUIET).greys[0]
    assert greys[0, 0] == pytest.approx(QUIET.open_grey, rel=1e-3)
    assert greys[48, 48] < QUIET.open_grey / 10


def test_what_mask_and_contrast_differ_in_is_the_contrasts_line_integral(scene):
    difference = subtracted(frames(scene, bolus=STEADY, beam=QUIET))[0]
    views = ARM.views([0.0], [0.0])
    expected = scene.attenuation(views, 2.0, STEADY)[0] - scene.attenuation(views, None, STEADY)[0]
    assert expected.max() > 0.1
    exposed = attenuation(frames(scene, beam=QUIET))[0] < 4
    assert np.abs(difference - expected)[exposed].max() < 0.02 * expected.max()


def test_contrast_darkens_where_the_arteries_points_are_seen(scene, filled):
    difference = subtracted(frames(scene, primary=35.0, secondary=-20.0, bolus=STEADY, beam=QUIET))
    thick = filled.arteries.points[filled.arteries.radii > 1.5]
    places = ARM.views([35.0], [-20.0]).project(thick)[0]
    places = np.rint(places[np.isfinite(places).all(axis=1)]).astype(int)
    places = places[((places >= 0) & (places < 96)).all(axis=1)]
    assert len(places) > 10
    assert np.median(difference[0][tuple(places.T)]) > 10 * np.median(np.abs(difference[0]))


def test_far_arteries_fill_after_near_ones_and_all_is_washed_out(scene):
    times = np.arange(0, 9, 0.5)
    masks = np.arange(len(times)) < 1
    seen = subtracted(frames(scene, times=times, masks=masks, beam=QUIET)).sum(axis=(1, 2))
    assert np.argmax(seen) not in (0, len(seen) - 1)
    assert seen[-1] < 0.02 * seen.max()


def test_noise_is_that_of_counted_photons(scene):
    beam = Beam(photons=1e5, blur=1e-3)
    greys = frames(scene, times=np.zeros(12), masks=np.ones(12, bool), beam=beam).greys
    photons = greys.astype(float) * (beam.photons / beam.open_grey)
    inside = photons.mean(axis=0) < beam.photons / 2
    ratio = photons.var(axis=0, ddof=1)[inside] / photons.mean(axis=0)[inside]
    assert ratio.mean() == pytest.approx(1.0, abs=0.1)


def test_motion_moves_the_head_after_the_mask_and_leaves_its_edges(scene):
    still = subtracted(frames(scene, bolus=Bolus(start=100.0), beam=QUIET))
    moved = frames(
        scene, bolus=Bolus(start=100.0), beam=QUIET, disturbance=Disturbance(motion_mm=1)
    )
    assert np.abs(still).max() < 0.01
    assert np.abs(subtracted(moved)).max() > 0.05
    assert not np.allclose(moved.true_views.source[0], moved.true_views.source[1])


def test_the_head_moves_alike_in_both_planes_and_otherwise_in_another_acquisition(scene):
    def motion(**which):
        source = frames(scene, disturbance=Disturbance(motion_mm=1), **which).true_views.source
        return source[1] - source[0]

    np.testing.assert_allclose(motion(plane=0), motion(plane=1, primary=90.0))
    assert np.abs(motion(acquisition=0) - motion(acquisition=1)).max() > 0.05


def test_a_c_arm_that_stands_elsewhere_says_what_its_header_says(scene):
    off = frames(scene, primary=20.0, disturbance=Disturbance(angle_deg=2.0, isocentre_mm=3.0))
    np.testing.assert_array_equal(off.primary, [20.0, 20.0])
    nominal = ARM.views([20.0], [0.0])
    apart = np.linalg.norm(off.true_views.source[0, :3] - nominal.source[0, :3])
    assert 1 < apart < 200


@pytest.mark.parametrize("wrong", [{"times": []}, {"times": [0.0]}], ids=str)
def test_frames_that_do_not_match_are_refused(scene, wrong):
    with pytest.raises(ValueError, match="one entry for each frame"):
        run(scene, ARM, [0, 0], [0, 0], wrong["times"], [True, False], SEED)
