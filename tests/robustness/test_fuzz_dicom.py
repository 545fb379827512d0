"""Damaged files end in a sentence or the right volume, and the fuzzer tells one from the other."""

import os
import signal
import time
import zlib

import fuzz_dicom
import numpy as np
import pytest
import scanners
from angiovox.errors import InputError
from angiovox.io import patient_source
from fuzz_dicom import CRASH, ELSEWHERE, MEMORY, OWN, REFUSED, SAME, WRONG

pytestmark = pytest.mark.thorough

CASES = {case.name: case for case in fuzz_dicom.CASES}


@pytest.fixture
def valid(tmp_path):
    return fuzz_dicom.Valid(CASES["coronal slices"], tmp_path / "case")


@pytest.fixture
def alone(tmp_path):
    return fuzz_dicom.Valid(CASES["Enhanced CT"], tmp_path / "case")


def told(valid, change, file=0):
    """What the fuzzer calls a volume that was changed."""
    volume, affine = valid.volume.copy(), valid.affine.copy()
    return fuzz_dicom.classify(valid, valid.files[file], lambda: change(volume, affine))[0]


def test_damaged_files_end_in_a_sentence_or_the_right_volume():
    numbers = range(len(fuzz_dicom.CASES) * len(fuzz_dicom.DAMAGES))  # each with each
    outcomes = list(fuzz_dicom.fuzz(11, numbers))
    assert [one.number for one in outcomes] == [*numbers]
    assert not [one for one in outcomes if one.what in fuzz_dicom.FAILED]
    assert {one.damage for one in outcomes} == {*fuzz_dicom.DAMAGES}
    assert sum(one.what == REFUSED for one in outcomes) > len(numbers) / 2


@pytest.mark.parametrize("damage", fuzz_dicom.DAMAGES.values(), ids=fuzz_dicom.DAMAGES)
def test_every_damage_changes_files_and_the_same_number_changes_them_alike(damage, valid):
    whole = valid.files[0].read_bytes()

    def damaged(seed):
        data = bytearray(whole)
        damage(data, np.random.default_rng(seed))
        return bytes(data)

    assert damaged(1) == damaged(1)
    assert sum(damaged(seed) != whole for seed in range(10)) > 5


def test_a_volume_that_is_read_as_before_is_the_same(valid):
    assert told(valid, lambda *read: read) == SAME


def test_planted_wrong_volumes_are_called_wrong(valid):
    def shifted(volume, affine):
        affine[2, 3] += 0.5
        return volume, affine

    assert told(valid, shifted) == WRONG
    assert told(valid, lambda volume, affine: (volume[:, ::-1], affine)) == WRONG
    assert told(valid, lambda volume, affine: (volume[:, 1:], affine)) == WRONG
    assert told(valid, lambda volume, affine: (volume.astype(float), affine)) == WRONG
    assert told(valid, lambda volume, affine: (volume * np.float32(np.nan), affine)) == WRONG


def test_only_the_damaged_slice_may_hold_other_values(valid):
    axis, own = valid.planes[valid.files[2]]

    def changed(plane):
        def change(volume, affine):
            np.moveaxis(volume, axis, 0)[plane] += 1
            return volume, affine

        return change

    assert told(valid, changed(own), file=2) == OWN
    assert {told(valid, changed(own), file=k) for k in (0, 1, 3, 4, 5)} == {WRONG}


@pytest.mark.parametrize(
    "name", ["sagittal slices", "gantry tilt of 15 degrees", "slices from above downwards, "
             "instance numbers too", "one slice missing in the middle, dicom.largest_gap 2"],
)  # fmt: skip
def test_the_planes_of_a_file_are_those_that_its_pixels_change(name, tmp_path):
    valid = fuzz_dicom.Valid(CASES[name], tmp_path / "case")
    for path in valid.files:
        whole = path.read_bytes()
        path.write_bytes(whole[:-100] + bytes(100))
        axis, own = valid.planes[path]
        differs = np.moveaxis(valid.read()[0] != valid.volume, axis, 0)
        assert differs[own].any()
        differs[own] = False
        assert not differs.any()
        path.write_bytes(whole)


def test_a_lone_file_may_say_another_place_and_not_what_is_no_number(alone):
    assert told(alone, lambda volume, affine: (volume, affine + 1)) == ELSEWHERE
    assert told(alone, lambda volume, affine: (volume[1:], affine)) == ELSEWHERE
    nowhere = np.full((4, 4), np.nan)
    assert told(alone, lambda volume, _: (volume, nowhere)) == WRONG


def raises(error):
    def read():
        raise error

    return read


@pytest.mark.parametrize(
    "error, what",
    [
        (InputError("IM0: cut short"), REFUSED),
        (InputError("IM0: two\nlines"), CRASH),
        (InputError("IM0: of Case^Of"), CRASH),
        (InputError("IM0: broken header (it asks for more memory than there is)"), MEMORY),
        (InputError("IM0: broken header (ValueError)"), CRASH),
        (ValueError("anything"), CRASH),
    ],
    ids=str,
)
def test_errors_are_told_apart(error, what, valid):
    assert fuzz_dicom.classify(valid, valid.files[0], raises(error))[0] == what


def test_a_process_that_dies_is_a_crash_and_the_next_case_goes_on(monkeypatch):
    monkeypatch.setattr(fuzz_dicom, "classify", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    outcomes = list(fuzz_dicom.fuzz(0, range(2)))
    assert [(one.number, one.what) for one in outcomes] == [(0, CRASH), (1, CRASH)]


def test_a_hang_is_slow(monkeypatch):
    monkeypatch.setattr(fuzz_dicom, "HANGS_S", 3)
    monkeypatch.setattr(fuzz_dicom, "classify", lambda *_: time.sleep(60))
    assert [one.what for one in fuzz_dicom.fuzz(0, range(1))] == [fuzz_dicom.SLOW]


# What the fuzzer found


def test_a_deflated_file_that_would_fill_the_memory_is_refused(tmp_path):
    scanners.deflated(tmp_path)
    path = tmp_path / "IM2"
    whole = path.read_bytes()
    meta = 144 + int.from_bytes(whole[140:144], "little")
    deflating = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = deflating.compress(zlib.decompress(whole[meta:], -zlib.MAX_WBITS))
    zeros = bytes(1 << 20)
    bomb += b"".join(deflating.compress(zeros) for _ in range(1025)) + deflating.flush()
    path.write_bytes(whole[:meta] + bomb)
    with pytest.raises(InputError, match="IM2: inflates to more than any image"):
        patient_source.find(tmp_path)


@pytest.mark.parametrize("size", [0, 100, 131])
def test_a_slice_cut_to_almost_nothing_is_missed(tmp_path, size):
    scanners.save(tmp_path, scanners.series())
    path = tmp_path / "IM0003"  # the first slice: no gap would show that it is missing
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InputError, match="IM0003: broken, named as the images are"):
        patient_source.find(tmp_path)


def test_fewer_columns_than_there_are_pixels_are_refused(tmp_path):
    whole = scanners.multi_frame(scanners.series(), scanners.uid.EnhancedCTImageStorage, "CT")
    whole.Columns -= 1
    scanners.save(tmp_path, [whole])
    with pytest.raises(InputError, match="IM0003: 15912 bytes of pixels declared and 16320 there"):
        patient_source.find(tmp_path)


def test_pixels_that_something_was_put_into_are_refused(tmp_path):
    scanners.save(tmp_path, scanners.series())
    path = tmp_path / "IM0010"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000] + b"something" + whole[-1000:])
    with pytest.raises(InputError, match="IM0010: broken, what follows its pixels"):
        patient_source.find(tmp_path)
    path.write_bytes(whole + bytes(300))  # as optical disks fill their blocks
    assert patient_source.find(tmp_path).shape == scanners.SHAPE[::-1]


@pytest.mark.parametrize("name", ["w.mha", "w.nrrd", "v.nii.gz"])
def test_compressed_voxels_that_were_changed_are_refused(tmp_path, name):
    fuzz_dicom.FILES[name](tmp_path)
    whole = (tmp_path / name).read_bytes()
    middle = len(whole) // 2
    (tmp_path / name).write_bytes(whole[:middle] + b"xx" + whole[middle + 2 :])
    with pytest.raises(InputError, match=name):
        patient_source.find(tmp_path / name).read()


def test_a_nifti_that_declares_more_than_it_has_is_refused_by_its_header(tmp_path):
    fuzz_dicom.FILES["v.nii"](tmp_path)
    whole = (tmp_path / "v.nii").read_bytes()
    (tmp_path / "v.nii").write_bytes(whole[:42] + b"\x00\x02\x00\x02\x00\x02" + whole[48:])
    with pytest.raises(InputError, match="268435456 bytes of voxels declared, and 16320 "):
        patient_source.find(tmp_path / "v.nii")


def test_a_slice_whose_series_and_size_are_damaged_is_missed(tmp_path):
    slices = scanners.series()
    slices[-1].SeriesInstanceUID, slices[-1].Columns = "1.2.8I.1", 39
    slices[-1].PixelData = slices[-1].PixelData[: 34 * 39 * 2]
    scanners.save(tmp_path, slices)
    with pytest.raises(InputError, match=r"IM0038: broken header \(SeriesInstanceUID"):
        patient_source.find(tmp_path)


def test_a_slice_whose_series_and_colours_are_damaged_is_missed(tmp_path):
    slices = scanners.series()
    slices[0].SeriesInstanceUID, slices[0].PhotometricInterpretation = "1.2.84.1", "MONOCHROM"
    scanners.save(tmp_path, slices)
    with pytest.raises(InputError, match="IM0003: by its place a slice of series 3"):
        patient_source.find(tmp_path)


def test_the_middle_of_three_slices_under_another_series_is_missed(tmp_path):
    slices = scanners.series()[:3]
    slices[1].SeriesInstanceUID = "1.2.84.1"
    scanners.save(tmp_path, slices)
    with pytest.raises(InputError, match="IM0010: by its place a slice of series 3"):
        patient_source.find(tmp_path)


def test_an_end_slice_without_place_and_series_is_missed(tmp_path):
    slices = scanners.series()
    slices[-1].SeriesInstanceUID = "1.2.84.1"
    del slices[-1].ImagePositionPatient, slices[-1].ImageOrientationPatient
    scanners.save(tmp_path, slices)
    with pytest.raises(InputError, match=r"IM0038: broken header \(no place"):
        patient_source.find(tmp_path)


def test_an_end_slice_without_preamble_and_of_no_known_kind_is_missed(tmp_path):
    scanners.without_preamble(tmp_path)
    path = max(tmp_path.iterdir())
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"1.2.840.10008.5", b"1.2.840.19008.5", 1)[:200])
    with pytest.raises(InputError, match="named as the images are, but is not DICOM"):
        patient_source.find(tmp_path)


def test_a_metaimage_whose_header_holds_zeros_is_called_broken(tmp_path):
    fuzz_dicom.FILES["v.mhd"](tmp_path)
    header = (tmp_path / "v.mhd").read_bytes()
    (tmp_path / "v.mhd").write_bytes(header.replace(b"v.raw", b"v.\0\0\0"))
    with pytest.raises(InputError, match=r"v\.mhd: broken header"):
        patient_source.find(tmp_path / "v.mhd")
