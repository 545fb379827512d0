"""How the C library hands out memory."""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # numbers of glibc's mallopt
MEGABYTE = 1 << 20


def disable_malloc_trim() -> None:
    """Let this process keep what it frees; does nothing where the C library is not glibc.

    By default each training step gives its large buffers back to the kernel and faults them in
    again, page by page, which took a third of a step of the paper's network at 64^3 on a CPU.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, 32 * MEGABYTE)  # the largest that glibc accepts
        mallopt(TRIM_THRESHOLD, 2047 * MEGABYTE)
        mallopt(TOP_PAD, 64 * MEGABYTE)
