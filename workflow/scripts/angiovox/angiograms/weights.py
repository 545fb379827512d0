"""The network's weights as they are shipped: a folder in the shape of a MONAI bundle.

configs/metadata.json says what the network is given and gives, and how it was trained, with the
SHA-256 of models/model.pt; configs/calibration.json scales logits by view count
(`reliability.load_scale`); docs/README.md is the model card.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ..errors import CorruptFileError, InputError
from ..io.atomic import atomic_file
from ..io.model_files import load_model, save_model
from .channels import COUNT

METADATA, MODEL = Path("configs/metadata.json"), Path("models/model.pt")
SCALES = Path("configs/calibration.json")


def load_weights(folder: str | Path) -> dict:
    """Read the model's state of a bundle.

    Raises
    ------
    InputError : no bundle, or one of a network that is given other channels.
    CorruptFileError : a model that is not the one the metadata are about.
    """
    folder = Path(folder)
    try:
        metadata = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no weights of the network ({error})") from None
    model = folder / MODEL
    if digest(model) != metadata["sha256"]:
        raise CorruptFileError(f"{model}: altered since it was trained (SHA-256 differs)")
    state = load_model(model)
    if state["shape"]["inputs"] != COUNT:
        raise InputError(
            f"{model}: a network on {state['shape']['inputs']} channels, and this version computes "
            f"{COUNT}; train it anew with make weights"
        )
    return state


def save_weights(folder: str | Path, state: dict, metadata: dict[str, Any]) -> None:
    """Write a model's state and its metadata, to which the model's digest is added."""
    folder = Path(folder)
    for path in (METADATA, MODEL):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    save_model(folder / MODEL, state)
    _write(folder / METADATA, metadata | {"sha256": digest(folder / MODEL)})


def save_scales(folder: str | Path, scales: dict[str, dict[str, float]]) -> None:
    """Write the scales of logits, by view count."""
    _write(Path(folder) / SCALES, scales)


def _write(path: Path, content: dict) -> None:
    with atomic_file(path) as temporary:
        text = json.dumps(content, indent=2, ensure_ascii=False)
        temporary.write_text(f"{text}\n", encoding="utf-8")


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
