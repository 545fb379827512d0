"""NIfTI files, beside nibabel's reading of the same ones."""

import gzip
import io

import nibabel as nib
import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.io import nifti_header, patient_source, volume_files
from image_files import SHAPE, oblique, stored, volume
from nibabel.orientations import apply_orientation, io_orientation, ornt_transform

CLASSES = [nib.Nifti1Image, nib.Nifti2Image]


def save(path, array=None, codes=(1, 1), kind=nib.Nifti1Image, affine=None, **fields):
    """A file with other fields in its header; `codes` are of sform and qform."""
    image = kind(volume() if array is None else array, oblique() if affine is None else affine)
    image.set_sform(image.affine, codes[0])
    image.set_qform(image.affine, codes[1])
    nib.save(image, path)
    return change(path, kind, **fields) if fields else path


def change(path, kind=nib.Nifti1Image, **fields):
    """Write fields into a file's header, whatever they say."""
    packed = path.suffix == ".gz"
    data = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    header = kind.header_class.from_fileobj(io.BytesIO(data))
    for name, value in fields.items():
        header[name] = value
    data = header.binaryblock + data[len(header.binaryblock) :]
    path.write_bytes(gzip.compress(data) if packed else data)
    return path


def refusal(path):
    with pytest.raises(InputError) as refused:
        patient_source.find(path).read()
    return str(refused.value)


def by_nibabel(path):
    """Values towards left, posterior and superior."""
    image = nib.load(path)
    turn = ornt_transform(io_orientation(image.affine), [[0, -1], [1, -1], [2, 1]])
    return apply_orientation(image.get_fdata(dtype=np.float32), turn)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("codes", [(1, 0), (0, 1), (2, 3)])
@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
def test_volume_and_place_are_those_of_nibabel(tmp_path, kind, codes, name):
    for mirror in (np.diag([1, 1, 1, 1]), np.diag([1, 1, -1, 1])):
        path = save(tmp_path / name, codes=codes, kind=kind, affine=oblique() @ mirror)
        found = volume_files.find(path)
        np.testing.assert_allclose(found.affine, nib.load(path).affine, atol=1e-5)
        np.testing.assert_array_equal(found.read()[0], by_nibabel(path))


@pytest.mark.parametrize("number", nifti_header.TYPES.values())
@pytest.mark.parametrize("order", "<>")
def test_every_type_in_both_orders_is_that_of_nibabel(tmp_path, number, order):
    array = volume().clip(0, 100).astype(order + number)
    header = nib.Nifti1Header(endianness=order)
    header.set_data_dtype(array.dtype)
    image = nib.Nifti1Image(array, oblique(), header)
    image.header.set_slope_inter(0.25, -7)
    nib.save(image, tmp_path / "v.nii")
    read = volume_files.find(tmp_path / "v.nii").read()[0]
    np.testing.assert_allclose(read, by_nibabel(tmp_path / "v.nii"), rtol=1e-6)


@pytest.mark.parametrize("slope", [0.0, np.nan, np.inf])
def test_a_slope_that_is_none_rescales_nothing(tmp_path, slope):
    path = save(tmp_path / "v.nii", scl_slope=slope, scl_inter=5)
    np.testing.assert_array_equal(volume_files.find(path).read()[0], volume())


# Sizes and places that a header says twice


@pytest.mark.parametrize("codes", [(1, 0), (1, 1)])
def test_two_sizes_of_voxels_are_refused_with_both(tmp_path, codes):
    path = save(tmp_path / "v.nii", codes=codes, pixdim=[1, 0.4, 0.5, 0.75, 1, 1, 1, 1])
    message = refusal(path)
    assert "0.4 x 0.5 x 0.7 mm by its sform" in message
    assert "0.4 x 0.5 x 0.75 mm by its pixdim" in message and "set pixdim" in message


def test_a_size_that_is_rounded_is_no_other(tmp_path):
    path = save(tmp_path / "v.nii", codes=(1, 0), pixdim=[1, 0.4, 0.5, 0.7035, 1, 1, 1, 1])
    np.testing.assert_allclose(volume_files.find(path).voxel_mm, [0.4, 0.5, 0.7], rtol=1e-6)


def test_sizes_are_the_qforms_where_it_alone_is_used(tmp_path):
    path = save(tmp_path / "v.nii", codes=(0, 1), pixdim=[-1, 0.4, 0.5, 0.75, 1, 1, 1, 1])
    np.testing.assert_allclose(volume_files.find(path).voxel_mm, [0.4, 0.5, 0.75], rtol=1e-6)


@pytest.mark.parametrize("size", [-0.5, 0.0])
def test_a_size_of_voxels_that_is_not_positive_places_nothing(tmp_path, size):
    path = save(tmp_path / "v.nii", codes=(0, 1), pixdim=[1, 0.4, size, 0.7, 1, 1, 1, 1])
    assert f"voxels of 0.4 x {size:g} x 0.7 mm by its pixdim" in refusal(path)


# Packed files


def test_files_of_a_few_bytes_are_read(tmp_path):
    array = np.zeros((88, 88, 44), np.uint8)
    array[40, 41, 20] = 1
    path = save(tmp_path / "v.nii.gz", array)
    data = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(data, 9))
    assert path.stat().st_size < 1000
    assert volume_files.find(path).read()[0].sum() == 1
    path.write_bytes(gzip.compress(data, 9)[:-1])
    assert "damaged or cut short" in refusal(path)


def test_parts_that_are_packed_one_by_one_are_one_file(tmp_path):
    path = save(tmp_path / "v.nii.gz")
    data = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(data[:400]) + gzip.compress(data[400:]))
    np.testing.assert_array_equal(volume_files.find(path).read()[0], volume())


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
@pytest.mark.parametrize("change", [-2, -1, 1, 1000])
def test_other_lengths_than_declared_are_refused(tmp_path, name, change):
    path = save(tmp_path / name)
    packed = name.endswith("gz")
    data = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    data = data[:change] if change < 0 else data + bytes(change)
    path.write_bytes(gzip.compress(data) if packed else data)
    assert "declared" in refusal(path)


def test_voxels_may_begin_behind_extensions(tmp_path):
    image = nib.Nifti1Image(volume(), oblique())
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"words" * 500))
    for name in ("v.nii", "v.nii.gz"):
        nib.save(image, tmp_path / name)
        np.testing.assert_array_equal(volume_files.find(tmp_path / name).read()[0], volume())


# What is no NIfTI volume in one file


def in_two_files(path):
    nib.save(nib.Nifti1Pair(volume(), oblique()), path.with_suffix(".img"))
    path.with_suffix(".hdr").rename(path)


def analyze(path):
    nib.save(nib.AnalyzeImage(volume(), np.eye(4)), path.with_suffix(".img"))
    path.with_suffix(".hdr").rename(path)


def cifti(path):
    axes = [nib.cifti2.ScalarAxis(["a", "b"]), nib.cifti2.SeriesAxis(0, 1, 3)]
    nib.save(nib.Cifti2Image(np.zeros((2, 3), "f4"), axes), path)


def packed(path):
    path.write_bytes(gzip.compress(save(path).read_bytes()))


def not_packed(path):
    path.write_bytes(save(path.with_suffix("")).read_bytes())


def colours(path):
    array = np.zeros(SHAPE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(array, oblique()), path)


OTHERS = {
    "two files": ("v.nii", in_two_files, "in two files"),
    "Analyze": ("v.nii", analyze, "Analyze"),
    "CIFTI": ("v.nii", cifti, "CIFTI"),
    "packed": ("v.nii", packed, "call it .nii.gz"),
    "not packed": ("v.nii.gz", not_packed, "call it .nii"),
    "text": ("v.nii", lambda p: p.write_text("voxels\n" * 100), "no NIfTI header"),
    "text that is packed": (
        "v.nii.gz",
        lambda p: p.write_bytes(gzip.compress(b"voxels\n" * 100)),
        "no NIfTI header",
    ),
    "nothing": ("v.nii", lambda p: p.write_bytes(b""), "no NIfTI header"),
    "nothing that is packed": ("v.nii.gz", lambda p: p.write_bytes(b""), "not packed"),
    "noise": ("v.nii", lambda p: p.write_bytes(stored()), "no NIfTI header"),
    "colours": ("v.nii", colours, "colours"),
    "hertz": ("v.nii", lambda p: save(p, xyzt_units=32 | 5), "unit"),
    "no axes": ("v.nii", lambda p: save(p, dim=[0, 5, 6, 7, 1, 1, 1, 1]), "dim"),
    "no voxels": ("v.nii", lambda p: save(p, dim=[3, 5, -6, 7, 1, 1, 1, 1]), "dim"),
    "no rotation": ("v.nii", lambda p: save(p, codes=(0, 1), quatern_b=2), "no rotation"),
    "no place": ("v.nii", lambda p: save(p, codes=(1, 0), srow_x=[np.nan] * 4), "sform"),
    "no intercept": ("v.nii", lambda p: save(p, scl_slope=2, scl_inter=np.inf), "scl_inter"),
    "voxels in the header": ("v.nii", lambda p: save(p, vox_offset=100), "vox_offset"),
    "voxels far behind": ("v.nii.gz", lambda p: save(p, vox_offset=1e12), "vox_offset"),
}


@pytest.mark.parametrize(("name", "build", "said"), OTHERS.values(), ids=OTHERS)
def test_what_is_no_volume_in_one_file_is_refused_in_words(tmp_path, name, build, said):
    build(tmp_path / name)
    message = refusal(tmp_path / name)
    assert message.startswith(f"{name}: ") and said in message
    assert "Error" not in message


@pytest.mark.parametrize("image", [nib.Nifti1Pair, nib.AnalyzeImage])
@pytest.mark.parametrize("name", ["v.hdr", "v.img"])
def test_either_file_of_two_says_what_to_save(tmp_path, image, name):
    nib.save(image(volume(), np.eye(4)), tmp_path / "v.img")
    for look in (patient_source.find, patient_source.check):
        with pytest.raises(InputError, match=r"in two files .* save it as one \.nii"):
            look(tmp_path / name)
