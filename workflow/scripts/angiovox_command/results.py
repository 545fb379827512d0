"""What the rules made, where the user looks for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from angiovox.io.atomic import atomic_file

from .study_folder import StudyFolder

PAGE = "index.html"
KINDS = {  # what files of an ending hold
    ".stl": "surface, mm",
    ".ply": "surface, coloured by certainty",
    ".vtp": "surface or centrelines, mm, with certainty",
    ".glb": "surface for browsers and slides",
    ".gz": "probability or state of each voxel (NIfTI)",
    ".dcm": "DICOM, for an archive or viewer",
    ".mrml": "scene for 3D Slicer: open this one there",
    ".csv": "table",
    ".json": "what was done, and warnings",
    PAGE: "all of it on one page: open this one first",
}


def publish(folder: StudyFolder, out: Path) -> str:
    """Copy results beside the hidden folder, each whole or not at all; returns what to tell.

    What an earlier command put there and this one does not make is removed: it may name a patient.
    """
    made = sorted(path.relative_to(folder.files) for path in folder.files.rglob("*"))
    files = [path for path in made if (folder.files / path).is_file()]
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
    """The files in words, the page first."""
    width = max(len(str(path)) for path in files)
    order = sorted(files, key=lambda path: (path.name != PAGE, str(path)))
    lines = [f"  {path!s:<{width}}  {_what(path)}".rstrip() for path in order]
    return "\n".join([f"Results are in {out}:", *lines, f"Open {out / PAGE} in a browser first."])


def _what(path: Path) -> str:
    return KINDS.get(path.name) or KINDS.get(path.suffix, "")


def _write(path: Path, names: list[str]) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(names, indent=1), encoding="utf-8")
