"""NIfTI, MetaImage and NRRD files in place of a DICOM folder."""

import re

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from angiovox.errors import InputError
from angiovox.io import patient_source, volume_files
from angiovox.io.dicom import writer
from image_files import SHAPE, oblique, volume, write

NAMES = ["v.nii", "v.nii.gz", "v.mha", "v.mhd", "v.nrrd", "v.nhdr"]


def world(affine, index):
    return (affine @ [*index, 1])[:3]


@pytest.mark.parametrize("name", NAMES)
def test_every_format_gives_the_same_volume_in_the_same_place(tmp_path, name):
    found = volume_files.find(write(tmp_path / name))
    read, affine = found.read()
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, volume())
    np.testing.assert_allclose(affine, oblique(), atol=1e-5)
    assert found.shape == SHAPE
    np.testing.assert_allclose(found.voxel_mm, [0.4, 0.5, 0.7], rtol=1e-5)


@pytest.mark.parametrize("name", ["v.nii", "v.mha", "v.nrrd"])
@pytest.mark.parametrize("axes", [(2, 0, 1), (1, 2, 0)])
def test_any_order_of_axes_comes_back_along_the_patients(tmp_path, name, axes):
    turned = volume().transpose(axes)[::-1]
    placed = oblique()[:, [*axes, 3]].copy()
    placed[:3, 3] += placed[:3, 0] * (turned.shape[0] - 1)
    placed[:3, 0] *= -1
    read, affine = volume_files.find(write(tmp_path / name, turned, placed)).read()
    np.testing.assert_array_equal(read, volume())
    np.testing.assert_allclose(affine, oblique(), atol=1e-5)


def test_it_is_what_the_same_volume_is_as_dicom(tmp_path):
    affine = np.diag([-0.5, -0.6, 0.9, 1.0])
    writer.write_series(volume().astype(np.float32), affine, tmp_path / "s", "anna")
    from_dicom, placed = patient_source.find(tmp_path / "s").read()
    from_file, there = patient_source.find(write(tmp_path / "v.nii.gz", affine=affine)).read()
    np.testing.assert_allclose(from_dicom, from_file, atol=0.05)
    np.testing.assert_allclose(placed, there, atol=1e-5)


def test_scaled_integers_and_other_units_are_followed(tmp_path):
    affine = np.diag([1e3, 1e3, 1e3, 1]) @ oblique()
    image = nib.Nifti1Image(volume(), affine)
    image.header.set_slope_inter(0.5, -3)
    image.header.set_xyzt_units("micron")
    nib.save(image, tmp_path / "v.nii")
    read, affine = volume_files.find(tmp_path / "v.nii").read()
    stored = np.asanyarray(nib.load(tmp_path / "v.nii").dataobj.get_unscaled())
    np.testing.assert_allclose(read, 0.5 * stored - 3)
    np.testing.assert_allclose(affine, oblique(), rtol=1e-5, atol=1e-5)


def test_a_fourth_axis_of_one_is_no_time(tmp_path):
    nib.save(nib.Nifti1Image(volume()[..., None], oblique()), tmp_path / "v.nii")
    assert volume_files.find(tmp_path / "v.nii").read()[0].shape == SHAPE


def save_nifti(path, array, affine=None, codes=(1, 1)):
    affine = oblique() if affine is None else affine
    image = nib.Nifti1Image(array, affine if any(codes) else None)
    image.header["sform_code"], image.header["qform_code"] = codes
    nib.save(image, path)


def cut(path):
    path.write_bytes(path.read_bytes()[:-60])


def vectors(path):
    array = np.zeros((4, 5, 6, 3), dtype=np.uint8)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array, isVector=True), str(path))


def without_space(path):
    write(path)
    header, data = path.read_bytes().split(b"\n\n", 1)
    lines = [line for line in header.split(b"\n") if not line.startswith(b"space")]
    path.write_bytes(b"\n".join([*lines, b"spacings: 1 1 1"]) + b"\n\n" + data)


def header(path, **fields):
    """Write a file with other fields in its header, or without those that are None."""
    text = write(path).read_bytes()
    equals, last = (b" = ", b"ElementDataFile") if path.suffix == ".mha" else (b": ", b"sizes")
    for name, value in fields.items():
        start = name.replace("_", " ").encode() + equals
        text = re.sub(rb"(?m)^" + start + rb".*\n", b"", text, count=1)
        if value is not None:
            text = text.replace(last, start + value.encode() + b"\n" + last, 1)
    path.write_bytes(text)


def two_places(path, turn):
    """A file whose qform says otherwise than its sform."""
    image = nib.Nifti1Image(volume(), oblique())
    image.set_sform(oblique(), 1)
    image.set_qform(oblique() @ turn, 1)
    nib.save(image, path)


def mirror():
    return np.diag([-1.0, 1.0, 1.0, 1.0])


REFUSED = {
    "four times": ("v.nii", lambda p: save_nifti(p, np.zeros((4, 4, 4, 2), "i2")), "no volume"),
    "a picture": ("v.nii", lambda p: save_nifti(p, np.zeros((4, 4, 1), "i2")), "no volume"),
    "no place": ("v.nii", lambda p: save_nifti(p, volume(), codes=(0, 0)), "how it lies"),
    "complex": ("v.nii", lambda p: save_nifti(p, volume() + 1j), "complex"),
    "NaN": (
        "v.nii",
        lambda p: save_nifti(p, np.full(SHAPE, np.nan, "f4")),
        "210 of 210 voxels are NaN",
    ),
    "too large voxels": (
        "v.nii",
        lambda p: save_nifti(p, volume(), np.diag([900.0, 1, 1, 1])),
        "voxels of 900 mm are impossible",
    ),
    "sheared": (
        "v.nii",
        lambda p: save_nifti(p, volume(), oblique() @ shear(), codes=(1, 0)),
        "right angles",
    ),
    "no NIfTI": ("v.nii", lambda p: p.write_bytes(b"once upon a time"), "broken"),
    "cut NIfTI": ("v.nii", lambda p: (save_nifti(p, volume()), cut(p)), "broken"),
    "cut and packed": ("v.nii.gz", lambda p: (save_nifti(p, volume()), cut(p)), "broken"),
    "cut MetaImage": ("v.mha", lambda p: (write(p), cut(p)), "broken"),
    "cut NRRD": ("v.nrrd", lambda p: (write(p), cut(p)), "broken"),
    "MetaImage without its voxels": (
        "v.mhd",
        lambda p: (write(p), p.with_suffix(".raw").unlink()),
        "broken",
    ),
    "two places": ("v.nii", lambda p: two_places(p, mirror()), "sform"),
    "NRRD in the scanner": ("v.nrrd", lambda p: header(p, space="scanner-xyz"), "not in the pat"),
    "NRRD in inches": ("v.nrrd", lambda p: header(p, space_units='"in" "in" "in"'), "units"),
    "NRRD without origin": ("v.nrrd", lambda p: header(p, space_origin=None), "no space origin"),
    "NRRD without directions": (
        "v.nrrd",
        lambda p: header(p, space_directions=None),
        "no space directions",
    ),
    "MetaImage in cm": ("v.mha", lambda p: header(p, DistanceUnits="cm"), "units"),
    "MetaImage of another slope": (
        "v.mha",
        lambda p: header(p, ElementToIntensityFunctionSlope="2"),
        "rescaled",
    ),
    "MetaImage of negative spacing": (
        "v.mha",
        lambda p: header(p, ElementSpacing="-0.5 0.5 0.5"),
        "broken header",
    ),
    "vectors": ("v.mha", vectors, "vectors"),
    "no space": ("v.nrrd", without_space, "how it lies"),
    "no MetaImage": ("v.mha", lambda p: p.write_bytes(b"once upon a time"), "broken"),
}


def shear():
    matrix = np.eye(4)
    matrix[0, 1] = 0.3
    return matrix


def test_a_qform_that_is_rounded_is_no_other_place(tmp_path):
    shift = np.eye(4)
    shift[:3, 3] = 0.1  # voxels
    two_places(tmp_path / "v.nii", shift)
    np.testing.assert_allclose(
        volume_files.find(tmp_path / "v.nii").affine, nib.load(tmp_path / "v.nii").get_sform()
    )


@pytest.mark.parametrize(
    ("space", "signs"), [("RAS", (1, 1)), ("left-anterior-superior", (-1, 1)), ("lps", (-1, -1))]
)
def test_every_anatomical_space_of_nrrd_is_followed(tmp_path, space, signs):
    path = tmp_path / "v.nrrd"
    header(path, space=space)
    to_ras = np.diag([*signs, 1, 1])
    read, affine = volume_files.find(path).read()
    (x, y, z) = np.unravel_index(np.argmax(read), read.shape)
    expected = np.unravel_index(np.argmax(volume()), SHAPE)
    in_file = np.diag([-1, -1, 1, 1]) @ oblique()  # written as LPS
    np.testing.assert_allclose(
        world(affine, (x, y, z)), world(to_ras @ in_file, expected), atol=1e-5
    )


@pytest.mark.parametrize(("name", "build", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_volume_is_refused_with_the_file(tmp_path, name, build, said):
    build(tmp_path / name)
    with pytest.raises(InputError) as refused:
        volume_files.find(tmp_path / name).read()
    message = str(refused.value)
    assert message.startswith(f"{name}: ")
    assert said in message
    assert "\n" not in message


def test_a_series_cannot_be_chosen_in_a_file(tmp_path):
    write(tmp_path / "v.nii")
    with pytest.raises(InputError, match=r"v.nii: .* no series 3"):
        patient_source.find(tmp_path / "v.nii", series="3")
    with pytest.raises(InputError, match="no DICOM series to refer to"):
        patient_source.find_series(tmp_path / "v.nii")
