"""The study that tests share, and how they are spread over workers.

The workflow tests run Snakemake as a user does, on copies of the repository.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from angiovox_pipeline import scheduling
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("Snakefile", "workflow", "config", "profiles", "resources", "envs")
ONE_THREAD = ("--set-threads", "train=1")  # weights are compared bit for bit, here and on SLURM
TINY_ARGUMENTS = (*ONE_THREAD, "--configfile", "tiny.yaml")  # under the default profile
TINY = {
    "cohort": {"phantoms": {"count": 5, "pool": 0}, "calibration_patients": 1, "test_patients": 2},
    "volume": {"shape": 16, "voxel_mm": 2.5},
    "masks": {"max_border": 0.6},  # 16 voxels have a third of the volume on the border
    "projections": 10,
    "view_counts": [10, 2],
    "methods": {
        "dae": {"epochs": 2},
        "unet": {"epochs": 2, "channels": 2, "levels": 3},
        "consistent": {"refinement_steps": 1},
        "cgan": {"epochs": 2, "channels": 4, "slices": 4},
    }
    | dict.fromkeys(("l1_cgan", "soft_backprojection", "soft_hull"), False),
}

ONE_TESTED = {"test_patients": 1, "calibration_patients": 0}  # of the few patients of a sheet
THOROUGH = {"mounted", "cluster", "stages"}  # fixtures that need root, or runs of their own
WORKER_MB = 4000  # with the Snakemake and the jobs that it may run
# These share nothing but the study.
ONE_BY_ONE = ("test_workflow.py", "test_failure_report.py", "test_chaos.py")


def pytest_configure(config: pytest.Config) -> None:
    """Load Triton, which PyTorch for CUDA brings, before a test renders.

    Its LLVM crashes in a process that has Mesa's already; no job both renders and trains.
    """
    with contextlib.suppress(ImportError):
        import triton  # noqa: F401


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of fixtures that `make test` leaves out."""
    for item in items:
        if THOROUGH & set(item.fixturenames):
            item.add_marker(pytest.mark.thorough)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many workers as there are cores for them, and memory: some import all there is."""
    return max(1, min(os.cpu_count() or 1, scheduling.memory_mb() // WORKER_MB))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Leave a module to one worker: its tests share what takes long to set up, or one SLURM.

    Most tests first; those that run one by one, which wait for the study, come last.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return nodeid if module.endswith(ONE_BY_ONE) else module

    return ByModule(config, log)


def snakemake(folder: Path, *args: str) -> subprocess.CompletedProcess:
    """Run Snakemake in a folder, without a GPU; stdout holds all that the terminal would show."""
    command = [sys.executable, "-m", "snakemake", *args]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def tiny(folder: Path, *args: str, **changes: object) -> subprocess.CompletedProcess:
    """Run the tiny study in a folder, with some of the config's top-level keys updated."""
    (folder / "changes.yaml").write_text(yaml.safe_dump(changes))
    return snakemake(
        folder, *args, *TINY_ARGUMENTS, "changes.yaml"
    )  # --configfile takes all that follows


def checkout(folder: Path, config: dict) -> Path:
    """The repository as a fresh checkout has it, with a config beside it as `tiny.yaml`."""
    folder.mkdir(exist_ok=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy2(ROOT / name, folder / name)
    (folder / "tiny.yaml").write_text(yaml.safe_dump(config))
    return folder


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh checkout with the tiny study's config."""
    return checkout(tmp_path_factory.mktemp("clone"), TINY)


@pytest.fixture(scope="session")
def study(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny study, finished: the one complete run of all workers. Look, do not touch."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # all workers'
    folder = folder / "study"
    terminal = folder / "terminal.txt"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            shutil.copytree(clone, folder)
            done = tiny(folder)
            terminal.write_text(done.stdout)
            (folder / "complete").write_text("yes" * (done.returncode == 0))
    assert (folder / "complete").read_text(), terminal.read_text()
    return folder


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Sums of small tensors in one order, and no threads that wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def fresh(clone: Path, tmp_path: Path) -> Path:
    """A copy of the fresh checkout, to run something in."""
    return Path(shutil.copytree(clone, tmp_path / "fresh"))


@pytest.fixture
def finished(study: Path, tmp_path: Path) -> Path:
    """A copy of the finished study, with its modification times, to change something in."""
    return Path(shutil.copytree(study, tmp_path / "finished"))
