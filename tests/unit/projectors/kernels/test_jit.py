"""The cache of compiled kernels: used where it fits, compiled anew where it is broken or stale."""

import errno
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numba
import pytest
from angiovox.projectors.kernels import jit
from conftest import ROOT
from numba.core import caching

KERNEL = """
import sys
sys.path.insert(0, sys.argv[1])
from angiovox.projectors.kernels.jit import njit

@njit(cache=True)
def double(number):
    return 2 * number

assert double(21) == 42
print(sum(double.stats.cache_hits.values()), sum(double.stats.cache_misses.values()))
"""


@pytest.fixture
def run(tmp_path):
    """Run a program with a kernel in it; gives how often its cache was hit and missed."""
    program = tmp_path / "program.py"
    program.write_text(KERNEL)

    def start(scripts=ROOT / "workflow/scripts", **environment):
        command = [sys.executable, str(program), str(scripts)]
        cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        environment = os.environ | cache | environment
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return start


def test_the_second_process_does_not_compile(run):
    assert run() == ["0", "1"]
    assert run() == ["1", "0"]


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("left", [0, 70])
def test_a_torn_cache_is_written_anew(run, tmp_path, suffix, left):
    run()
    (file,) = (tmp_path / "cache").rglob(f"*{suffix}")
    file.write_bytes(file.read_bytes()[:left])
    assert run() == ["0", "1"]
    assert run() == ["1", "0"]


def test_noise_in_place_of_the_cache_is_written_anew(run, tmp_path):
    run()
    for file in (tmp_path / "cache").rglob("*.nb?"):
        file.write_bytes(os.urandom(2000))
    assert run() == ["0", "1"]
    assert run() == ["1", "0"]


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_no_zeroed_block_is_run(run, tmp_path, suffix):
    """As a power cut leaves them: the right size, and the machine code gone."""
    run()
    (file,) = (tmp_path / "cache").rglob(f"*{suffix}")
    whole = file.read_bytes()
    block = max(len(whole) // 4, 64)
    for start in range(0, len(whole), block):
        zeroed = (whole[:start] + bytes(block) + whole[start + block :])[: len(whole)]
        file.write_bytes(zeroed)
        hits = run()
        assert suffix == ".nbi" or hits == (["1", "0"] if zeroed == whole else ["0", "1"])
        file.write_bytes(whole)


@pytest.mark.parametrize("number", ["0", "-1", "100000"])
def test_a_number_of_numbas_own_threads_does_not_matter(run, number):
    assert run(NUMBA_NUM_THREADS=number) == ["0", "1"]


def test_another_processors_cache_is_not_used(run):
    run()
    assert run(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="") == ["0", "1"]
    assert run() == ["1", "0"]


def test_another_version_of_what_a_kernel_takes_from_elsewhere_is_compiled_anew(run, tmp_path):
    """Its own file is the same; numba looks at that one only."""
    package = shutil.copytree(ROOT / "workflow/scripts/angiovox", tmp_path / "angiovox")
    assert run(scripts=tmp_path) == ["0", "1"]
    assert run(scripts=tmp_path) == ["1", "0"]
    simd = package / "projectors/kernels/simd.py"
    simd.write_text(simd.read_text().replace("WIDTH = 64", "WIDTH = 32"))
    assert run(scripts=tmp_path) == ["0", "1"]
    (package / "errors.py").write_text((package / "errors.py").read_text() + "\n")
    assert run(scripts=tmp_path) == ["1", "0"]


def double(number):
    return 2 * number


@pytest.fixture
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def fail(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("owner, part", [("IndexDataCacheFile", "save"), ("Cache", "flush")])
def test_a_full_disk_ends_no_job(cache_folder, monkeypatch, owner, part):
    monkeypatch.setattr(getattr(caching, owner), part, fail)
    monkeypatch.setattr(caching.IndexDataCacheFile, "_load_index", fail)
    assert jit.njit(double, cache=True)(21) == 42


def test_without_a_folder_to_write_to_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(caching._CacheLocator, "ensure_cache_path", fail)
    with pytest.raises(RuntimeError):
        numba.njit(double, cache=True)
    assert jit.njit(double, cache=True)(21) == 42


def test_kernels_of_others_keep_the_cache_of_numba(cache_folder):
    assert type(numba.njit(double, cache=True)._cache) is caching.FunctionCache
    assert type(jit.njit(double, cache=True)._cache) is jit.KernelCache


PARTS = ("load_overload", "save_overload", "_cache_file")
OF_FILES = ("_source_stamp", "_data_path", "_dump", "_load_data")


@pytest.mark.parametrize("part", ["_cache", *OF_FILES, *PARTS])
def test_another_kind_of_cache_is_left_as_it_is(monkeypatch, part):
    """Without a part that numba does not document, there is a warning and its own cache."""
    file = {key: b"" for key in OF_FILES if key != part}
    cache = dict.fromkeys(PARTS) | {"_cache_file": SimpleNamespace(**file)}
    cache = SimpleNamespace(**{key: value for key, value in cache.items() if key != part})
    kernel = SimpleNamespace() if part == "_cache" else SimpleNamespace(_cache=cache)
    monkeypatch.setattr(numba, "njit", lambda function, **options: kernel)
    with pytest.warns(UserWarning, match=f"keeps its cache in another way .*{part}"):
        assert jit.njit(double, cache=True) is kernel
    assert part == "_cache" or kernel._cache is cache
