"""Digests of where a patient's volume comes from, by which a copy of a patient is found."""

from __future__ import annotations

import hashlib

import numpy as np

from .dicom.reader import Found
from .volume_files import ImageFile

# A UID holds dates and numbers that could be guessed one after the other: each guess takes long.
ROUNDS = 100_000
SALT = b"angiovox: series"


def source_digests(found: Found | ImageFile, codes: np.ndarray) -> dict[str, str]:
    """Digests that are equal where two patients are one.

    Parameters
    ----------
    found : the series or file that was read.
    codes : 16-bit codes of its volume on the study's grid, as they are stored.

    Returns
    -------
    volume : SHA-256 of shape and codes. Pixels that were compressed, renamed or moved give the
        same; so do values that were shifted.
    series : PBKDF2 of the series UID, from which it cannot be read; for a DICOM series only.
    """
    digests = {"volume": _of_codes(codes)}
    if isinstance(found, Found):
        uid = found.series.images[0].series.encode()
        digests["series"] = hashlib.pbkdf2_hmac("sha256", uid, SALT, ROUNDS).hex()
    return digests


def _of_codes(codes: np.ndarray) -> str:
    digest = hashlib.sha256(str(codes.shape).encode())
    for plane in codes:
        digest.update(np.ascontiguousarray(plane))
    return digest.hexdigest()
