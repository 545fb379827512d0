"""Disks that cannot take a run: refused before its first job."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from angiovox.errors import InputError
from angiovox.io.folders import folders

from ..disk_errors import describe_disk_error

BLOCK = 4096
MOVE_HINT = "move this whole folder to another disk (cp -a keeps the times) and start there"


def check_takes_files(folder: str | Path) -> None:
    """Refuse a folder that takes no new file, as far as that is seen without writing one.

    Raises InputError naming the folder.
    """
    status = os.statvfs(folder)
    signs = {
        errno.EROFS: status.f_flag & os.ST_RDONLY,
        errno.ENOSPC: status.f_blocks and not status.f_bavail,
        errno.EACCES: not os.access(folder, os.W_OK | os.X_OK),
    }
    for number, is_seen in signs.items():
        if is_seen:
            raise _refusal(folder, OSError(number, os.strerror(number)))


def check_writable(folder: str | Path) -> None:
    """Refuse a folder that takes no new file; it is made where it is missing.

    Raises InputError naming the folder.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(BLOCK))
    except OSError as error:
        raise _refusal(folder, error) from None


def _refusal(folder: str | Path, error: OSError) -> InputError:
    place = Path(folder).absolute()
    why = describe_disk_error(error, place) or f"{place}: {error.strerror}"
    return InputError(f"{why}; make room or make it writable, or {MOVE_HINT}")


def check_free_space(megabytes: Mapping[str, float]) -> None:
    """Refuse a run that writes more than its disks have left.

    megabytes : of each output. What stands there already will be replaced, and counts as free.
    Raises InputError naming the folder, what it takes and what is free.
    """
    needs, folders = defaultdict(float), {}
    for output, size in megabytes.items():
        folder = _existing(Path(output).parent)
        device = os.stat(folder).st_dev
        needs[device] += size - _megabytes(Path(output))
        folders.setdefault(device, folder)
    for device, folder in folders.items():
        free = shutil.disk_usage(folder).free / 1e6
        if needs[device] > free:
            raise InputError(
                f"the run needs about {_gigabytes(needs[device])}, {_gigabytes(free)} are free on "
                f"the disk of {folder.absolute()}; make room, or {MOVE_HINT}"
            )


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.absolute().parents) if path.is_dir())


def _megabytes(path: Path) -> float:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def _gigabytes(megabytes: float) -> str:
    return f"{megabytes / 1e3:.3g} GB"


def largest_folder_mb(path: str | Path) -> float:
    """Megabytes of a file, or of the files of one folder, below a path or at it: archives lay each
    series into a folder of its own."""
    largest = Path(path).stat().st_size if Path(path).is_file() else 0
    for here, files in folders(path):
        paths = (os.path.join(here, file) for file in files)
        largest = max(largest, sum(os.stat(path).st_size for path in paths if os.path.exists(path)))
    return largest / 1e6
