"""Collect the `# ASSUME:` comments: choices that the paper leaves open."""

from __future__ import annotations

import re
from pathlib import Path


def assumptions(root: str | Path, files: str = "**/*.py") -> list[tuple[str, str]]:
    """Each `# ASSUME:` comment below a folder: its module, as "masks/otsu", and what it says.

    The folder is the package's or the one that holds it, whose name is left out.
    files : pattern of those that are looked at, where it holds others' packages, too.
    """
    found = []
    for path in sorted(Path(root).glob(files)):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            start = re.match(r"\s*# ASSUME: (.*)", line)
            if start:
                words = [start[1]]
                for following in lines[number + 1 :]:
                    more = re.match(r"\s*# (?!ASSUME:)(.*)", following)
                    if not more:
                        break
                    words.append(more[1])
                found.append((_module(path, root), " ".join(words)))
    return found


def _module(path: Path, root: str | Path) -> str:
    return path.relative_to(root).with_suffix("").as_posix().removeprefix("angiovox/")
