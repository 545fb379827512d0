"""What a checkpoint was made from, and which choices the paper left to us."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def stamp(settings: Any, seed: int, code: Iterable[str], data: Iterable[str]) -> str:
    """A digest that changes with settings, seed, code (by content) or data (by size and time)."""
    digest = hashlib.sha256(f"{settings!r} {seed}".encode())
    for path in code:
        digest.update(Path(path).read_bytes())
    for path in data:
        status = Path(path).stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}".encode())
    return digest.hexdigest()


def assumptions(root: str | Path) -> list[tuple[str, str]]:
    """Each `# ASSUME:` comment below a folder: the module it stands in and what it says."""
    found = []
    for path in sorted(Path(root).rglob("*.py")):
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            start = re.match(r"\s*# ASSUME: (.*)", line)
            if start:
                words = [start[1]]
                for following in lines[number + 1 :]:
                    more = re.match(r"\s*# (?!ASSUME:)(.*)", following)
                    if not more:
                        break
                    words.append(more[1])
                found.append((path.stem, " ".join(words)))
    return found
