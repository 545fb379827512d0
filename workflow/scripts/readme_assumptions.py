"""Put every `# ASSUME:` comment of the code into the README's table (`make assumptions`)."""

import re
from pathlib import Path

from angiovox.provenance import assumptions

SCRIPTS = Path(__file__).parent
README = SCRIPTS.parents[1] / "README.md"
START, END = "<!-- assumptions -->", "<!-- /assumptions -->"

rows = "".join(f"| `{module}` | {text} |\n" for module, text in assumptions(SCRIPTS))
table = f"{START}\n| module | choice |\n|---|---|\n{rows}{END}"
README.write_text(re.sub(f"{START}.*?{END}", lambda _: table, README.read_text(), flags=re.DOTALL))
