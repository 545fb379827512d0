"""What a disk did to a job, in one line."""

from __future__ import annotations

import errno
from pathlib import Path

WORDS = {
    errno.ENOSPC: "no space left on the disk of {}",
    errno.EDQUOT: "no quota left on the disk of {}",
    errno.EROFS: "the disk of {} is read-only",
}


def describe_disk_error(error: BaseException, path: str | Path) -> str | None:
    """What is wrong with the disk of a path, where that made the error; else None.

    Some libraries trip over a write that failed: the first error of a chain counts too.
    """
    words = WORDS.get(getattr(error, "errno", None))
    if words:
        return words.format(path)
    earlier = error.__cause__ or error.__context__
    return describe_disk_error(earlier, path) if earlier else None
