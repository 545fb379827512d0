"""Freed memory stays with the process, so that it is not faulted in again at every step."""

import platform
import subprocess
import sys

import pytest
from conftest import ROOT

PACKAGE_FOLDER = str(ROOT / "workflow/scripts")
ROUNDS = """
import ctypes, resource, sys
sys.path.insert(0, sys.argv[1])
from angiovox.training.memory import disable_malloc_trim
if sys.argv[2] == "keep":
    disable_malloc_trim()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes, libc.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    blocks = [libc.malloc(30 << 20) for _ in range(3)]
    for block in blocks:
        libc.memset(block, 1, 30 << 20)
    for block in blocks:
        libc.free(block)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(mode: str) -> int:
    command = [sys.executable, "-c", ROUNDS, PACKAGE_FOLDER, mode]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_kept_memory_is_faulted_in_once():
    assert page_faults("keep") < page_faults("give back") / 5
