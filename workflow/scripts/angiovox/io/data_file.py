"""Files that a volume's header stands in or points to: regular ones, in its own folder or below."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import InputError

LONGEST_NAME = 100  # characters of a file's name that a message has


def require_regular(path: Path) -> None:
    """Refuse what no volume can be read from, without opening it: opening a pipe may wait for ever.

    Raises InputError for a path that is not there, a folder, a pipe, a socket or a device.
    """
    status = _status(path, f"{path.name}:", "does not exist")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path.name}: not a regular file but a folder, pipe or device")


def find_data_file(header: Path, named: str) -> Path:
    """The file of voxels that a header names, by a path from its own folder or an absolute one.

    Raises InputError for a file that is not there, is not regular, or is the header itself, and for
    one outside the header's folder, also by a link: a header must not make other files voxels.
    """
    path = header.parent / named
    if not named.isprintable() or not 0 < len(path.name) <= LONGEST_NAME:
        raise InputError(
            f"{header.name}: broken header, the name of its data file is empty, too long or "
            "unprintable"
        )
    folder = os.path.realpath(header.parent)
    inside = Path(os.path.realpath(path)).is_relative_to(folder)
    if ".." in Path(named).parts or not inside:
        raise InputError(
            f"{header.name}: its data file, {path.name}, is outside its folder; put both into one "
            "folder and name it there"
        )
    named_file = f"{header.name}: broken, its data file, {path.name},"
    status = _status(path, named_file, "is not there")
    if os.path.samestat(status, os.stat(header)):
        raise InputError(f"{header.name}: names itself as its data file; export it anew")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{named_file} is not a regular file but a folder, pipe or device")
    return path


def _status(path: Path, named: str, absent: str) -> os.stat_result:
    try:
        return os.stat(path)
    except FileNotFoundError:
        raise InputError(f"{named} {absent}") from None
    except OSError as error:
        raise InputError(f"{named} cannot be read ({error.strerror})") from None
