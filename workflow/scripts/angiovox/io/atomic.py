"""Write files atomically: a file has its final name once its contents are on the disk."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to `path` when the block succeeds."""
    path = Path(path)
    suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    temporary = _temporary(path, suffix)
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path`; it takes that place when the block succeeds.

    A folder that was there is replaced with all it held.
    """
    path = Path(path)
    temporary = _temporary(path)
    temporary.mkdir()
    old = temporary.with_suffix(".part-old")
    try:
        yield temporary
        for inside in temporary.rglob("*"):
            _flush(inside)
        _flush(temporary)
        if path.exists():
            os.replace(path, old)
        os.replace(temporary, path)
        _flush(path.parent)
    finally:
        _remove(temporary)
        _remove(old)


def save_rows(path: str | Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows that have the same keys as a CSV table; there is at least one."""
    with atomic_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _temporary(path: Path, suffix: str = "") -> Path:
    """A new name beside `path`, once what killed writers left of it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    left = re.compile(rf"\.{re.escape(path.name)}\.\d+\.part.*")
    for neighbour in path.parent.iterdir():
        if left.fullmatch(neighbour.name):
            _remove(neighbour)
    return path.with_name(f".{path.name}.{os.getpid()}.part{suffix}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Wait until a file's contents, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():  # some network file systems flush files only
            raise
    finally:
        os.close(descriptor)
