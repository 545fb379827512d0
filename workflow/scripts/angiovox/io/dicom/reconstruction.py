"""A reconstruction as DICOM: its probability as a parametric map, its vessels as a segmentation.

Positions are mm from the isocentre, which no frame of reference of an XA run has as its origin: so
both files share a frame of reference of their own, and the segmentation refers to the map. Without
a source they are anonymous, with UIDs that follow from the voxels. With one they are filed in its
study and carry the patient's identity; nothing of that reaches a log, an error or a file's name.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pydicom
from highdicom import Volume
from highdicom.pm import ParametricMap
from highdicom.seg import SegmentDescription
from pydicom.dataset import Dataset
from pydicom.uid import ParametricMapStorage, generate_uid

from ...errors import InputError
from ..atomic import atomic_file
from .derived import NO_DATE, NO_TIME, encoded, identify, silence, stand_in, volume_of
from .elements import as_input_error
from .probability_map import codes_of, map_of
from .segmentation import segment_of, segmentation_of
from .source_series import NEEDED, refer_to, reference_to

MAP_NAME, SEGMENTATION_NAME = "probability.dcm", "artery.seg.dcm"
MAP_SERIES, SEGMENTATION_SERIES = 9002, 9003  # far from a scanner's


def write_reconstruction(
    folder: str | Path,
    probability: np.ndarray,
    affine: np.ndarray,
    method: str,
    views: int,
    source: str | Path | None = None,
    level: float = 0.5,
) -> tuple[str, ...]:
    """Write probability.dcm and, where a voxel reaches the level, artery.seg.dcm into a folder.

    Parameters
    ----------
    probability : (x, y, z) in [0, 1]. affine : (4, 4) RAS affine in mm, right angles.
    method, views : what reconstructed it and from how many views.
    source : XA file of the patient; only if given do the files say whose they are.

    Returns
    -------
    Names of the files written.

    Raises
    ------
    InputError : a source that is no DICOM image.
    """
    header = _anonymous(probability) if source is None else _header(Path(source))
    frame = generate_uid(entropy_srcs=[_digest(probability), "frame", str(header.SOPInstanceUID)])
    with silence():
        volume = volume_of(codes_of(probability), affine)
        place = stand_in(header, frame, "XA", volume)
        made = map_of(volume, place, f"{method}, {views} views", MAP_SERIES)
        _refer(made, None if source is None else header)
        _finish(made, header, source is None)
        _write(Path(folder) / MAP_NAME, encoded(made))
        mask = probability >= level
        if not mask.any():
            return (MAP_NAME,)
        volume = volume_of(mask, affine)
        segments = _segments_of(volume, made, segment_of(method, views, learned=True))
        _finish(segments, header, source is None)
        _write(Path(folder) / SEGMENTATION_NAME, encoded(segments))
    return MAP_NAME, SEGMENTATION_NAME


def _digest(probability: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(probability)).hexdigest()


def _anonymous(probability: np.ndarray) -> Dataset:
    """A header of nobody, with UIDs that follow from the voxels."""
    header, digest = Dataset(), _digest(probability)
    header.SOPClassUID = ParametricMapStorage
    for level in ("Study", "Series"):
        setattr(header, f"{level}InstanceUID", generate_uid(entropy_srcs=[digest, level]))
    header.SOPInstanceUID = generate_uid(entropy_srcs=[digest, "source"])
    header.PatientName, header.PatientID, header.StudyID = "Anonymous^", "anonymous", "1"
    header.StudyDate, header.StudyTime = NO_DATE, NO_TIME
    return header


def _header(path: Path) -> Dataset:
    with as_input_error(path.name, "broken header"), silence():
        header = pydicom.dcmread(path, stop_before_pixels=True)
        lacking = [word for word in NEEDED if not header.get(word)]
    if lacking:
        raise InputError(f"{path.name}: no {lacking[0]}, so no file can be filed with it")
    return header


def _segments_of(volume: Volume, made: ParametricMap, segment: SegmentDescription) -> Dataset:
    """The segmentation, which refers to the map."""
    place = stand_in(made, made.FrameOfReferenceUID, "OT", volume)
    segments = segmentation_of(volume, place, segment)
    segments.SeriesNumber = SEGMENTATION_SERIES
    segments.SeriesDescription = made.SeriesDescription
    _refer(segments, made)
    return segments


def _refer(made: Dataset, source: Dataset | None) -> None:
    """Refer to an image that exists, or to none, in place of highdicom's stand-in."""
    if source is None:
        del made.SourceImageSequence, made.ReferencedSeriesSequence
        return
    refer_to(made, [reference_to(source)])


def _finish(made: Dataset, header: Dataset, is_anonymous: bool) -> None:
    identify(made, header)
    if is_anonymous:
        made.PatientIdentityRemoved = "YES"
        made.DeidentificationMethod = "Made without any of the source's identity"


def _write(path: Path, content: bytes) -> None:
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)
