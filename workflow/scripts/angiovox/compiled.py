"""numba's compiler, whose cache on disk may be broken or stale without harm.

numba itself compiles anew for another processor, another version of a function and another numba.
What a power cut or a full disk left of the cache it would take for a reason to fail, in each job.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

from numba import njit
from numba.core.caching import IndexDataCacheFile

__all__ = ["njit"]

_load = IndexDataCacheFile.load


def _load_or_compile(self: IndexDataCacheFile, key: Any) -> Any:
    """What the cache holds; None, so that it is compiled and written anew, where it is broken."""
    try:
        return _load(self, key)
    except Exception:
        with contextlib.suppress(OSError):
            os.unlink(self._index_path)
        return None


IndexDataCacheFile.load = _load_or_compile
