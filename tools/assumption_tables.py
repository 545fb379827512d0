"""Put every `# ASSUME:` comment into its document's table: those on phantoms into docs/phantoms.md,
all others into docs/assumptions.md."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))

from angiovox.reporting.assumptions import assumptions  # noqa: E402

START, END = "<!-- assumptions -->", "<!-- /assumptions -->"

every = assumptions(SCRIPTS)
of_phantoms = [row for row in every if row[0].startswith("phantoms/")]
others = [row for row in every if row not in of_phantoms]
for document, found in (("docs/assumptions.md", others), ("docs/phantoms.md", of_phantoms)):
    rows = "".join(f"| `{module}` | {text} |\n" for module, text in found)
    table = f"{START}\n| module | choice |\n|---|---|\n{rows}{END}"
    path = ROOT / document
    text = path.read_text(encoding="utf-8")
    new = re.sub(f"{START}.*?{END}", lambda _, t=table: t, text, flags=re.S)
    path.write_text(new, encoding="utf-8")
