"""Fitted methods on disk, sealed by a checksum."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import torch

from .errors import TornFile
from .files import whole_file

SEAL = b"\nsha256 "  # and 64 hexadecimal digits: the end of a model's file
SEAL_BYTES = len(SEAL) + 64


def save_model(path: str | Path, state: dict) -> None:
    """Write a fitted method: tensors, numbers and strings only, so that loading runs no code.

    The file ends with the SHA-256 of all before it, which `torch.load` passes over.
    """
    content = io.BytesIO()  # torch's own writer hides why a disk refuses
    torch.save(state, content)
    with whole_file(path) as temporary:
        temporary.write_bytes(content.getvalue() + _seal(content.getvalue()))


def load_model(path: str | Path, device: str = "cpu") -> dict:
    """Read what `save_model` wrote, with `weights_only=True`.

    Raises TornFile where a byte is missing or another than was written.
    """
    stored = Path(path).read_bytes()
    content = stored[:-SEAL_BYTES]
    if stored[-SEAL_BYTES:] != _seal(content):
        raise TornFile(f"{path}: cut short or altered since it was written (SHA-256 differs)")
    return torch.load(io.BytesIO(content), map_location=device, weights_only=True)


def _seal(content: bytes) -> bytes:
    return SEAL + hashlib.sha256(content).hexdigest().encode()
