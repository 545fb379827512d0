"""Files that are whole or not there, and what volumes lose on the way: next to nothing."""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from angiovox.errors import CorruptFileError, InputError
from angiovox.geometry.affine import isotropic_affine
from angiovox.io import atomic, model_files, nifti
from angiovox.io.quantization import QuantizedVolume
from conftest import ROOT

SHAPE = (5, 6, 7)
OBLIQUE = np.array(
    [[-0.5, 0.1, 0, 20], [0.1, -0.5, 0.05, -3.25], [0, 0.05, 0.7, 801], [0, 0, 0, 1]]
)


def random_fractions(shape=SHAPE, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.csv", "a.tar.gz", "no-suffix", ".hidden"])
def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path, name):
    path = tmp_path / "deeper" / name
    with atomic.atomic_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent
        assert temporary.name != path.name
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


def test_the_temporary_file_keeps_the_ending_that_writers_look_at(tmp_path):
    for name, ending in [("a.nii.gz", ".nii.gz"), ("a.nii", ".nii"), ("p.sum.nii", ".nii")]:
        with atomic.atomic_file(tmp_path / name) as temporary:
            assert temporary.name.endswith(ending)
            temporary.touch()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.nii.gz"
    path.write_text("old")
    with pytest.raises(error), atomic.atomic_file(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_before_anything_is_written_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), atomic.atomic_file(tmp_path / "a"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


# Writers that are killed


def killed_while_writing(path: Path, kind: str) -> None:
    """Another process is killed by SIGKILL in the middle of a `atomic_file` or `atomic_folder`."""
    program = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT / "workflow/scripts")!r})
from angiovox.io import atomic
with atomic.{kind}({str(path)!r}) as temporary:
    inside = temporary / "slice" if temporary.is_dir() else temporary
    inside.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == -signal.SIGKILL


@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("kind", ["atomic_file", "atomic_folder"])
def test_a_killed_writer_leaves_the_name_as_it_was_and_the_next_one_clears_up(
    tmp_path, kind, before
):
    path = tmp_path / "a.nii.gz"
    if before:
        path.write_text(before)
    killed_while_writing(path, kind)
    assert (path.read_text() if path.exists() else None) == before
    assert len(list(tmp_path.iterdir())) == 1 + bool(before)  # the writer was in the middle
    with atomic.atomic_file(path) as temporary:
        assert list(tmp_path.iterdir()) == ([path] if before else [])
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("other", [".a.nii.gz.1.part.nii.gz", ".b.nii.1.part.nii", "a.nii.1.part"])
def test_what_is_no_leftover_of_this_file_is_kept(tmp_path, other):
    (tmp_path / other).write_text("of another writer")
    with atomic.atomic_file(tmp_path / "a.nii") as temporary:
        temporary.touch()
    assert {path.name for path in tmp_path.iterdir()} == {other, "a.nii"}


@pytest.mark.parametrize("kind", ["atomic_file", "atomic_folder"])
def test_contents_reach_the_disk_before_the_name_and_the_name_before_the_end(
    tmp_path, monkeypatch, kind
):
    """Otherwise a power cut could leave an empty file under the final name."""
    done, flush, rename = [], os.fsync, os.replace

    def fsync(descriptor):
        done.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        flush(descriptor)

    def replace(source, target):
        done.append(f"{source} -> {target}")
        rename(source, target)

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    monkeypatch.setattr(atomic.os, "replace", replace)
    path = tmp_path / "a"
    with getattr(atomic, kind)(path) as temporary:
        written = [temporary / "1", temporary] if kind == "atomic_folder" else [temporary]
        written[0].write_text("all")
    assert done == [*map(str, written), f"{temporary} -> {path}", str(tmp_path)]


def test_a_folder_that_cannot_be_flushed_does_no_harm_and_a_file_does(tmp_path, monkeypatch):
    def fsync(descriptor):
        if Path(os.readlink(f"/proc/self/fd/{descriptor}")).is_dir() or broken:
            raise OSError

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    for broken in (False, True):
        path = tmp_path / f"{broken}"
        try:
            with atomic.atomic_file(path) as temporary:
                temporary.write_text("all")
        except OSError:
            assert broken
        assert path.exists() != broken


@pytest.mark.parametrize("before", [[], ["old"], None], ids=["empty", "full", "none"])
def test_a_folder_appears_only_when_it_is_whole(tmp_path, before):
    path = tmp_path / "deeper" / "series"
    if before is not None:
        path.mkdir(parents=True)
        for name in before:
            (path / name).touch()
    with atomic.atomic_folder(path) as temporary:
        (temporary / "1").write_text("1")
        assert ([p.name for p in path.iterdir()] if path.exists() else None) == before
        (temporary / "2").write_text("2")
    assert sorted(p.name for p in path.iterdir()) == ["1", "2"]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_folder_and_nothing_else(tmp_path, error):
    path = tmp_path / "series"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(error), atomic.atomic_folder(path) as temporary:
        (temporary / "new").touch()
        raise error
    assert list(tmp_path.rglob("*")) == [path, path / "old"]


# Volumes


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    "affine", [isotropic_affine(SHAPE, 0.3), OBLIQUE], ids=["cubic", "oblique"]
)
def test_a_volume_and_its_affine_come_back(tmp_path, name, affine):
    volume = np.random.default_rng(0).normal(0, 500, SHAPE).astype(np.float32)
    nifti.save_volume(tmp_path / name, volume, affine)
    result, placed = nifti.load_volume(tmp_path / name)
    np.testing.assert_array_equal(result, volume)
    assert result.dtype == np.float32
    np.testing.assert_allclose(placed, affine, atol=1e-6, rtol=1e-6)
    np.testing.assert_array_equal(nifti.load_affine(tmp_path / name), placed)


def test_a_viewer_finds_millimetres_and_the_patient_in_place(tmp_path):
    nifti.save_volume(tmp_path / "a.nii", np.zeros(SHAPE, np.float32), OBLIQUE)
    image = nib.load(tmp_path / "a.nii")
    assert image.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(image.get_sform(), OBLIQUE, atol=1e-5)
    assert image.get_sform(coded=True)[1] > 0


def test_a_mask_comes_back_as_bool(tmp_path):
    mask = random_fractions() < 0.3
    nifti.save_volume(tmp_path / "m.nii.gz", mask, np.eye(4))
    result = nifti.load_mask(tmp_path / "m.nii.gz")
    assert result.dtype == bool
    np.testing.assert_array_equal(result, mask)
    assert nib.load(tmp_path / "m.nii.gz").get_data_dtype() == np.uint8


def test_fractions_lose_at_most_half_a_step_of_sixteen_bits(tmp_path):
    volume = random_fractions((40, 40, 40))
    nifti.save_fractions(tmp_path / "f.nii", volume, OBLIQUE)
    result, placed = nifti.load_volume(tmp_path / "f.nii")
    rounding = np.finfo(np.float32).eps
    assert np.abs(result.astype(np.float64) - volume).max() <= 1 / 131_070 + rounding
    np.testing.assert_allclose(placed, OBLIQUE, atol=1e-5)
    assert nib.load(tmp_path / "f.nii").get_data_dtype() == np.uint16


def test_nothing_and_everything_come_back_exactly_and_stay_in_range(tmp_path):
    volume = np.linspace(0, 1, 65536, dtype=np.float32).reshape(16, 64, 64)
    nifti.save_fractions(tmp_path / "f.nii.gz", volume, np.eye(4))
    result, _ = nifti.load_volume(tmp_path / "f.nii.gz")
    assert result.min() == 0
    assert result.max() == 1
    assert (np.diff(result.ravel()) > 0).all()


def test_a_stored_probability_falls_on_the_same_side_of_one_half(tmp_path):
    half = np.float32(0.5)
    volume = np.array([half, np.nextafter(half, 0), np.nextafter(half, 1), 0.4, 0.6])
    volume = volume.astype(np.float32).reshape(1, 1, -1)
    nifti.save_fractions(tmp_path / "f.nii", volume, np.eye(4))
    result, _ = nifti.load_volume(tmp_path / "f.nii")
    np.testing.assert_array_equal(result >= 0.5, volume >= 0.5)


@pytest.mark.parametrize("value", [-1e-3, 1.001, np.nan, np.inf, -np.inf])
def test_what_is_no_fraction_is_refused_and_not_written(tmp_path, value):
    volume = random_fractions()
    volume[1, 2, 3] = value
    with pytest.raises(ValueError, match=r"expected \[0, 1\]"):
        nifti.save_fractions(tmp_path / "f.nii", volume, np.eye(4))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("order", [[0, 2, 4], [4, 0, 2]])
def test_slabs_of_codes_make_the_same_file_as_all_at_once(tmp_path, order):
    codes = np.random.default_rng(0).integers(0, 65536, (4, 5, 6)).astype(np.uint16)
    affine = isotropic_affine(codes.shape, 0.6)
    nifti.save_quantized(tmp_path / "once.nii", QuantizedVolume(codes), affine)
    with nifti.quantized_slab_writer(tmp_path / "slabs.nii", codes.shape, affine) as write:
        for start in order:
            write(start, np.ascontiguousarray(codes[:, :, start : start + 2].T))
        assert not (tmp_path / "slabs.nii").exists()
    assert (tmp_path / "slabs.nii").read_bytes() == (tmp_path / "once.nii").read_bytes()


def test_volumes_with_a_path_are_written_and_no_others(tmp_path):
    codes = np.random.default_rng(0).integers(0, 65536, (3, 6, 5, 4)).astype(np.uint16)
    paths = [tmp_path / "first.nii", None, tmp_path / "third.nii"]
    with nifti.slab_writers(paths, (4, 5, 6), np.eye(4)) as write:
        for start in (4, 0):
            write(start, np.ascontiguousarray(codes[:, start : start + 4]))
    assert sorted(tmp_path.iterdir()) == [paths[0], paths[2]]
    for path, volume in zip(paths, codes, strict=True):
        if path:
            np.testing.assert_array_equal(nifti.load_quantized(path)[0].codes, volume.T)


def test_an_error_between_slabs_of_volumes_leaves_none(tmp_path):
    paths = [tmp_path / "first.nii", tmp_path / "second.nii"]
    with (
        pytest.raises(OSError, match="disk full"),
        nifti.slab_writers(paths, (4, 5, 6), np.eye(4)) as write,
    ):
        write(0, np.zeros((2, 6, 5, 4), np.uint16))
        raise OSError("disk full")
    assert not list(tmp_path.iterdir())


def test_an_error_between_slabs_leaves_nothing(tmp_path):
    affine = isotropic_affine((4, 5, 6), 0.6)
    with (
        pytest.raises(OSError, match="disk full"),
        nifti.quantized_slab_writer(tmp_path / "slabs.nii", (4, 5, 6), affine) as write,
    ):
        write(0, np.zeros((2, 5, 4), np.uint16))
        raise OSError("disk full")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("starts", [[0, 2], [0, 2, 2], [2, 4], []])
def test_a_volume_with_missing_levels_is_no_file(tmp_path, starts):
    with (
        pytest.raises(ValueError, match="of 6 were written"),
        nifti.quantized_slab_writer(tmp_path / "slabs.nii", (4, 5, 6), np.eye(4)) as write,
    ):
        for start in starts:
            write(start, np.zeros((2, 5, 4), np.uint16))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("slab", [np.zeros((2, 5, 4)), np.zeros((2, 4, 5), np.uint16)])
def test_a_slab_of_another_kind_is_refused(tmp_path, slab):
    with (
        pytest.raises(ValueError, match="a slab of"),
        nifti.quantized_slab_writer(tmp_path / "slabs.nii", (4, 5, 6), np.eye(4)) as write,
    ):
        write(0, slab)
    assert not list(tmp_path.iterdir())


def test_a_model_comes_back(tmp_path):
    state = {"network": {"weight": torch.rand(3, 2)}, "threshold": 0.25, "note": "text"}
    model_files.save_model(tmp_path / "m.pt", state)
    result = model_files.load_model(tmp_path / "m.pt")
    assert torch.equal(result["network"]["weight"], state["network"]["weight"])
    assert {k: result[k] for k in ("threshold", "note")} == {"threshold": 0.25, "note": "text"}


@pytest.mark.parametrize(
    "state",
    [
        {"threshold": 0.1 + 0.2},
        {"support": {2: 0.5, 90: 0.25}},
        {"shape": (3, 2), "note": "ü"},
        {"worst": float("inf")},
        {},
    ],
    ids=str,
)
def test_a_model_without_tensors_comes_back_as_it_was(tmp_path, state):
    model_files.save_model(tmp_path / "m.pt", state)
    result = model_files.load_model(tmp_path / "m.pt")
    assert result == state
    assert [*map(type, result.values())] == [*map(type, state.values())]


def test_a_threshold_is_written_and_read_without_torch(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from angiovox.io import model_files\n"
        "model_files.save_model(sys.argv[2], {'threshold': 0.5})\n"
        "assert model_files.load_model(sys.argv[2]) == {'threshold': 0.5}\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code, ROOT / "workflow/scripts", tmp_path / "m.pt"]
        ).returncode
        == 0
    )


def test_a_model_opens_without_this_package(tmp_path):
    model_files.save_model(tmp_path / "m.pt", {"weight": torch.ones(3)})
    plain = torch.load(tmp_path / "m.pt", weights_only=True)
    assert torch.equal(plain["weight"], torch.ones(3))


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for name in ("a.pt", "b.pt"):
        model_files.save_model(tmp_path / name, {"weight": torch.ones(3)})
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def whole_model(folder: Path) -> tuple[Path, bytes]:
    path = folder / "m.pt"
    model_files.save_model(path, {"weight": torch.rand(64)})
    return path, path.read_bytes()


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.9, 0.99, "seal", "byte"])
def test_a_model_cut_short_is_noticed_and_named(tmp_path, kept):
    path, whole = whole_model(tmp_path)
    length = {"seal": len(whole) - model_files.SEAL_BYTES, "byte": len(whole) - 1}
    path.write_bytes(whole[: length[kept] if kept in length else int(kept * len(whole))])
    with pytest.raises(CorruptFileError, match=r"m\.pt: cut short or altered"):
        model_files.load_model(path)


@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.97, 1.0])
def test_a_flipped_bit_of_a_model_is_noticed(tmp_path, place):
    path, whole = whole_model(tmp_path)
    index = int(place * (len(whole) - 1))
    path.write_bytes(whole[:index] + bytes([whole[index] ^ 1]) + whole[index + 1 :])
    with pytest.raises(CorruptFileError):
        model_files.load_model(path)


def test_a_model_with_more_after_its_end_is_noticed(tmp_path):
    path, whole = whole_model(tmp_path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(CorruptFileError):
        model_files.load_model(path)


def test_a_torn_model_is_bad_input_so_that_a_job_says_it_in_one_line():
    assert issubclass(CorruptFileError, InputError)


class Trap:
    """Whoever unpickles this runs code."""

    sprung = False

    def __reduce__(self):
        return setattr, (Trap, "sprung", True)


def test_loading_a_model_runs_no_code(tmp_path):
    model_files.save_model(tmp_path / "m.pt", {"threshold": Trap()})
    with pytest.raises(pickle.UnpicklingError):
        model_files.load_model(tmp_path / "m.pt")
    assert not Trap.sprung
    torch.load(tmp_path / "m.pt", weights_only=False)  # the trap works
    assert Trap.sprung
