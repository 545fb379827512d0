"""numba's compiler, whose cache on disk may be broken or stale without harm.

numba itself compiles anew for another processor, another version of a function's own file and
another numba. It overlooks what a function takes from other files, such as vectors of another
width; and what a power cut or a full disk left of the cache it takes for a reason to fail, in each
job.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import IndexDataCacheFile

__all__ = ["njit"]

_texts = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
SOURCES = hashlib.sha256(b"".join(_texts)).hexdigest()

_init, _load = IndexDataCacheFile.__init__, IndexDataCacheFile.load


def _of_these_sources(self: IndexDataCacheFile, *arguments: Any, **named: Any) -> None:
    """An index, of any library's kernels, that is obsolete where a file of this folder changed.

    A kernel elsewhere takes constants and functions from its own file, which numba looks at, and
    from this folder only.
    """
    _init(self, *arguments, **named)
    self._version = f"{self._version} {SOURCES}"


def _load_or_compile(self: IndexDataCacheFile, key: Any) -> Any:
    """What the cache holds; None, so that it is compiled and written anew, where it is broken."""
    try:
        return _load(self, key)
    except Exception:
        with contextlib.suppress(OSError):
            os.unlink(self._index_path)
        return None


IndexDataCacheFile.__init__ = _of_these_sources
IndexDataCacheFile.load = _load_or_compile
