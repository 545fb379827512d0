"""What is at a path, and the folders below it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import InputError


def folders(
    top: str | Path, onerror: Callable[[OSError], None] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """The folder at a path and each below it with the names of its files, sorted; each once, so
    that links which lead back end. None for a file.

    onerror : what to do about a folder that may not be read; it is passed over where nothing is.
    """
    seen = set()
    for here, below, files in os.walk(top, followlinks=True, onerror=onerror):
        status = os.stat(here)
        if (status.st_dev, status.st_ino) in seen:
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below.sort()
        yield here, sorted(files)


def check_name(path: str | Path) -> None:
    """Raise InputError for a path that is not UTF-8: Snakemake cannot write it down."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(
            f"{path}: not UTF-8, and Snakemake takes no other names; rename it"
        ) from None


def check_exists(path: str | Path) -> None:
    """Raise InputError for a path that is not there, or that may not be looked at."""
    try:
        os.stat(path)
    except FileNotFoundError:
        raise InputError("does not exist") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})") from None
