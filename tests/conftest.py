"""Put the package on the path as Snakemake does: by the folder that holds it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))


# The workflow tests run Snakemake as a user does, on copies of the repository.
import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("Snakefile", "workflow", "config", "profiles", "resources", "envs")
WORKSTATION = ("--profile", "profiles/workstation", "--configfile", "tiny.yaml")
TINY = {
    "cohort": {"phantoms": {"count": 4}, "test_patients": 2},
    "volume": {"shape": 16, "voxel_mm": 2.5},
    "projections": 10,
    "view_counts": [10, 2],
    "methods": {
        "dae": {"epochs": 2},
        "unet": {"epochs": 2, "channels": 2, "levels": 3},
        "cgan": {"epochs": 2, "channels": 4, "slices": 4},
    }
    | dict.fromkeys(("consistent", "l1_cgan", "soft_backprojection", "soft_hull"), False),
}


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
        folder, *args, *WORKSTATION, "changes.yaml"
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
    """The tiny study, finished: the one complete run of all tests. Look, do not touch."""
    folder = tmp_path_factory.mktemp("study") / "finished"
    shutil.copytree(clone, folder)
    done = tiny(folder)
    assert done.returncode == 0, done.stdout
    (folder / "terminal.txt").write_text(done.stdout)
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
