"""Whose an XA run is and of which acquisition, as digests: runs can be compared, and no more."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from .fields import FrameFields, sequence

KEY = secrets.token_bytes(32)  # of this process: its digests cannot be looked up elsewhere


@dataclass(frozen=True)
class Identity:
    """Whose a run is and of which acquisition, as digests that hold within this process only.

    instances, partners : of its files, and of those that it says are its other plane.
    """

    patient: str = ""
    study: str = ""
    acquisition: str = ""
    instances: frozenset[str] = frozenset()
    partners: frozenset[str] = frozenset()


def read_identity(frames: Sequence[FrameFields]) -> Identity:
    """Digests of who and what a run is; nothing else of it is kept."""
    header = frames[0].header
    patient = [str(header.get(k) or "") for k in ("PatientID", "PatientName", "PatientBirthDate")]
    study = str(header.get("StudyInstanceUID") or "")
    when = ("AcquisitionNumber", "AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime")
    moment = [str(header.get(keyword) or "") for keyword in when]
    return Identity(
        _digest(*patient) if any(patient) else "",
        _digest(study) if study else "",
        _digest(study, *moment) if study and any(moment[1:]) else "",
        frozenset(_digest(str(frame.header.get("SOPInstanceUID"))) for frame in frames),
        frozenset(_digest(named) for named in _partners(header)),
    )


def _partners(header: Dataset) -> list[str]:
    items = [
        item
        for keyword in ("ReferencedImageSequence", "ReferencedOtherPlaneSequence")
        for item in sequence(header, keyword)
    ]
    return [str(item.get("ReferencedSOPInstanceUID")) for item in items]


def _digest(*texts: str) -> str:
    return hashlib.blake2b("\0".join(texts).encode(), key=KEY, digest_size=16).hexdigest()
