"""The series that a derived file refers to and is filed with: identity, references, a stand-in."""

from __future__ import annotations

from collections.abc import Sequence

import pydicom
from highdicom import Volume
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import generate_uid

from ...errors import InputError
from .derived import silence, stand_in
from .elements import as_input_error
from .images import Image

LOSSY = ["LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"]
NEEDED = ["SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"]
SHARED = ["SeriesInstanceUID", "StudyInstanceUID", "PatientID", "PatientName"]


def read_source(images: Sequence[Image]) -> tuple[FileDataset, list[Dataset]]:
    """Read the header of the first image, and a reference to each.

    Raises InputError for images that lack what a derived file refers to, or are of different
    patients.
    """
    first, references = None, []
    for image in images:
        tags = [*NEEDED, *SHARED] if references else None  # all of the first
        with as_input_error(image.name, "broken header"), silence():
            header = pydicom.dcmread(
                image.path, stop_before_pixels=True, force=True, specific_tags=tags
            )
            first = first or header
            lacking = [word for word in NEEDED if not header.get(word)]
            other = [word for word in SHARED if str(header.get(word)) != str(first.get(word))]
            reference = reference_to(header)
        if lacking:
            raise InputError(f"{image.name}: no {lacking[0]}, so nothing derived can refer to it")
        if other:
            raise InputError(
                f"{image.name}: another {other[0]} than {images[0].name}, so it is unclear whose "
                "the export would be"
            )
        references.append(reference)
    return first, references


def reference_to(header: Dataset) -> Dataset:
    """Refer to an image by its class and instance UIDs."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = header.get("SOPClassUID")
    reference.ReferencedSOPInstanceUID = header.get("SOPInstanceUID")
    return reference


def refer_to(made: Dataset, references: Sequence[Dataset]) -> None:
    """Put references to images that exist in place of highdicom's to a stand-in."""
    made.SourceImageSequence = list(references)
    made.ReferencedSeriesSequence[0].ReferencedInstanceSequence = list(references)


def stand_in_of_series(header: Dataset, image: Image, volume: Volume) -> Dataset:
    """`stand_in` for an image of the source series, in its frame of reference."""
    # A source without a frame of reference shares it with nothing else: its series gives one.
    made = generate_uid(entropy_srcs=[image.series, "FrameOfReference"])
    source = stand_in(header, image.frame_of_reference or made, image.modality, volume)
    for keyword in filter(header.__contains__, LOSSY):
        setattr(source, keyword, header[keyword].value)
    return source
