"""Write results/report.html, whole or not at all: python tools/report.py [options of snakemake].

Snakemake itself writes in place, and leaves half a page where the disk fills up.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))
from angiovox.io.atomic import atomic_file  # noqa: E402

REPORT = Path("results/report.html")


def folder(options: list[str]) -> Path:
    """The folder of the results: what --directory names, or this one."""
    return Path(options[options.index("--directory") + 1] if "--directory" in options else "")


def main(options: list[str]) -> int:
    """Return Snakemake's exit status; the report of before stays unless it is 0."""
    report = folder(options) / REPORT
    try:
        with atomic_file(report) as temporary:
            page = str(temporary.absolute())
            command = [sys.executable, "-m", "snakemake", "--report", page, *options]
            subprocess.run(command, check=True)
    except subprocess.CalledProcessError as error:
        print(f"{report}: not written, since Snakemake failed", file=sys.stderr)
        return error.returncode
    except OSError as error:
        print(f"{report}: not written ({error.strerror})", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
