"""A reconstructed mask to a DICOM SEG that refers to the series it came from.

It is filed with the patient's other images, and so it and the probability map beside it are the
outputs that carry the patient's identity: name, numbers, dates and whatever else of patient and
study the source says. They are made on request only, and nothing of that reaches a log, an error or
a file's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from highdicom import AlgorithmIdentificationSequence, Volume
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from ...errors import InputError
from ..atomic import atomic_file
from .derived import VERSION, encoded, identify, making, silence, volume_of
from .elements import as_input_error
from .images import Image
from .source_series import read_source, refer_to, stand_in_of_series

SERIES_NUMBER = 9001  # far from a scanner's


def write_segmentation(
    mask: np.ndarray,
    affine: np.ndarray,
    images: Sequence[Image],
    path: str | Path,
    method: str,
    views: int,
    learned: bool = True,
) -> None:
    """Write a mask as a DICOM SEG in its source's frame of reference and study.

    The same call writes the same bytes: UIDs follow from the rest of the file, and the dates are
    the study's, not those of the export.

    Parameters
    ----------
    mask : (x, y, z), vessel where it is not zero. Every plane is written, empty ones too, so that a
        reader gets this grid.
    affine : (4, 4) RAS affine in mm, of any grid with right angles: the source's or another.
    images : of the source series, all of them; they are what the SEG refers to.
    path : of the file, which appears whole or not at all.
    method, views : what the mask was reconstructed by and from; the segment's description says so.
    learned : whether the method is a network, or a threshold.

    Raises
    ------
    InputError : a mask without a vessel, for a blank overlay looks like a finding; or headers that
        say not where to file it, or the images of several patients, with the file but not what it
        says.
    ValueError : the mask is not three-dimensional.
    """
    if mask.ndim != 3:
        raise ValueError(f"a mask has 3 axes (x, y, z), this array has shape {mask.shape}")
    if not np.any(mask):
        raise InputError("no vessel in the reconstruction, so nothing to export")
    first, references = read_source(images)
    with as_input_error("source series", "its headers make no segmentation"), silence():
        volume = volume_of(mask != 0, affine)
        source = stand_in_of_series(first, images[0], volume)
        segmentation = segmentation_of(volume, source, segment_of(method, views, learned))
        segmentation.SeriesDescription = f"{method}, {views} views, research"[:64]
        refer_to(segmentation, references)
        identify(segmentation, first)
        content = encoded(segmentation)
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def segment_of(method: str, views: int, learned: bool) -> SegmentDescription:
    """Arteries, by whom and from how many views they were reconstructed."""
    family = codes.cid7162.ArtificialIntelligence if learned else codes.cid7162.HistogramAnalysis
    name = f"angiovox {method}"[:64]
    segment = SegmentDescription(
        segment_number=1,
        segment_label="Artery",
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=codes.SCT.Artery,
        algorithm_type="AUTOMATIC",
        algorithm_identification=AlgorithmIdentificationSequence(name, family, VERSION),
    )
    words = f"reconstructed from {views} views by {name} {VERSION}; for research, not for diagnosis"
    segment.SegmentDescription = words
    return segment


def segmentation_of(volume: Volume, source: Dataset, segment: SegmentDescription) -> Segmentation:
    """A binary SEG of one segment, whose source is as `stand_in` makes it."""
    return Segmentation(
        **making(source),
        pixel_array=volume,
        segmentation_type="BINARY",
        segment_descriptions=[segment],
        series_number=SERIES_NUMBER,
        omit_empty_frames=False,  # or ITK, which sees even spacing only, puts the rest elsewhere
        content_label="ARTERIES",
    )
