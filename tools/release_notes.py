"""Check that a tag may be released, and write its part of the changelog to dist/notes.md.

python tools/release_notes.py v0.1.0
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACEHOLDER = "<this repository>"  # in place of the address that it will have
ADDRESSED = ("README.md", "docs/cluster.md", "pyproject.toml")


def notes(tag: str, root: Path = ROOT) -> str:
    """The changelog's part for a tag.

    Raises SystemExit where the version is another, its heading has no date, or an address is
    still a placeholder.
    """
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    version = tomllib.loads(text)["project"]["version"]
    if tag != f"v{version}":
        raise SystemExit(f"{tag}: pyproject.toml has version {version}")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## {re.escape(version)} \(([^)\n]+)\)\n"
    part = re.search(rf"{heading}(.*?)(?=^## |\Z)", changelog, re.M | re.S)
    if part is None or not re.fullmatch(r"\d{4}-\d\d-\d\d", part[1]):
        raise SystemExit(f"CHANGELOG.md: no heading '## {version} (YYYY-MM-DD)'")
    for name in ADDRESSED:
        if PLACEHOLDER in (root / name).read_text(encoding="utf-8"):
            raise SystemExit(f"{name}: {PLACEHOLDER} is to be the repository's address")
    return part[2].strip() + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    text = notes(sys.argv[1])
    folder = ROOT / "dist"
    folder.mkdir(exist_ok=True)
    (folder / "notes.md").write_text(text, encoding="utf-8")
