"""What the rules made, where the user looks for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from angiovox.io.atomic import atomic_file

from .study_folder import StudyFolder

PAGE, MANIFEST = "report.html", "manifest.json"


def publish(folder: StudyFolder, out: Path) -> str:
    """Copy results beside the hidden folder, each whole or not at all; returns what to tell.

    What an earlier command put there and this one does not make is removed: it may name a patient.
    """
    made = sorted(path.relative_to(folder.files) for path in folder.files.rglob("*"))
    files = [path for path in made if (folder.files / path).is_file() and path.name[0] != "."]
    record = folder.work / "published.json"
    earlier = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else []
    for name in {*earlier} - {path.as_posix() for path in files}:
        (out / name).unlink(missing_ok=True)
    _write(record, sorted({*earlier} | {path.as_posix() for path in files}))
    for path in files:
        with atomic_file(out / path) as temporary:
            shutil.copyfile(folder.files / path, temporary)
    _write(record, [path.as_posix() for path in files])
    return summary(files, out)


def summary(files: list[Path], out: Path) -> str:
    """The files in words, as their manifest has them, the page first; then warnings."""
    manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    contents = {row["file"]: row["content"] for row in manifest["written"]}
    names = sorted(map(str, files), key=lambda name: (name != PAGE, name))
    width = max(map(len, names))
    lines = [f"  {name:<{width}}  {contents.get(name, '')}".rstrip() for name in names]
    warnings = [f"Note: {sentence}" for sentence in manifest.get("warnings", [])]
    first = f"Open {out / PAGE} in a browser first."
    return "\n".join([f"Results are in {out}:", *lines, *warnings, first])


def _write(path: Path, names: list[str]) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(names, indent=1), encoding="utf-8")
