"""Phantoms that only train: what a network is given of them, without the files of a patient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..errors import InputError
from ..geometry.affine import isotropic_affine
from ..geometry.imaging import LINE_INTEGRAL, Imaging
from ..io.quantization import QuantizedVolume, quantize
from ..masks import otsu
from ..masks.contrast import contrast_share
from ..projectors.imaging import project
from .acquisition import Settings, acquire
from .arterial_tree import Patient, grow

IMAGES = 2  # of each patient: most of a phantom's time goes into its growth
TRIES = 20  # phantoms in a row whose masks may be implausible
NEXT_TRY = 1_000_000  # added to the seed


def simulate(
    seeds: Sequence[int],
    voxel_size: float,
    settings: Settings,
    imaging: Imaging,
    segment: Callable[[QuantizedVolume], tuple[np.ndarray, float]],
    limits: otsu.Limits,
    window: Sequence[float] | None = None,
) -> Iterator[tuple[QuantizedVolume, np.ndarray]]:
    """Projections (views, i, j) and mask (x, y, z) bool of the phantom of each seed.

    They are those of the study's own phantoms, but for the rounding of a DICOM series in between.
    Two seeds in a row share one patient's arteries, grown from the first of them and injected,
    posed and imaged by each. Where a mask is implausible, the phantom of another seed takes the
    place.

    Parameters
    ----------
    voxel_size, settings : see `acquisition.acquire`.
    imaging : of the study, with the volumes' shape.
    segment : mask and threshold of a volume. limits : of a plausible mask. window : in which voxels
        may be vessel, as `segment` has it.

    Raises
    ------
    InputError : many implausible masks in a row.
    """
    shape = 3 * (imaging.shape,)
    affine = isotropic_affine(shape, voxel_size)
    for number, seed in enumerate(seeds):
        if number % IMAGES == 0:
            patient = grow(seed)
        volume, mask = _plausible(seed, patient, shape, voxel_size, settings, segment, limits)
        needs_share = imaging.kind == LINE_INTEGRAL
        share = contrast_share(volume, mask, window) if needs_share else None
        yield project(imaging, volume, affine, share), mask


def _plausible(
    seed: int,
    patient: Patient,
    shape: tuple[int, int, int],
    voxel_size: float,
    settings: Settings,
    segment: Callable[[QuantizedVolume], tuple[np.ndarray, float]],
    limits: otsu.Limits,
) -> tuple[QuantizedVolume, np.ndarray]:
    for attempt in range(TRIES):
        own = None if attempt else patient
        taken = acquire(seed + attempt * NEXT_TRY, shape, voxel_size, settings, patient=own)
        volume = quantize(taken.volume)
        mask, threshold = segment(volume)
        quality = otsu.assess(mask, threshold, limits)
        if quality.plausible:
            return volume, mask
    raise InputError(
        f"cohort.phantoms.pool: {TRIES} phantoms in a row have implausible masks (the last: "
        f"{quality.reason}); set masks.window or masks.classes, or cohort.phantoms.pool: 0"
    )
