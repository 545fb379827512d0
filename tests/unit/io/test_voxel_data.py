"""Voxels of files: no more memory than what is declared takes, whatever a file unpacks to."""

import gzip
import tracemalloc
import zlib

import nibabel as nib
import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.io import patient_source, voxel_data
from image_files import stored, volume, write_metaimage, write_nrrd

BOMB = 256 << 20  # bytes that a few hundred thousand unpack to
SPARE = 8 << 20  # bytes that reading the tests' small volumes may take


def nifti(path, data, **fields):
    """A packed file of that header and these bytes behind it."""
    image = nib.Nifti1Image(volume(), np.diag([0.5, 0.8, 0.7, 1]))
    image.header["vox_offset"] = 352
    for name, value in fields.items():
        image.header[name] = value
    path.write_bytes(gzip.compress(image.header.binaryblock + bytes(4) + data, 1))
    return path


def refused_within(path, megabytes=SPARE):
    """The refusal of a file, and that it took no memory."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as refused:
            patient_source.find(path).read()
        assert tracemalloc.get_traced_memory()[1] < megabytes
    finally:
        tracemalloc.stop()
    return str(refused.value)


def test_what_unpacks_to_far_more_than_declared_is_left_at_once(tmp_path):
    data = stored() + bytes(BOMB)
    files = [
        write_nrrd(tmp_path / "v.nrrd", gzip.compress(data, 1), encoding="gzip"),
        write_metaimage(tmp_path / "v.mha", zlib.compress(data, 1), CompressedData="True"),
        nifti(tmp_path / "v.nii.gz", data),
    ]
    for path in files:
        assert path.stat().st_size < BOMB / 200
        assert "more voxels in the file than declared" in refused_within(path)


LARGE = "1000 1000 2000"  # of 8 bytes: 16 GB


def test_declared_voxels_that_a_file_cannot_hold_take_no_memory(tmp_path):
    packed = gzip.compress(stored())
    files = [
        write_nrrd(tmp_path / "v.nrrd", sizes=LARGE, type="double"),
        write_nrrd(tmp_path / "w.nrrd", packed, sizes=LARGE, type="double", encoding="gzip"),
        write_nrrd(tmp_path / "x.nrrd", sizes="9" * 20 + " 9 9"),
        write_metaimage(tmp_path / "v.mha", DimSize=LARGE, ElementType="MET_DOUBLE"),
        write_metaimage(tmp_path / "w.mha", packed, DimSize=LARGE, CompressedData="True"),
        nifti(tmp_path / "v.nii.gz", b"", dim=[3, 1000, 1000, 2000, 1, 1, 1, 1]),
    ]
    for path in files:
        assert "bytes" in refused_within(path) and path.stat().st_size < 8000


def test_more_voxels_than_any_scanners_are_refused_in_every_format(tmp_path):
    zeros = 1291**3  # as a sparse file, which takes no disk
    for path in [
        write_nrrd(tmp_path / "v.nrrd", b"", sizes="1291 1291 1291", type="uchar"),
        write_metaimage(tmp_path / "v.mha", b"", DimSize="1291 1291 1291", ElementType="MET_UCHAR"),
    ]:
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size + zeros)
        assert "more than any scanner's volume" in refused_within(path)
    header = nib.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape((1291, 1291, 1291))
    header.set_sform(np.eye(4), 1)
    header["vox_offset"] = 352
    path = tmp_path / "v.nii"
    path.write_bytes(header.binaryblock + bytes(4))
    with path.open("r+b") as file:
        file.truncate(352 + zeros)
    assert "more than any scanner's volume" in refused_within(path)


@pytest.mark.parametrize("chunk", [1, 3, 64, 420, 421])
def test_where_chunks_end_changes_nothing(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(voxel_data, "CHUNK", chunk)
    for path in [
        write_nrrd(tmp_path / "v.nrrd"),
        write_nrrd(tmp_path / "w.nrrd", gzip.compress(b"skip" + stored()), encoding="gz",
                   byte_skip="4"),
        write_metaimage(tmp_path / "v.mha", zlib.compress(stored()), CompressedData="True"),
    ]:  # fmt: skip
        np.testing.assert_array_equal(patient_source.find(path).read()[0], volume())


@pytest.mark.parametrize("cut", [1, 4, 5, 50])
def test_packed_voxels_are_whole_to_their_checksum(tmp_path, cut):
    packed = zlib.compress(stored())
    path = write_metaimage(tmp_path / "v.mha", packed[:-cut], CompressedData="True")
    assert "damaged or cut short" in refused_within(path)
    flipped = bytearray(packed)
    flipped[-cut] ^= 4
    path = write_metaimage(tmp_path / "v.mha", bytes(flipped), CompressedData="True")
    assert "broken" in refused_within(path)


def test_values_beyond_single_precision_are_refused(tmp_path):
    array = volume().astype("<f8")
    array[2, 3, 4] = 1e300
    path = write_nrrd(tmp_path / "v.nrrd", array.tobytes(order="F"), type="double")
    assert "1 of 210 voxels are NaN or infinite" in refused_within(path)
