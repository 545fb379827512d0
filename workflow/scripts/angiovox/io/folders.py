"""What is at a path, and the folders below it."""

from __future__ import annotations

import os
import stat
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
    seen, waiting = set(), [os.fspath(top)]
    while waiting:  # no recursion: folders may be thousands deep
        here = waiting.pop()
        try:
            status = os.stat(here)
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except NotADirectoryError:
            continue
        except OSError as error:
            if onerror:
                onerror(error)
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        below = {entry.name for entry in entries if entry.is_dir()}
        yield here, [entry.name for entry in entries if entry.name not in below]
        waiting += [os.path.join(here, name) for name in sorted(below, reverse=True)]


def check_name(path: str | Path) -> None:
    """Raise InputError for a path that is not UTF-8: Snakemake cannot write it down."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(
            f"{path}: not UTF-8, and Snakemake takes no other names; rename it"
        ) from None


def check_exists(path: str | Path) -> None:
    """Raise InputError for a path that is not there or may not be looked at, a pipe or a device."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise InputError("does not exist") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})") from None
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise InputError("not a regular file but a pipe or device")
