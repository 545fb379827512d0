"""Put every `# ASSUME:` comment into its document's table (`make assumptions`): those on phantoms
into docs/phantoms.md, all others into the README."""

import re
from pathlib import Path

from angiovox.reporting.assumptions import assumptions

SCRIPTS = Path(__file__).parent
ROOT = SCRIPTS.parents[1]
START, END = "<!-- assumptions -->", "<!-- /assumptions -->"

every = assumptions(SCRIPTS)
of_phantoms = [row for row in every if row[0].startswith("phantoms/")]
others = [row for row in every if row not in of_phantoms]
for document, found in (("README.md", others), ("docs/phantoms.md", of_phantoms)):
    rows = "".join(f"| `{module}` | {text} |\n" for module, text in found)
    table = f"{START}\n| module | choice |\n|---|---|\n{rows}{END}"
    path = ROOT / document
    path.write_text(re.sub(f"{START}.*?{END}", lambda _, t=table: t, path.read_text(), flags=re.S))
