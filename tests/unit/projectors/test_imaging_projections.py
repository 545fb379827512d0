"""Projections and back-projections of a study that does not take the paper's maxima."""

import numpy as np
import pytest
from angiovox.geometry.affine import isotropic_affine
from angiovox.geometry.imaging import Imaging
from angiovox.io.quantization import QuantizedVolume, quantize
from angiovox.projectors import backprojection, mip
from angiovox.projectors.attenuation import CONTRAST, noisy
from angiovox.projectors.imaging import (
    FULL_MM,
    angular_harmonics,
    fractions,
    network_inputs,
    project,
)

EDGE, VOXEL = 16, 1.0
AFFINE = isotropic_affine((EDGE,) * 3, VOXEL)
RIGHT_ANGLES = {"shape": EDGE, "projections": 2}  # 0 and 90 degrees
FAR = {"source_detector_mm": 2e7, "source_isocentre_mm": 1e7}


def bar():
    """Share of contrast: a bar along z, 3 x 3 voxels."""
    share = np.zeros((EDGE,) * 3, np.float32)
    share[4:7, 9:12] = 1
    return share


def taken(share=None, **imaging):
    imaging = Imaging(**RIGHT_ANGLES | imaging)
    share = bar() if share is None else share
    return imaging, project(imaging, quantize(100 * share), AFFINE, share)


def test_the_papers_projections_and_inputs_are_those_of_its_own_kernels():
    volume = quantize(np.random.default_rng(0).random((EDGE,) * 3, dtype=np.float32))
    imaging = Imaging(EDGE, 6)
    projections = project(imaging, volume, AFFINE)
    expected = mip.project_max(volume.codes, imaging.angles)
    expected = volume.dequantized(expected)
    np.testing.assert_allclose(projections.values(), expected, atol=2e-5)
    chosen = [imaging.chosen(3)]
    ours = network_inputs(imaging, projections, AFFINE, chosen)
    theirs = backprojection.network_inputs(projections.codes, imaging.angles, chosen, EDGE)
    np.testing.assert_array_equal(ours, theirs)


def test_a_line_integral_is_the_length_of_contrast_times_its_attenuation():
    _, projections = taken(kind="line_integral")
    along_y, along_x = projections.values()
    assert along_y[5, 8] == pytest.approx(3 * VOXEL * CONTRAST, abs=1e-5)
    np.testing.assert_allclose(along_y.sum(), along_x.sum(), rtol=1e-4)
    assert (along_y > 0).sum() == 3 * EDGE


@pytest.mark.parametrize("kind", ["maximum", "line_integral"])
def test_a_source_far_away_is_a_parallel_beam(kind):
    """Its detector is larger; between the middles of the two there are whole pixels and a half."""
    share = np.pad(np.ones((4, 4, 4), np.float32), 6)
    _, near = taken(share, kind=kind)
    _, far = taken(share, kind=kind, beam="cone", **FAR)
    seen, expected = far.values(), near.values()
    assert seen.max() == pytest.approx(expected.max(), rel=1e-3)
    np.testing.assert_allclose(seen.sum(axis=(1, 2)), expected.sum(axis=(1, 2)), rtol=1e-3)


def test_maxima_of_a_cone_beam_are_in_the_volumes_units_and_nothing_is_its_minimum():
    volume = quantize(100 * bar() - 1000)
    projections = project(Imaging(**RIGHT_ANGLES, beam="cone"), volume, AFFINE)
    assert projections.values().min() == pytest.approx(-1000, abs=0.1)
    assert projections.values().max() == pytest.approx(-900, abs=5)


def test_line_integrals_need_a_share_of_contrast():
    with pytest.raises(ValueError, match="share"):
        project(Imaging(EDGE, 2, kind="line_integral"), quantize(bar()), AFFINE)


def test_noise_is_that_of_two_counts_and_repeats_itself():
    integrals = np.full((200, 200), 0.3, np.float32)
    found = noisy(integrals, 1e4, seed=1)
    assert found.mean() == pytest.approx(0.3, abs=3e-4)
    assert found.std() == pytest.approx(np.sqrt((1 + np.exp(0.3)) / 1e4), rel=0.02)
    np.testing.assert_array_equal(found, noisy(integrals, 1e4, seed=1))
    assert (found != noisy(integrals, 1e4, seed=2)).any()


def test_pixels_without_a_photon_stay_finite():
    assert np.isfinite(noisy(np.full(1000, 3.0), 1.0, seed=1)).all()


def test_noise_follows_the_volume_and_its_dose():
    clean, again, little, much = (
        taken(kind="line_integral", photons=photons)[1].values()
        for photons in (None, 1e4, 1e4, 1e2)
    )
    np.testing.assert_array_equal(again, little)
    assert 5 < np.std(much - clean) / np.std(little - clean) < 20


@pytest.mark.parametrize("beam", ["parallel", "cone"])
def test_inputs_of_line_integrals_have_one_scale_for_all_patients(beam):
    """Twice the contrast is twice the input, whatever else the patient has."""
    thin, thick = bar() / 4, bar() / 2
    found = []
    for share in (thin, thick):
        imaging, projections = taken(share, kind="line_integral", beam=beam)
        sums, minima = network_inputs(imaging, projections, AFFINE, [np.arange(2)])
        found.append(np.stack([sums[0], minima[0]]) / 65535)
        within = share > 0
        assert minima[0][within].min() > 0.5 * minima[0].max()
        expected = 3 * VOXEL * share.max() / FULL_MM
        assert found[-1][1].max() == pytest.approx(expected, rel=0.02)
    np.testing.assert_allclose(found[1], 2 * found[0], atol=1e-3)


def test_minimum_is_never_above_the_mean():
    imaging, projections = taken(kind="line_integral", beam="cone", photons=1e3)
    sums, minima = network_inputs(imaging, projections, AFFINE, [np.arange(2)])
    assert (minima <= sums).all()


def test_maxima_of_a_cone_beam_are_scaled_by_their_own_range():
    imaging, projections = taken(beam="cone")
    sums, minima = network_inputs(imaging, projections, AFFINE, [np.arange(2), np.array([1])])
    for volume in (*sums, *minima):
        assert volume.min() == 0 and volume.max() == 65535
    np.testing.assert_array_equal(sums[1], minima[1])  # of one view


def test_projections_of_one_value_give_zeros():
    flat = QuantizedVolume(np.zeros((2, 20, 20), np.uint16), 1.0)
    imaging = Imaging(**RIGHT_ANGLES, beam="cone")
    detector = imaging.views(imaging.grid(AFFINE)).shape
    flat = QuantizedVolume(np.zeros(detector, np.uint16), 1.0)
    assert not np.any(network_inputs(imaging, flat, AFFINE, [np.arange(2)]))


def test_what_is_thicker_than_full_counts_as_full():
    seen = fractions(np.array([-0.1, 0.0, FULL_MM * CONTRAST / 2, FULL_MM * CONTRAST, 9.0]))
    np.testing.assert_allclose(seen, [0, 0, 0.5, 1, 1], rtol=1e-6)
    assert seen.dtype == np.float32


def test_harmonics_are_those_of_the_parallel_beam():
    """Of smooth views: the two interpolate alike, but not at the rim of the detector."""
    imaging = Imaging(EDGE, 3, kind="line_integral")
    x = np.linspace(-1, 1, EDGE)
    blob = np.exp(-4 * (x[:, None] ** 2 + x**2)).astype(np.float32)
    projections = np.stack([blob, 0.5 * blob, 0.2 * blob])
    grid = imaging.grid(AFFINE)
    ours = angular_harmonics(projections, imaging.angles, grid, imaging.views(grid), 2)
    theirs = backprojection.angular_harmonics(projections, imaging.angles, EDGE, 2)
    inner = np.s_[:, 3:-3, 3:-3]
    np.testing.assert_allclose(ours[inner], theirs[inner], atol=0.01)
