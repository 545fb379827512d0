"""What a checkpoint was made from, and which choices the paper left to us."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

Stamp = dict[str, str | dict[str, str]]


def stamp(settings: Any, seed: int, code: str, data: Iterable[str], threads: int) -> Stamp:
    """What a fit follows from: settings, seed, version of the code, data (by size and time), torch.

    settings : a dataclass. data : paths. threads : that PyTorch computes with.
    """
    return {
        "settings": {key: repr(value) for key, value in asdict(settings).items()},
        "seed": str(seed),
        "code": code,
        "data": {path: _size_and_time(path) for path in data},
        "torch": version("torch"),
        "threads": str(threads),
    }


def differences(stored: Stamp, current: Stamp) -> str:
    """Which parts of two stamps differ, by name: "settings (epochs), seed". Empty where none."""
    named = []
    for part in sorted({*stored, *current}, key=[*current, *stored].index):
        old, new = stored.get(part, {}), current.get(part, {})
        if old != new:
            both = isinstance(old, dict) and isinstance(new, dict)
            named.append(f"{part} ({_which(old, new)})" if both else part)
    return ", ".join(named)


def _which(old: dict[str, str], new: dict[str, str]) -> str:
    names = [name for name in {**new, **old} if old.get(name) != new.get(name)]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _size_and_time(path: str) -> str:
    status = Path(path).stat()
    return f"{status.st_size} bytes, {status.st_mtime_ns} ns"
