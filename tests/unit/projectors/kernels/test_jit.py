"""The cache of compiled kernels: used where it fits, compiled anew where it is broken or stale."""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

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
