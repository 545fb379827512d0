"""Files that are whole or not there, and what volumes lose on the way: next to nothing."""

import pickle

import nibabel as nib
import numpy as np
import pytest
import torch
from angiovox import files
from angiovox.geometry import isotropic_affine

SHAPE = (5, 6, 7)
OBLIQUE = np.array(
    [[-0.5, 0.1, 0, 20], [0.1, -0.5, 0.05, -3.25], [0, 0.05, 0.7, 801], [0, 0, 0, 1]]
)


def random_fractions(shape=SHAPE, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.csv", "a.tar.gz", "no-suffix", ".hidden"])
def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path, name):
    path = tmp_path / "deeper" / name
    with files.whole_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent
        assert temporary.name != path.name
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


def test_the_temporary_file_keeps_the_ending_that_writers_look_at(tmp_path):
    for name, ending in [("a.nii.gz", ".nii.gz"), ("a.nii", ".nii"), ("p.sum.nii", ".nii")]:
        with files.whole_file(tmp_path / name) as temporary:
            assert temporary.name.endswith(ending)
            temporary.touch()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.nii.gz"
    path.write_text("old")
    with pytest.raises(error), files.whole_file(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_before_anything_is_written_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), files.whole_file(tmp_path / "a"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    "affine", [isotropic_affine(SHAPE, 0.3), OBLIQUE], ids=["cubic", "oblique"]
)
def test_a_volume_and_its_affine_come_back(tmp_path, name, affine):
    volume = np.random.default_rng(0).normal(0, 500, SHAPE).astype(np.float32)
    files.save_volume(tmp_path / name, volume, affine)
    result, placed = files.load_volume(tmp_path / name)
    np.testing.assert_array_equal(result, volume)
    assert result.dtype == np.float32
    np.testing.assert_allclose(placed, affine, atol=1e-6, rtol=1e-6)
    np.testing.assert_array_equal(files.load_affine(tmp_path / name), placed)


def test_a_viewer_finds_millimetres_and_the_patient_in_place(tmp_path):
    files.save_volume(tmp_path / "a.nii", np.zeros(SHAPE, np.float32), OBLIQUE)
    image = nib.load(tmp_path / "a.nii")
    assert image.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(image.get_sform(), OBLIQUE, atol=1e-5)
    assert image.get_sform(coded=True)[1] > 0


def test_a_mask_comes_back_as_bool(tmp_path):
    mask = random_fractions() < 0.3
    files.save_volume(tmp_path / "m.nii.gz", mask, np.eye(4))
    result = files.load_mask(tmp_path / "m.nii.gz")
    assert result.dtype == bool
    np.testing.assert_array_equal(result, mask)
    assert nib.load(tmp_path / "m.nii.gz").get_data_dtype() == np.uint8


def test_fractions_lose_at_most_half_a_step_of_sixteen_bits(tmp_path):
    volume = random_fractions((40, 40, 40))
    files.save_fractions(tmp_path / "f.nii", volume, OBLIQUE)
    result, placed = files.load_volume(tmp_path / "f.nii")
    rounding = np.finfo(np.float32).eps
    assert np.abs(result.astype(np.float64) - volume).max() <= 1 / 131_070 + rounding
    np.testing.assert_allclose(placed, OBLIQUE, atol=1e-5)
    assert nib.load(tmp_path / "f.nii").get_data_dtype() == np.uint16


def test_nothing_and_everything_come_back_exactly_and_stay_in_range(tmp_path):
    volume = np.linspace(0, 1, 65536, dtype=np.float32).reshape(16, 64, 64)
    files.save_fractions(tmp_path / "f.nii.gz", volume, np.eye(4))
    result, _ = files.load_volume(tmp_path / "f.nii.gz")
    assert result.min() == 0
    assert result.max() == 1
    assert (np.diff(result.ravel()) > 0).all()


def test_a_stored_probability_falls_on_the_same_side_of_one_half(tmp_path):
    half = np.float32(0.5)
    volume = np.array([half, np.nextafter(half, 0), np.nextafter(half, 1), 0.4, 0.6])
    volume = volume.astype(np.float32).reshape(1, 1, -1)
    files.save_fractions(tmp_path / "f.nii", volume, np.eye(4))
    result, _ = files.load_volume(tmp_path / "f.nii")
    np.testing.assert_array_equal(result >= 0.5, volume >= 0.5)


@pytest.mark.parametrize("value", [-1e-3, 1.001, np.nan, np.inf, -np.inf])
def test_what_is_no_fraction_is_refused_and_not_written(tmp_path, value):
    volume = random_fractions()
    volume[1, 2, 3] = value
    with pytest.raises(ValueError, match=r"expected \[0, 1\]"):
        files.save_fractions(tmp_path / "f.nii", volume, np.eye(4))
    assert not list(tmp_path.iterdir())


def test_a_model_comes_back(tmp_path):
    state = {"network": {"weight": torch.rand(3, 2)}, "threshold": 0.25, "note": "text"}
    files.save_model(tmp_path / "m.pt", state)
    result = files.load_model(tmp_path / "m.pt")
    assert torch.equal(result["network"]["weight"], state["network"]["weight"])
    assert {k: result[k] for k in ("threshold", "note")} == {"threshold": 0.25, "note": "text"}


class Trap:
    """Whoever unpickles this runs code."""

    sprung = False

    def __reduce__(self):
        return setattr, (Trap, "sprung", True)


def test_loading_a_model_runs_no_code(tmp_path):
    torch.save({"threshold": Trap()}, tmp_path / "m.pt")
    with pytest.raises(pickle.UnpicklingError):
        files.load_model(tmp_path / "m.pt")
    assert not Trap.sprung
    torch.load(tmp_path / "m.pt", weights_only=False)  # the trap works
    assert Trap.sprung
