"""numba's compiler, whose cache on disk may be broken, stale or full without harm.

numba itself compiles anew for another processor, another version of a function's own file and
another numba. It overlooks what a function takes from other files, such as vectors of another
width; and what a power cut or a full disk left of the cache it takes for a reason to fail, in each
job, or runs it as machine code.

A folder named after the sources (`NUMBA_CACHE_DIR`) would be no private part of numba's, but finds
kernels by their absolute path, so that a study would compile anew wherever it is moved, and breaks
no less.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numba

from ...errors import CorruptFileError

_texts = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
DIGEST = hashlib.sha256().digest_size
SOURCES = hashlib.sha256(b"".join(_texts)).digest()
UNKNOWN_CACHE = (
    "This version of numba keeps its cache in another way ({}): kernels are compiled and kept by "
    "its own rules; remove __pycache__ after an edit of projectors/kernels, or where it is broken."
)


def njit(function: Callable | None = None, **options: Any) -> Any:
    """Compile a function as `numba.njit` does; with `cache=True` by way of a `KernelCache`."""
    if function is None:
        return partial(njit, **options)
    try:
        kernel = numba.njit(function, **options)
    except RuntimeError:  # no folder may be written to, neither here nor the user's own
        return numba.njit(function, **options | {"cache": False})
    if options.get("cache"):
        try:
            kernel._cache = KernelCache(kernel._cache)
        except AttributeError as error:
            warnings.warn(UNKNOWN_CACHE.format(error), stacklevel=2)
    return kernel


class KernelCache:
    """numba's cache of a function, obsolete where a file of this folder changed.

    A kernel elsewhere takes constants and functions from its own file, which numba looks at, and
    from this folder only. Files end with a digest of their contents, which reading a pickle leaves
    alone: machine code with a zeroed block would end the process.
    """

    def __init__(self, cache: Any):
        self.cache, self.load, self.save = cache, cache.load_overload, cache.save_overload
        index = cache._cache_file
        self.path_of, self.dump, self.load_data = index._data_path, index._dump, index._load_data
        index._source_stamp = index._source_stamp, SOURCES
        index._dump, index._load_data = self._dump, self._load_data

    def load_overload(self, *key: Any) -> Any:
        """What the cache holds; None, so that it is compiled and written anew, where broken."""
        try:
            return self.load(*key)
        except Exception:
            with suppress(OSError):
                self.cache.flush()
            return None

    def save_overload(self, *compiled: Any) -> None:
        """Write what was compiled; where that fails, the next job compiles again."""
        with suppress(Exception):
            self.save(*compiled)

    def _dump(self, contents: Any) -> bytes:
        """The contents of a file."""
        data = self.dump(contents)
        return data + hashlib.sha256(data).digest()

    def _load_data(self, name: str) -> Any:
        """A compiled kernel. Raises CorruptFileError where its file is not as it was written."""
        data = Path(self.path_of(name)).read_bytes()
        if hashlib.sha256(data[:-DIGEST]).digest() != data[-DIGEST:]:
            raise CorruptFileError(name)
        return self.load_data(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cache, name)
