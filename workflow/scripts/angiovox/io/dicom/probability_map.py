"""Probabilities of artery as a DICOM Parametric Map, in 16 bits (DICOM PS3.3, A.75).

A study's map refers to its source series and is filed with it, and so carries the patient's
identity, as `segmentation` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from highdicom import VOILUTTransformation, Volume
from highdicom.pm import ParametricMap, RealWorldValueMapping
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from ..atomic import atomic_file
from ..quantization import FRACTION
from .derived import encoded, identify, making, silence, volume_of
from .elements import as_input_error
from .images import Image
from .source_series import read_source, refer_to, stand_in_of_series

SERIES_NUMBER = 9004  # far from a scanner's, and from those of other derived series
TOP = 65535  # code of probability 1
EXPLANATION = "Probability that a voxel is artery"
DESCRIPTION = "Probability of artery; for research, not for diagnosis"
CALIBRATED = "Calibrated probability of artery; research, not diagnosis"  # at most 64 characters


def write_probability_map(
    probability: np.ndarray,
    affine: np.ndarray,
    images: Sequence[Image],
    path: str | Path,
    method: str,
    views: int,
    is_calibrated: bool,
) -> None:
    """Write a Parametric Map in its source's frame of reference and study.

    The same call writes the same bytes, as `segmentation.write_segmentation` does.

    Parameters
    ----------
    probability : (x, y, z) in [0, 1].
    affine : (4, 4) RAS affine in mm, of any grid with right angles: the source's or another.
    images : of the source series, all of them; they are what the map refers to.
    path : of the file, which appears whole or not at all.
    method, views : what reconstructed it and from how many views; the series description says so.
    is_calibrated : whether temperatures were fitted on patients held back; the content description
        says so.

    Raises
    ------
    InputError : headers that say not where to file it, or the images of several patients.
    ValueError : the probability is not three-dimensional.
    """
    if probability.ndim != 3:
        raise ValueError(f"a map has 3 axes (x, y, z), this array has shape {probability.shape}")
    first, references = read_source(images)
    with as_input_error("source series", "its headers make no parametric map"), silence():
        volume = volume_of(codes_of(probability), affine)
        source = stand_in_of_series(first, images[0], volume)
        made = map_of(volume, source, f"{method}, {views} views", SERIES_NUMBER)
        made.ContentDescription = CALIBRATED if is_calibrated else DESCRIPTION
        refer_to(made, references)
        identify(made, first)
        content = encoded(made)
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def codes_of(probability: np.ndarray) -> np.ndarray:
    """Quantize probabilities to 16 bits: 65535 is 1."""
    return np.rint(np.clip(probability, 0, 1) * TOP).astype(np.uint16)


def map_of(volume: Volume, source: Dataset, description: str, series_number: int) -> ParametricMap:
    """Make a Parametric Map of codes, with the mapping to probabilities.

    source : as `derived.stand_in` makes it. description : of the series.
    """
    mapping = RealWorldValueMapping(
        "probability", EXPLANATION, codes.UCUM.NoUnits, (0, TOP), slope=FRACTION, intercept=0.0
    )
    made = ParametricMap(
        **making(source),
        pixel_array=volume,
        series_number=series_number,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[
            VOILUTTransformation(window_center=TOP / 2, window_width=float(TOP))
        ],
        derived_pixel_contrast="NONE",
        content_label="PROBABILITY",
        content_description=DESCRIPTION,
    )
    made.SeriesDescription = f"{description}, research"[:64]
    made.BodyPartExamined = "HEAD"
    for frame in made.PerFrameFunctionalGroupsSequence:
        del frame.DerivationImageSequence  # of a stand-in, not of an image that exists
    return made
