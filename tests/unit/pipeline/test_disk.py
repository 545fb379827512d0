"""Full and read-only disks: what is refused before a run, and what is said and left during one."""

from angiovox_pipeline.job import job

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.figures.style import new_figure, save
from angiovox.io import model_files, nifti
from angiovox.io.dicom import discovery, writer
from angiovox.masks import surfaces
from angiovox.phantoms import ground_truth
from angiovox.phantoms.arterial_tree import grow
from angiovox_pipeline import disk_errors
from angiovox_pipeline.disk_errors import describe_disk_error
from angiovox_pipeline.preflight import disk
from conftest import TINY_ARGUMENTS, snakemake, tiny

AFFINE = np.eye(4)
NOISE = np.random.default_rng(1).random((48, 48, 48), dtype=np.float32)
SMALL = "size=128k"


def mounting(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mount a disk of our own on a folder; every one is taken away in the end."""
    folders: list[Path] = []

    def mount(name: str, options: str = SMALL) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        done = mounting("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder))
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        folders.append(folder)
        return folder

    try:
        yield mount
    finally:
        for folder in reversed(folders):
            assert not mounting("umount", "-l", str(folder)).returncode


def make_read_only(folder: Path) -> None:
    assert not mounting("mount", "-o", "remount,ro", str(folder)).returncode


def fill(folder: Path) -> None:
    """Leave no block on the disk of a folder."""
    with pytest.raises(OSError), open(folder / "filler", "wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


# What is written, on a disk too small for it


def figure(folder: Path) -> None:
    drawn = new_figure(150, 150)
    axes = drawn.add_axes((0, 0, 1, 1))
    axes.imshow(NOISE[0], interpolation="nearest")
    save(drawn, folder / "a.png", folder / "a.pdf")


WRITERS = {
    "volume": lambda folder: nifti.save_volume(folder / "a.nii", NOISE, AFFINE),
    "compressed volume": lambda folder: nifti.save_volume(folder / "a.nii.gz", NOISE, AFFINE),
    "fractions": lambda folder: nifti.save_fractions(folder / "a.nii", NOISE, AFFINE),
    "model": lambda folder: model_files.save_model(folder / "a.pt", model()),
    "surface": lambda folder: surfaces.write_surface(
        NOISE > 0.6, AFFINE, folder / "a.stl", folder / "a.vtp"
    ),
    "graph": lambda folder: ground_truth.write_graph(folder / "a.vtp", grow(1).arteries),
    "figure": figure,
}


def model() -> dict:
    import torch

    return {"weights": torch.rand(100_000)}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_is_told_and_nothing_half_written_is_left(mounted, kind):
    folder = mounted("disk", "size=32k")
    with pytest.raises(Exception) as caught:
        WRITERS[kind](folder)
    assert describe_disk_error(caught.value, folder) == f"no space left on the disk of {folder}"
    left = [path.name for path in folder.iterdir()]
    assert left == (["a.png"] if kind == "figure" else [])  # the first of its two files is whole


def test_vtk_is_not_believed_when_it_wrote_half_a_surface(mounted):
    """The STL fits, the VTP does not."""
    mesh = surfaces.surface(NOISE > 0.6, AFFINE)
    room = 84 + 50 * mesh.n_cells
    folder = mounted("disk", f"size={room // 4096 * 4096 + 2 * 4096}")
    with pytest.raises(OSError) as caught:
        surfaces.write_surface(NOISE > 0.6, AFFINE, folder / "a.stl", folder / "a.vtp")
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in folder.iterdir()] == ["a.stl"]


def test_a_series_that_does_not_fit_is_told(mounted):
    with pytest.raises(OSError) as caught:
        writer.write_series(NOISE, AFFINE, mounted("disk") / "series", "p")
    assert describe_disk_error(caught.value, "series") == "no space left on the disk of series"


# One line from a job


def given(folder: Path) -> SimpleNamespace:
    """What Snakemake gives a script."""
    return SimpleNamespace(
        rule="project",
        wildcards={"patient": "p7"},
        output=[str(folder / "results/p7.nii")],
        log=[str(folder / "job.log")],
    )


@pytest.mark.parametrize("number", disk_errors.WORDS, ids=errno.errorcode.get)
def test_a_job_says_in_one_line_that_its_disk_fails(tmp_path, number):
    with pytest.raises(SystemExit) as caught, job(given(tmp_path)):
        raise OSError(number, os.strerror(number))
    folder = tmp_path / "results"
    assert caught.value.code == f"project: patient p7: {disk_errors.WORDS[number].format(folder)}"
    log = (tmp_path / "job.log").read_text()
    assert log.count("\n") == 2 and "Traceback" not in log  # the machine, and the error


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "no"), KeyError(28), MemoryError()])
def test_any_other_error_keeps_its_trace(tmp_path, error):
    with pytest.raises(type(error)), job(given(tmp_path)):
        raise error
    assert "Traceback" in (tmp_path / "job.log").read_text()


def test_a_log_on_a_full_disk_is_no_second_failure(mounted, capfd):
    folder = mounted("disk")
    with pytest.raises(SystemExit) as caught, job(given(folder)) as log:
        fill(folder)
        log("a line that finds no room" * 1000)
        raise OSError(errno.ENOSPC, "full")
    assert "no space left" in caught.value.code
    assert "Traceback" not in capfd.readouterr().err


# Before the run


def test_a_folder_that_can_be_written_is_made_and_left_empty(tmp_path):
    disk.check_writable(tmp_path / "new/folder")
    assert list((tmp_path / "new/folder").iterdir()) == []


def test_a_read_only_disk_is_refused(mounted):
    folder = mounted("disk")
    make_read_only(folder)
    for path in (folder, folder / "new"):
        with pytest.raises(InputError, match="read-only") as caught:
            disk.check_writable(path)
        assert str(path) in str(caught.value)
    with pytest.raises(InputError, match=f"the disk of {folder} is read-only"):
        disk.check_takes_files(folder)


def test_a_disk_without_a_free_block_is_refused(mounted):
    folder = mounted("disk")
    for check in (disk.check_writable, disk.check_takes_files):
        check(folder)
    fill(folder)
    for check in (disk.check_writable, disk.check_takes_files):
        with pytest.raises(InputError, match=f"no space left on the disk of {folder}"):
            check(folder)


def test_room_is_counted_on_each_disk_apart(mounted, tmp_path):
    folder = mounted("results/small", "size=2m")
    disk.check_free_space({str(folder / "a"): 1.0, str(tmp_path / "results/b"): 10.0})
    with pytest.raises(InputError, match=r"0\.003 GB") as caught:
        disk.check_free_space({str(folder / "a"): 1.5, str(folder / "new/b"): 1.5})
    assert "0.0021 GB are free" in str(caught.value) and str(folder) in str(caught.value)


def test_what_will_be_replaced_counts_as_free(mounted):
    folder = mounted("disk", "size=2m")
    (folder / "a").mkdir()
    (folder / "a/slice").write_bytes(bytes(1_500_000))
    with pytest.raises(InputError):
        disk.check_free_space({str(folder / "b"): 1.5})
    disk.check_free_space({str(folder / "a"): 1.5})


def test_a_folder_counts_by_its_largest_once_however_links_lead(tmp_path):
    for name, size in (("one/a", 3_000_000), ("one/b", 1_000_000), ("two/c", 2_000_000)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "two/back").symlink_to(tmp_path)
    (tmp_path / "two/gone").symlink_to("nowhere")
    (tmp_path / "patient").mkdir()
    (tmp_path / "patient/linked").symlink_to(tmp_path / "one")
    assert disk.largest_folder_mb(tmp_path) == 4
    assert disk.largest_folder_mb(tmp_path / "patient") == 4
    assert disk.largest_folder_mb(tmp_path / "two/c") == 2
    assert len(list(discovery.folders(tmp_path))) == 4


# The workflow

VOLUME = "results/volumes/phantom-001.nii"


def said(output: str, words: str) -> bool:
    """In one line, with no trace."""
    assert "Traceback" not in output, output
    return any(words in line for line in output.splitlines())


@pytest.mark.parametrize("name", ["results", "logs"])
def test_a_read_only_folder_stops_the_run_before_any_job(fresh, mounted, name):
    make_read_only(mounted(fresh / name))
    done = tiny(fresh, VOLUME)
    assert done.returncode
    assert said(done.stdout, f"the disk of {fresh / name} is read-only"), done.stdout
    assert "Finished job" not in done.stdout and "steps" not in done.stdout
    assert "Nothing to be done" not in tiny(fresh, "-n", VOLUME).stdout  # no lock is left


def test_a_run_that_does_not_fit_is_refused_and_one_that_does_is_not(fresh, mounted):
    mounted(fresh / "results", "size=8m")
    changes = {"volume": {"shape": 128, "voxel_mm": 0.7}}
    done = tiny(fresh, VOLUME, **changes)
    assert done.returncode and said(done.stdout, "the run needs about"), done.stdout
    assert list((fresh / "results").iterdir()) == []
    assert not tiny(fresh, "-n", VOLUME, **changes).returncode
    assert not tiny(fresh, VOLUME).returncode


def test_a_disk_that_gets_full_is_told_by_the_job(fresh, mounted):
    results = mounted(fresh / "results", "size=1m")
    done = tiny(fresh, VOLUME, "--no-hooks", volume={"shape": 128, "voxel_mm": 0.7})
    assert done.returncode
    words = "phantom: patient phantom-001: no space left on the disk of results/"
    assert said(done.stdout, words), done.stdout
    left = [path for path in results.rglob("*") if path.is_file()]
    assert not [path for path in left if path.suffix in {".dcm", ".nii", ".gz", ".vtp"}]


def test_a_read_only_working_folder_is_told_in_one_sentence(fresh, mounted, tmp_path):
    folder = mounted("copy", "size=32m")
    assert not mounting("cp", "-r", f"{fresh}/.", str(folder)).returncode
    (folder / "changes.yaml").write_text("{}")
    make_read_only(folder)
    done = snakemake(folder, VOLUME, *TINY_ARGUMENTS, "changes.yaml")
    assert done.returncode
    assert said(done.stdout, f"the disk of {folder} is read-only"), done.stdout
