"""Put what a tool makes between marks of a page in docs."""

from __future__ import annotations

import re
from pathlib import Path


def put(page: Path, parts: dict[str, str]) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- end -->`, for each name.

    Raises SystemExit where a name has not exactly one place.
    """
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        found = rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)"
        text, count = re.subn(found, lambda m, p=part: m[1] + p + "\n" + m[2], text, flags=re.S)
        if count != 1:
            raise SystemExit(f"docs/{page.name} has {count} places for {name!r}, expected 1")
    page.write_text(text, encoding="utf-8")
