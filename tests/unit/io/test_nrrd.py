"""NRRD files, beside SimpleITK's reading of the same ones."""

import gzip

import numpy as np
import pytest
import SimpleITK
from angiovox.errors import InputError
from angiovox.io import nrrd, volume_files
from image_files import IN_BOTH, stored, volume, write_nrrd

SYNONYMS = [(name, number) for number, names in nrrd.TYPES.items() for name in names]


def read(path):
    return volume_files.find(path).read()


def check_same(path, expected=None):
    """That a file reads as the volume in its place, and as SimpleITK reads it."""
    voxels, affine = read(path)
    expected = volume() if expected is None else expected
    np.testing.assert_array_equal(voxels, expected.astype(np.float32))
    np.testing.assert_allclose(affine, IN_BOTH)
    image = SimpleITK.ReadImage(str(path), SimpleITK.sitkFloat32)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image).T, voxels)
    np.testing.assert_allclose(image.GetSpacing(), [0.5, 0.8, 0.7])
    np.testing.assert_allclose(image.GetOrigin(), [-10, -20, 30])


def refusal(path):
    with pytest.raises(InputError) as refused:
        read(path)
    return str(refused.value)


@pytest.mark.parametrize(("name", "number"), SYNONYMS)
@pytest.mark.parametrize("order", ["little", "big"])
def test_every_type_in_both_orders_is_read(tmp_path, name, number, order):
    array = volume().clip(0, 100) if number.endswith("1") else np.abs(volume())
    data = array.astype((">" if order == "big" else "<") + number).tobytes(order="F")
    check_same(write_nrrd(tmp_path / "v.nrrd", data, type=name.title(), endian=order), array)


@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["raw", "RAW", "gzip", "gz"])
def test_data_are_read_behind_the_header_and_beside_it(tmp_path, detached, end, encoding):
    data = gzip.compress(stored()) if encoding.startswith("g") else stored()
    named = {}
    if detached:
        (tmp_path / "my voxels.bin").write_bytes(data)
        named, data = {"data_file": "my voxels.bin"}, b""
    check_same(write_nrrd(tmp_path / "v.nhdr", data, end, encoding=encoding, **named))


@pytest.mark.parametrize(("packed", "encoding"), [(False, "raw"), (True, "gzip")])
def test_lines_are_skipped_as_stored_and_bytes_as_unpacked(tmp_path, packed, encoding):
    data = b"seven!!" + stored()
    data = b"skip\nme\n" + (gzip.compress(data) if packed else data)
    skips = {"line_skip": "2", "byte_skip": "7"}
    check_same(write_nrrd(tmp_path / "v.nrrd", data, encoding=encoding, **skips))
    (tmp_path / "x").write_bytes(data)
    named = {"datafile": "x", "lineskip": "2", "byteskip": "7"}
    check_same(write_nrrd(tmp_path / "w.nhdr", b"", encoding=encoding, **named))


def test_a_byte_skip_of_minus_one_takes_the_last_bytes(tmp_path):
    (tmp_path / "x").write_bytes(b"any number of bytes" + stored())
    check_same(write_nrrd(tmp_path / "v.nhdr", b"", data_file="x", byte_skip="-1"))
    path = write_nrrd(tmp_path / "w.nrrd", gzip.compress(stored()), encoding="gz", byte_skip="-1")
    assert "for raw voxels alone" in refusal(path)
    short = write_nrrd(tmp_path / "u.nrrd", stored()[:-1], byte_skip="-1")
    assert "420 bytes of voxels declared, and 419 in the file" in refusal(short)


def test_what_does_not_concern_the_voxels_is_passed_over(tmp_path):
    lines = ["# sizes: 1 1 1", "note:=Größe: 3,5", "sizes:=2 2 2", "content: Übersicht"]
    measured = {"measurement_frame": "(1,0,0) (0,1,0) (0,0,1)"}
    units = {"space_units": '"mm" "mm" "mm"', "centers": "cell cell cell"}
    check_same(write_nrrd(tmp_path / "v.nrrd", lines=lines, **measured, **units))


def test_a_last_axis_of_one_entry_is_no_list(tmp_path):
    fourth = {
        "dimension": "4",
        "sizes": "5 6 7 1",
        "space_directions": "(0.5,0,0) (0,0.8,0) (0,0,0.7) none",
        "kinds": "domain domain domain list",
    }
    voxels, affine = read(write_nrrd(tmp_path / "v.nrrd", **fourth))
    np.testing.assert_array_equal(voxels, volume())
    np.testing.assert_allclose(affine, IN_BOTH)


def test_a_header_onto_a_nifti_needs_the_bytes_to_skip(tmp_path):
    for name, pack in [("x.nii", bytes), ("x.nii.gz", gzip.compress)]:
        (tmp_path / name).write_bytes(pack(bytes(352) + stored()))
        kind = {"data_file": name, "encoding": "gzip" if name.endswith("gz") else "raw"}
        message = refusal(write_nrrd(tmp_path / "v.nhdr", b"", **kind))
        assert "declared" in message and "broken" in message
        check_same(write_nrrd(tmp_path / "v.nhdr", b"", byte_skip="352", **kind))


LIST = {"sizes": "5 6 7 2", "dimension": "4"}
REFUSED = {
    "text": ({"encoding": "ascii"}, "save it with encoding raw or gzip"),
    "hexadecimal": ({"encoding": "hex"}, "save it with encoding raw or gzip"),
    "bzip2": ({"encoding": "bzip2"}, "save it with encoding raw or gzip"),
    "four axes": (
        LIST
        | {
            "space_directions": "(1,0,0) (0,1,0) (0,0,1) none",
            "kinds": "domain domain domain list",
        },
        "in 4 axes",
    ),
    "colours first": (
        {"space_directions": "none (1,0,0) (0,1,0)", "kinds": "RGB-color domain domain"},
        "colours",
    ),
    "colours by their kind": ({"kinds": "vector domain domain"}, "vectors"),
    "an axis too many": ({"sizes": "5 6 7 1"}, "sizes is not 3 positive"),
    "no size": ({"sizes": "5 -6 7"}, "sizes is not 3 positive"),
    "half a voxel": ({"sizes": "5 6.5 7"}, "sizes is no whole number"),
    "no byte order": ({"endian": None}, "endian: little or big"),
    "a type of no numbers": ({"type": "block"}, "type"),
    "a decimal comma": ({"space_origin": "(-10,5,-20,30)"}, "decimal point"),
    "a decimal comma in a direction": (
        {"space_directions": "(0,5,0,0) (0,0.8,0) (0,0,0.7)"},
        "decimal point",
    ),
    "an infinite origin": ({"space_origin": "(inf,0,0)"}, "is not 3 numbers"),
    "other units without quotes": ({"space_units": "cm cm cm"}, "units"),
    "other spacings": ({"spacings": "0.5 0.8 0.9"}, "0.9 mm by its spacings, and of 0.7 mm"),
    "lines that lead back": ({"line_skip": "-1"}, "negative"),
    "more lines than there are": ({"line_skip": "10000"}, "fewer lines"),
    "a field that none is": ({"spacc": "lps"}, "no field of NRRD"),
    "a list of files": ({"data_file": "LIST"}, "in many files"),
    "a pattern of files": ({"data_file": "x%03d.raw 1 7 1"}, "in many files"),
}


@pytest.mark.parametrize(("fields", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_read_is_refused_in_words(tmp_path, fields, said):
    message = refusal(write_nrrd(tmp_path / "v.nrrd", **fields))
    assert message.startswith("v.nrrd: ") and said in message


@pytest.mark.parametrize("change", [-2, -1, 1, 2])
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_data_of_another_length_are_refused(tmp_path, change, encoding):
    data = stored()[:change] if change < 0 else stored() + bytes(change)
    data = gzip.compress(data) if encoding == "gzip" else data
    assert "declared" in refusal(write_nrrd(tmp_path / "v.nrrd", data, encoding=encoding))


def test_packed_data_are_read_to_their_checksum(tmp_path):
    packed = bytearray(gzip.compress(stored()))
    packed[-8] ^= 1
    assert "damaged" in refusal(write_nrrd(tmp_path / "v.nrrd", bytes(packed), encoding="gz"))


def test_a_field_that_is_there_twice_is_refused(tmp_path):
    path = write_nrrd(tmp_path / "v.nrrd", lines=["sizes: 7 6 5"])
    assert "the field sizes is there twice" in refusal(path)


def test_an_unknown_version_is_refused(tmp_path):
    path = write_nrrd(tmp_path / "v.nrrd")
    path.write_bytes(path.read_bytes().replace(b"NRRD0005", b"NRRD0009"))
    assert "version 1 to 5" in refusal(path)
