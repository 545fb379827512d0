"""Write the table of keys in config/README.md from the descriptions and defaults of the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
DOCUMENT, SCHEMA = ROOT / "config/README.md", ROOT / "workflow/schemas/config.schema.yaml"
START, END = "<!-- keys -->", "<!-- /keys -->"


def rows(schema: dict[str, Any], above: str = "") -> Iterator[tuple[str, str, str]]:
    """Dotted key, default and description of each key that a schema describes, in its order."""
    for key, node in schema.get("properties", {}).items():
        name = above + key
        if "description" in node:
            yield name, shown(node["default"]) if "default" in node else "", node["description"]
        yield from rows(node, f"{name}.")


def shown(value: object) -> str:
    """A default as YAML has it."""
    return value if isinstance(value, str) else json.dumps(value)


def table() -> str:
    """The table, between its marks."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    lines = [f"| `{key}` | {default} | {meaning} |" for key, default, meaning in rows(schema)]
    return "\n".join([START, "| key | default | meaning |", "|---|---|---|", *lines, END])


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(
        re.sub(f"{START}.*?{END}", lambda _: table(), text, flags=re.S), encoding="utf-8"
    )
