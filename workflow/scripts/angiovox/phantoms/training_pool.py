"""Phantoms that only train: what a network is given of them, without the files of a patient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..errors import InputError
from ..geometry.parallel_beam import projection_angles
from ..io.quantization import QuantizedVolume, quantize, requantize
from ..masks import otsu
from ..projectors import mip
from .acquisition import Settings, acquire
from .arterial_tree import Patient, grow

IMAGES = 2  # of each patient: most of a phantom's time goes into its growth
TRIES = 20  # phantoms in a row whose masks may be implausible
NEXT_TRY = 1_000_000  # added to the seed


def simulate(
    seeds: Sequence[int],
    shape: tuple[int, int, int],
    voxel_size: float,
    settings: Settings,
    num_projections: int,
    segment: Callable[[QuantizedVolume], tuple[np.ndarray, float]],
    limits: otsu.Limits,
) -> Iterator[tuple[QuantizedVolume, np.ndarray]]:
    """Projections (views, x, z) and mask (x, y, z) bool of the phantom of each seed.

    They are those of the study's own phantoms, but for the rounding of a DICOM series in between.
    Two seeds in a row share one patient's arteries, grown from the first of them and injected,
    posed and imaged by each. Where a mask is implausible, the phantom of another seed takes the
    place.

    Parameters
    ----------
    shape, voxel_size, settings : see `acquisition.acquire`.
    num_projections : on the quarter circle.
    segment : mask and threshold of a volume. limits : of a plausible mask.

    Raises
    ------
    InputError : many implausible masks in a row.
    """
    angles = projection_angles(num_projections)
    for number, seed in enumerate(seeds):
        if number % IMAGES == 0:
            patient = grow(seed)
        volume, mask = _plausible(seed, patient, shape, voxel_size, settings, segment, limits)
        yield requantize(volume, mip.project_max(volume.codes, angles)), mask


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
