"""Phantoms that only train are what the study's own jobs make of their seeds."""

from functools import partial

import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.geometry import resample
from angiovox.geometry.affine import isotropic_affine
from angiovox.geometry.imaging import Imaging
from angiovox.geometry.parallel_beam import projection_angles
from angiovox.io import patient_source
from angiovox.io.dicom import writer
from angiovox.io.quantization import quantize, requantize
from angiovox.masks import otsu
from angiovox.phantoms.acquisition import Settings, acquire
from angiovox.phantoms.arterial_tree import grow
from angiovox.phantoms.training_pool import NEXT_TRY, simulate
from angiovox.projectors import mip

SHAPE, VOXEL = (24, 24, 24), 1.6
ANY = otsu.Limits(0, 1, 0, 1)
NONE = otsu.Limits(0.9, 1, 0, 1)


def pool(seeds, limits=ANY, segment=otsu.otsu_mask):
    return list(simulate(seeds, VOXEL, Settings(), Imaging(24, 10), segment, limits))


def test_an_example_is_what_the_studys_jobs_make_of_that_phantom(tmp_path):
    ((projections, mask),) = pool([5])
    affine = isotropic_affine(SHAPE, VOXEL)
    writer.write_series(acquire(5, SHAPE, VOXEL).volume, affine, tmp_path / "dicom", "phantom")
    volume, placed = patient_source.find(tmp_path / "dicom").read()
    volume = quantize(resample.to_study_grid(volume, placed, SHAPE[0], VOXEL)[0])
    expected = mip.project_max(volume.values(), projection_angles(10))
    rounding = (volume.values().max() - volume.values().min()) / 65535
    np.testing.assert_allclose(projections.values(), expected, atol=3 * rounding)
    assert (mask != otsu.otsu_mask(volume)[0]).mean() < 1e-3


def test_each_seed_is_another_phantom_and_always_the_same():
    first, second = pool([5, 6]), pool([5, 6])
    for (a, mask_a), (b, mask_b) in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.codes, b.codes)
        np.testing.assert_array_equal(mask_a, mask_b)
    assert (first[0][1] != first[1][1]).any()


def test_two_in_a_row_are_one_patient_imaged_twice():
    _, *later = pool([5, 6, 7])
    for (projections, _), volume in zip(
        later,
        (acquire(6, SHAPE, VOXEL, patient=grow(5)).volume, acquire(7, SHAPE, VOXEL).volume),
        strict=True,
    ):
        expected = pool_projections(quantize(volume))
        np.testing.assert_array_equal(projections.codes, expected)


def pool_projections(volume):
    return requantize(volume, mip.project_max(volume.codes, projection_angles(10))).codes


def test_another_phantom_takes_the_place_of_one_with_an_implausible_mask():
    wrong = iter([np.zeros(SHAPE, dtype=bool)])  # of the first phantom

    def segment(volume):
        mask, threshold = otsu.otsu_mask(volume)
        return next(wrong, mask), threshold

    limits = otsu.Limits(1e-4, 1, 0, 1)
    np.testing.assert_array_equal(
        pool([5], limits, segment)[0][0].codes, pool([5 + NEXT_TRY])[0][0].codes
    )


def test_masks_that_are_never_plausible_end_the_job_with_what_to_set():
    few = partial(pool, [5], NONE)
    with pytest.raises(InputError, match=r"cohort\.phantoms\.pool: 20 phantoms .* masks\.window"):
        few()
