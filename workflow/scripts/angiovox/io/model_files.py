"""Fitted methods on disk, sealed by a checksum."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

from ..errors import CorruptFileError
from .atomic import atomic_file

SEAL = b"\nsha256 "  # and 64 hexadecimal digits: the end of a model's file
SEAL_BYTES = len(SEAL) + 64


def save_model(path: str | Path, state: dict) -> None:
    """Write a fitted method: tensors, numbers and strings only, so that loading runs no code.

    A state without tensors is JSON: a threshold is read without PyTorch, which takes a second to
    import. The file ends with the SHA-256 of all before it, which `torch.load` passes over.
    """
    content = _as_json(state) or _by_torch(state)
    with atomic_file(path) as temporary:
        temporary.write_bytes(content + _seal(content))


def load_model(path: str | Path, device: str = "cpu") -> dict:
    """Read what `save_model` wrote, with `weights_only=True`.

    Raises CorruptFileError where a byte is missing or another than was written.
    """
    stored = Path(path).read_bytes()
    content = stored[:-SEAL_BYTES]
    if stored[-SEAL_BYTES:] != _seal(content):
        raise CorruptFileError(
            f"{path}: cut short or altered since it was written (SHA-256 differs)"
        )
    if content.startswith(b"{"):
        return json.loads(content)
    import torch

    return torch.load(io.BytesIO(content), map_location=device, weights_only=True)


def _as_json(state: dict) -> bytes | None:
    """The state as JSON where that gives the very same back."""
    try:
        text = json.dumps(state, allow_nan=False)
    except (TypeError, ValueError):
        return None
    return text.encode() if json.loads(text) == state else None


def _by_torch(state: dict) -> bytes:
    import torch

    content = io.BytesIO()  # torch's own writer hides why a disk refuses
    torch.save(state, content)
    return content.getvalue()


def _seal(content: bytes) -> bytes:
    return SEAL + hashlib.sha256(content).hexdigest().encode()
