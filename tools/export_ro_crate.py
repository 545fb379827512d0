"""Make the results of a finished study a Workflow Run RO-Crate, in place.

python tools/export_ro_crate.py [--results results] [--license URI]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))
from angiovox.errors import InputError  # noqa: E402
from angiovox.io.atomic import atomic_file  # noqa: E402
from angiovox.reporting import finished_study, ro_crate  # noqa: E402

CODE = ("workflow/Snakefile", "workflow/rules")


def git(*command: str) -> str:
    """What git says of this clone.

    Raises InputError where it fails.
    """
    done = subprocess.run(["git", "-C", ROOT, *command], capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"git {' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def workflow_texts(revision: str | None) -> dict[str, str]:
    """The Snakefile and rules by path: of the revision that ran, or of here where none is known."""
    if revision is None:
        paths = [ROOT / "workflow/Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]
        return {
            path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths
        }
    listed = git("ls-tree", "-r", "--name-only", revision, "--", *CODE)
    return {path: git("show", f"{revision}:{path}") for path in listed.splitlines()}


def export(results: Path, licence: str) -> Path:
    """Write the workflow's files and the metadata into the results. Returns the metadata's path."""
    record = finished_study.read_record(results)
    texts = workflow_texts(finished_study.commit(record))
    for name, text in texts.items():
        with atomic_file(results / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    path = results / ro_crate.METADATA
    text = ro_crate.metadata(record, results, sorted(texts), licence)
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def main(options: list[str] | None = None) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("results"), help="of the study")
    parser.add_argument("--license", default=ro_crate.NO_LICENCE, help="URI, of the results")
    arguments = parser.parse_args(options)
    try:
        print(export(arguments.results, arguments.license))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
