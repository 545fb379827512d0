"""DICOM series: geometry that survives any file order and orientation, and broken series named."""

import contextlib
import logging
import shutil
import subprocess
import warnings

import numpy as np
import pydicom
import pytest
import SimpleITK
from angiovox.errors import InputError
from angiovox.geometry.affine import LPS_TO_RAS, isotropic_affine
from angiovox.io.dicom import discovery, reader, writer
from angiovox.phantoms.acquisition import Settings, acquire
from highdicom.image import get_volume_from_series
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

SHAPE = (6, 5, 4)
VOXEL = 0.5  # mm
PLANTED = ["Hidden^Person", "SECRET-77", "19440606", "Planted Hospital", "DrNobody^Else"]


def random_volume(shape=SHAPE, seed=0):
    return np.random.default_rng(seed).normal(0, 300, shape).astype(np.float32)


def slope_of(folder):
    return float(pydicom.dcmread(next(folder.glob("*.dcm"))).RescaleSlope)


@pytest.fixture
def folder(tmp_path):
    """A sound series of `random_volume()`."""
    writer.write_series(random_volume(), isotropic_affine(SHAPE, VOXEL), tmp_path / "s", "anna")
    return tmp_path / "s"


def edit(path, **values):
    """Set header values of one file, or drop those that are None; keys are DICOM keywords."""
    dataset = pydicom.dcmread(path)
    for keyword, value in values.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)


def edit_all(folder, **values):
    for path in folder.rglob("*.dcm"):
        edit(path, **values)


def refusal(folder):
    with pytest.raises(InputError) as refused:
        reader.read_volume(folder)
    return str(refused.value)


# Round trips


@pytest.mark.parametrize("shape", [(6, 5, 4), (4, 5, 6), (3, 9, 2), (8, 8, 8)])
def test_a_written_series_comes_back(tmp_path, shape):
    volume, affine = random_volume(shape), isotropic_affine(shape, 0.4)
    writer.write_series(volume, affine, tmp_path, "anna")
    result, placed = reader.read_volume(tmp_path)
    assert result.dtype == np.float32
    assert result.shape == shape
    np.testing.assert_allclose(result, volume, atol=0.5 * slope_of(tmp_path) + 1e-4)
    np.testing.assert_allclose(placed, affine, atol=1e-6)


def test_voxels_that_are_no_cubes_and_an_origin_elsewhere_come_back(tmp_path):
    affine = np.diag([-0.3, -0.7, 1.1, 1.0])
    affine[:3, 3] = [12.5, -30.25, 801.0]
    writer.write_series(random_volume(), affine, tmp_path, "anna")
    np.testing.assert_allclose(reader.read_volume(tmp_path)[1], affine, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e5])
@pytest.mark.parametrize("offset", [-2048.0, 0.0, 3000.0])
def test_any_range_of_values_keeps_its_precision(tmp_path, scale, offset):
    volume = random_volume() * np.float32(scale) + np.float32(offset)
    writer.write_series(volume, isotropic_affine(SHAPE, VOXEL), tmp_path, "anna")
    result, _ = reader.read_volume(tmp_path)
    slope = slope_of(tmp_path)
    tolerance = 0.5 * slope + 1e-6 * np.abs(volume).max()
    np.testing.assert_allclose(result, volume, atol=tolerance, rtol=0)
    assert slope < 2 * (np.ptp(volume) + 1) / 65535 + 1e-6


def test_a_constant_volume_comes_back(tmp_path):
    volume = np.full(SHAPE, 40.0, dtype=np.float32)
    writer.write_series(volume, isotropic_affine(SHAPE, VOXEL), tmp_path, "anna")
    np.testing.assert_array_equal(reader.read_volume(tmp_path)[0], volume)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_not_written(tmp_path, value):
    volume = random_volume()
    volume[1, 2, 3] = value
    with pytest.raises(ValueError, match="finite"):
        writer.write_series(volume, isotropic_affine(SHAPE, VOXEL), tmp_path / "s", "anna")
    assert not list(tmp_path.rglob("*.dcm"))


def test_the_same_call_writes_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        affine = isotropic_affine(SHAPE, VOXEL)
        writer.write_series(random_volume(), affine, tmp_path / name, "anna")
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_other_patients_are_other_series(tmp_path):
    for name in ("anna", "ben"):
        writer.write_series(random_volume(), isotropic_affine(SHAPE, VOXEL), tmp_path / name, name)
    headers = [pydicom.dcmread(tmp_path / name / "slice-0001.dcm") for name in ("anna", "ben")]
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID"):
        assert headers[0][keyword].value != headers[1][keyword].value


# Phantoms, to the eyes of other programs


@pytest.fixture(scope="module", params=["3dra", "cta"])
def phantom(request, tmp_path_factory):
    """A small phantom: its volume, affine and series."""
    folder = tmp_path_factory.mktemp(request.param)
    volume = acquire(1, (32, 32, 32), 1.5, Settings(scanner=request.param)).volume
    affine = isotropic_affine(volume.shape, 1.5)
    writer.write_series(volume, affine, folder, "phantom-001")
    return volume, affine, folder


def opened(folder):
    """A series as an image of ITK, which must find no other series beside it."""
    (series,) = SimpleITK.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series)
    return SimpleITK.ReadImage(names)


def test_a_phantom_opens_in_itk_as_one_volume_at_its_place(phantom):
    volume, affine, folder = phantom
    image = opened(folder)
    assert image.GetSize() == volume.shape
    assert image.GetSpacing() == pytest.approx((1.5, 1.5, 1.5))
    place = LPS_TO_RAS @ affine
    assert image.GetOrigin() == pytest.approx(place[:3, 3])
    assert image.GetDirection() == pytest.approx((place[:3, :3] / 1.5).ravel())
    voxels = SimpleITK.GetArrayFromImage(image).transpose()
    np.testing.assert_allclose(voxels, volume, atol=0.5 * slope_of(folder) + 1e-3, rtol=0)


def test_voxels_that_are_no_cubes_and_an_origin_elsewhere_open_in_itk(tmp_path):
    place = np.diag([0.3, 0.7, 1.1, 1.0])
    place[:3, 3] = [-12.5, 30.25, 801.0]
    volume = random_volume()
    writer.write_series(volume, LPS_TO_RAS @ place, tmp_path, "anna")
    image = opened(tmp_path)
    assert image.GetSize() == SHAPE
    assert image.GetSpacing() == pytest.approx((0.3, 0.7, 1.1))
    assert image.GetOrigin() == pytest.approx(place[:3, 3])
    voxels = SimpleITK.GetArrayFromImage(image).transpose()
    np.testing.assert_allclose(voxels, volume, atol=0.5 * slope_of(tmp_path) + 1e-4, rtol=0)


def faults(*command):
    """What a validator of Debian's dicom3tools says is wrong."""
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    lines = (said.stdout + said.stderr).splitlines()
    return [line for line in lines if "Error" in line or "Warning" in line]


needs_dciodvfy = pytest.mark.skipif(
    shutil.which("dciodvfy") is None,
    reason="not run: dciodvfy of Debian's dicom3tools is not installed",
)


@needs_dciodvfy
@pytest.mark.parametrize("number", [1, 16, 32])
def test_a_validator_finds_no_fault_in_a_phantoms_slice(phantom, number, tmp_path):
    path = phantom[2] / f"slice-{number:04d}.dcm"
    assert faults("dciodvfy", path) == []
    lacking = shutil.copy(path, tmp_path)
    edit(lacking, FrameOfReferenceUID=None)
    assert any("FrameOfReferenceUID" in line for line in faults("dciodvfy", lacking))


@needs_dciodvfy
def test_a_validator_finds_the_slices_of_a_phantom_to_agree(phantom, tmp_path):
    assert faults("dcentvfy", *sorted(phantom[2].iterdir())) == []
    other = shutil.copytree(phantom[2], tmp_path / "other")
    edit(other / "slice-0002.dcm", PatientName="Somebody^Else")
    assert any("PatientName" in line for line in faults("dcentvfy", *sorted(other.iterdir())))


# Order, folders and other files


def test_file_names_and_folders_do_not_matter(folder):
    expected, affine = reader.read_volume(folder)
    (folder / "deeper").mkdir()
    for path, name in zip(sorted(folder.glob("*.dcm")), "zbya", strict=True):
        path.rename(folder / ("deeper" if name == "b" else ".") / f"{name}-IM")
    result, placed = reader.read_volume(folder)
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(placed, affine)


def test_other_files_are_passed_over(folder):
    expected, _ = reader.read_volume(folder)
    (folder / "notes.txt").write_text("seen by nobody")
    (folder / "empty").touch()
    (folder / "image.png").write_bytes(b"\x89PNG" + bytes(200))
    np.testing.assert_array_equal(reader.read_volume(folder)[0], expected)


def test_dicom_files_that_hold_no_image_are_passed_over(folder):
    """A DICOMDIR or a report lies beside the images on many discs."""
    expected, _ = reader.read_volume(folder)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"  # basic text report
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    report.SOPClassUID = meta.MediaStorageSOPClassUID
    report.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    report.save_as(folder / "report.dcm", enforce_file_format=True)
    np.testing.assert_array_equal(reader.read_volume(folder)[0], expected)


def test_a_folder_holds_an_image_or_not(folder, tmp_path):
    assert discovery.holds_image(folder)
    assert discovery.holds_image(folder.parent)
    bare = tmp_path / "bare"
    bare.mkdir()
    assert not discovery.holds_image(bare)
    (bare / "x.txt").write_bytes(b"no DICOM")
    assert not discovery.holds_image(bare)
    shutil.copy(folder / "slice-0002.dcm", bare / "no-suffix")
    assert discovery.holds_image(bare)


def test_a_broken_image_is_said_to_be_one_where_an_image_is_looked_for(tmp_path):
    (tmp_path / "y.dcm").write_bytes(bytes(128) + b"DICM")
    with pytest.raises(InputError, match=r"y.dcm: broken"):
        discovery.holds_image(tmp_path)


# Orientation: columns of the arrays below are directions in LPS


def write_oriented(volume, affine, folder, row_axis, column_axis, slice_axis, signs=(1, 1, 1)):
    """Write a volume (x, y, z) with slices across any of its axes and run along any direction.

    A pixel's column index runs along `row_axis`, its row index along `column_axis`, the slices
    along `slice_axis`; `signs` turn these three around. Nothing of `write_series` is used but
    its header.
    """
    axes = (row_axis, column_axis, slice_axis)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    turned = volume.transpose(axes)[tuple(slice(None, None, sign) for sign in signs)]
    step = [np.linalg.norm(lps[:3, axis]) for axis in axes]
    along = [sign * lps[:3, axis] / s for sign, axis, s in zip(signs, axes, step, strict=True)]
    first = np.zeros(3)
    for axis, sign in zip(axes, signs, strict=True):
        first[axis] = 0 if sign > 0 else volume.shape[axis] - 1
    origin = (lps @ [*first, 1])[:3]
    intercept = float(volume.min())
    slope = np.ceil(np.ptp(volume) / 65535 * 1e6) / 1e6
    folder.mkdir()
    for number in range(turned.shape[2]):
        dataset = writer._slice_header(number, volume.shape, affine, "anna", "")
        dataset.Rows, dataset.Columns = turned.shape[1], turned.shape[0]
        dataset.PixelSpacing = [f"{step[1]:.8g}", f"{step[0]:.8g}"]
        dataset.SliceThickness = f"{step[2]:.8g}"
        dataset.ImageOrientationPatient = [f"{v:.8g}" for v in (*along[0], *along[1])]
        position = origin + number * step[2] * along[2]
        dataset.ImagePositionPatient = [f"{v:.8g}" for v in position]
        dataset.RescaleSlope, dataset.RescaleIntercept = f"{slope:.6f}", f"{intercept:.8g}"
        stored = np.rint((turned[:, :, number] - intercept) / slope).astype("<u2")
        dataset.PixelData = np.ascontiguousarray(stored.T).tobytes()
        name = folder / f"{(7 * number) % 19:02d}.dcm"  # in no order
        dataset.save_as(name, enforce_file_format=True)


ORIENTATIONS = {
    "axial": (0, 1, 2),
    "axial, rows along y": (1, 0, 2),
    "coronal": (0, 2, 1),
    "coronal, rows along z": (2, 0, 1),
    "sagittal": (1, 2, 0),
    "sagittal, rows along z": (2, 1, 0),
}
SIGNS = [(1, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1), (-1, -1, -1)]


@pytest.mark.parametrize("signs", SIGNS, ids=str)
@pytest.mark.parametrize("axes", ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_every_orientation_comes_back_in_patient_axes_at_the_same_place(tmp_path, axes, signs):
    volume = random_volume()
    affine = np.diag([-0.5, -0.6, 0.9, 1.0])
    affine[:3, 3] = [3.0, -4.0, 10.0]
    write_oriented(volume, affine, tmp_path / "s", *axes, signs)
    result, placed = reader.read_volume(tmp_path / "s")
    assert result.shape == volume.shape
    np.testing.assert_allclose(placed, affine, atol=1e-6)
    np.testing.assert_allclose(result, volume, atol=0.02)


def test_an_oblique_series_keeps_every_voxel_where_it_was(tmp_path):
    """Tilted by a few degrees, as heads are: the affine says so, and the values stay."""
    angle = np.radians(8)
    tilt = np.eye(4)
    tilt[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine = tilt @ isotropic_affine(SHAPE, VOXEL)
    write_oriented(random_volume(), affine, tmp_path / "s", 0, 1, 2)
    result, placed = reader.read_volume(tmp_path / "s")
    np.testing.assert_allclose(placed, affine, atol=1e-5)
    np.testing.assert_allclose(result, random_volume(), atol=0.02)


def test_slope_and_intercept_are_those_of_each_slice(folder):
    expected, _ = reader.read_volume(folder)
    path = folder / "slice-0003.dcm"
    header = pydicom.dcmread(path)
    slope, intercept = float(header.RescaleSlope), float(header.RescaleIntercept)
    edit(path, RescaleSlope=f"{2 * slope:.6f}", RescaleIntercept=f"{2 * intercept + 10:.6f}")
    result, _ = reader.read_volume(folder)
    expected[:, :, 2] = 2 * expected[:, :, 2] + 10
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-2)


def test_a_series_without_rescaling_gives_the_stored_numbers(folder):
    edit_all(folder, RescaleSlope=None, RescaleIntercept=None)
    result, _ = reader.read_volume(folder)
    stored = pydicom.dcmread(folder / "slice-0001.dcm").pixel_array
    np.testing.assert_array_equal(result[:, :, 0], stored.T)


def test_it_is_what_the_library_for_series_reads(folder):
    """A turned and mirrored one too."""
    edit_all(folder, ImageOrientationPatient=["0", "1", "0", "0", "0", "-1"])
    for number, path in enumerate(sorted(folder.glob("*.dcm"))):
        edit(path, ImagePositionPatient=[str(3 - 0.7 * number), "-7.5", "4"])
    slices = [pydicom.dcmread(path) for path in folder.glob("*.dcm")]
    expected = get_volume_from_series(slices, dtype=np.float32).to_patient_orientation("LPH")
    volume, affine = reader.read_volume(folder)
    np.testing.assert_allclose(volume, expected.array, rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(affine, LPS_TO_RAS @ expected.affine)


# Series that are no volume


def test_a_missing_slice_names_the_positions_beside_the_gap(folder):
    (folder / "slice-0002.dcm").unlink()
    below, above = (
        float(pydicom.dcmread(folder / f"slice-000{n}.dcm").ImagePositionPatient[2]) for n in (1, 3)
    )
    message = refusal(folder)
    assert "missing" in message
    assert f"{below:.3f} and {above:.3f} mm" in message


def test_a_slice_twice_names_both_files_and_where(folder):
    shutil.copy(folder / "slice-0002.dcm", folder / "again.dcm")
    message = refusal(folder)
    assert "again.dcm" in message
    assert "slice-0002.dcm" in message
    where = float(pydicom.dcmread(folder / "again.dcm").ImagePositionPatient[2])
    assert f"{where:.3f} mm" in message


def test_every_slice_twice_is_called_that(folder):
    """A folder copied into itself: half of all gaps are zero."""
    for path in list(folder.glob("*.dcm")):
        shutil.copy(path, path.with_name(f"copy-of-{path.name}"))
    message = refusal(folder)
    assert "copy-of-slice-0001.dcm" in message
    assert "two slices" in message


def test_slices_all_in_one_place_are_called_that(folder):
    """As the frames of a cine are."""
    edit_all(folder, ImagePositionPatient=["0", "0", "0"])
    message = refusal(folder)
    assert "two slices" in message
    assert "slice-0001.dcm" in message


def test_a_slice_of_another_size_is_named(folder):
    small = random_volume((6, 4, 4))
    writer.write_series(small, isotropic_affine(SHAPE, VOXEL), folder / "tmp", "anna")
    odd = pydicom.dcmread(folder / "tmp" / "slice-0003.dcm")
    odd.SeriesInstanceUID = pydicom.dcmread(folder / "slice-0003.dcm").SeriesInstanceUID
    odd.save_as(folder / "slice-0003.dcm")
    shutil.rmtree(folder / "tmp")
    message = refusal(folder)
    assert "slice-0003.dcm" in message
    assert "(4, 6)" in message
    assert "(5, 6)" in message


def test_two_series_in_a_folder_are_refused_with_their_numbers(folder):
    other = folder / "z-other"
    writer.write_series(random_volume(), isotropic_affine(SHAPE, VOXEL), other, "ben")
    for path in other.iterdir():
        path.rename(other / f"ben-{path.name}")
    message = refusal(folder)
    assert "2 series may be the volume: series 1a" in message
    assert "series 1b" in message
    assert "column series of the sheet" in message


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.97])
def test_a_truncated_file_is_named(folder, number, kept):
    """The first and the last slice too, which no gap would betray."""
    path = folder / f"slice-000{number}.dcm"
    content = path.read_bytes()
    path.write_bytes(content[: 140 + int(kept * (len(content) - 140))])
    assert path.name in refusal(folder)


def test_a_dcm_file_that_is_not_dicom_is_named(folder):
    (folder / "slice-0002.dcm").write_text("once upon a time")
    assert "slice-0002.dcm" in refusal(folder)


def test_a_slice_without_pixels_is_named(folder):
    edit(folder / "slice-0004.dcm", PixelData=None)
    assert "slice-0004.dcm" in refusal(folder)


@pytest.mark.parametrize(
    "keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"]
)
def test_a_slice_without_its_place_is_named_with_what_it_lacks(folder, keyword):
    edit(folder / "slice-0003.dcm", **{keyword: None})
    message = refusal(folder)
    assert "slice-0003.dcm" in message
    assert keyword in message


@pytest.mark.parametrize(("count", "said"), [(0, "no DICOM image"), (1, "1 image slice:")])
def test_too_few_slices_are_counted(folder, count, said):
    for path in sorted(folder.glob("*.dcm"))[count:]:
        path.unlink()
    assert said in refusal(folder)


def test_uneven_spacing_is_refused(folder):
    position = pydicom.dcmread(folder / "slice-0004.dcm").ImagePositionPatient
    edit(folder / "slice-0004.dcm", ImagePositionPatient=[*position[:2], float(position[2]) + 0.1])
    assert "0.600 mm where the spacing is 0.500 mm" in refusal(folder)


IMPOSSIBLE = {
    "no series": {"SeriesInstanceUID": None},
    "no kind": {"SOPClassUID": None},
    "position of two numbers": {"ImagePositionPatient": ["1", "2"]},
    "spacing of one number": {"PixelSpacing": "1"},
    "spacing zero": {"PixelSpacing": ["0", "0"]},
    "orientation of five numbers": {"ImageOrientationPatient": ["1", "0", "0", "0", "1"]},
    "orientation zero": {"ImageOrientationPatient": ["0"] * 6},
    "colours": {"SamplesPerPixel": 3},
    "a palette": {"PhotometricInterpretation": "PALETTE COLOR"},
}


@pytest.mark.parametrize("values", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_header_that_cannot_be_is_refused_as_input(folder, values):
    edit_all(folder, **values)
    assert refusal(folder)


def test_a_series_without_frame_of_reference_is_read(folder):
    """As some anonymizers leave it: where slices lie to each other is known without."""
    expected, affine = reader.read_volume(folder)
    edit_all(folder, FrameOfReferenceUID=None)
    volume, placed = reader.read_volume(folder)
    np.testing.assert_array_equal(volume, expected)
    np.testing.assert_array_equal(placed, affine)


def test_a_number_that_is_none_is_refused_as_input_and_not_quoted(folder):
    for path in folder.iterdir():
        rewrite(path, b"\\-1\\", b"\\xy\\")  # the middle number of the position
    assert pydicom.dcmread(path)["ImagePositionPatient"].VM == 3
    assert "xy" not in refusal(folder)


@pytest.mark.parametrize("keyword", ["ImageOrientationPatient", "PixelSpacing"])
def test_one_slice_lying_otherwise_is_refused(folder, keyword):
    value = {"ImageOrientationPatient": ["0", "1", "0", "1", "0", "0"], "PixelSpacing": ["1", "1"]}
    edit(folder / "slice-0002.dcm", **{keyword: value[keyword]})
    assert refusal(folder)


@pytest.mark.parametrize("keyword", ["FrameOfReferenceUID", "SOPClassUID"])
def test_one_slice_of_another_space_or_kind_is_refused(folder, keyword):
    edit(folder / "slice-0002.dcm", **{keyword: "1.2.3"})
    assert refusal(folder)


def test_slices_that_are_shifted_sideways_are_refused(folder):
    position = pydicom.dcmread(folder / "slice-0002.dcm").ImagePositionPatient
    edit(folder / "slice-0002.dcm", ImagePositionPatient=[float(position[0]) + 3, *position[1:]])
    assert refusal(folder)


# What a message must never say


def plant(folder):
    edit_all(
        folder,
        PatientName=PLANTED[0],
        PatientID=PLANTED[1],
        PatientBirthDate=PLANTED[2],
        InstitutionName=PLANTED[3],
        ReferringPhysicianName=PLANTED[4],
    )


def rewrite(path, old, new):
    path.write_bytes(path.read_bytes().replace(old, new))


BREAKAGES = {
    "missing": lambda f: (f / "slice-0002.dcm").unlink(),
    "twice": lambda f: shutil.copy(f / "slice-0002.dcm", f / "again.dcm"),
    "truncated": lambda f: (f / "slice-0002.dcm").write_bytes(
        (f / "slice-0002.dcm").read_bytes()[:-40]
    ),
    "another series": lambda f: edit(f / "slice-0002.dcm", SeriesInstanceUID="1.2.3"),
    "no pixels": lambda f: edit(f / "slice-0002.dcm", PixelData=None),
    "no place": lambda f: edit(f / "slice-0002.dcm", ImagePositionPatient=None),
    "no frame of reference": lambda f: edit_all(f, FrameOfReferenceUID=None),
    "other spacing": lambda f: edit(f / "slice-0002.dcm", PixelSpacing=["2", "2"]),
    "position of two numbers": lambda f: edit_all(f, ImagePositionPatient=["0", "0"]),
    "no number": lambda f: [rewrite(p, b"\\-1\\", b"\\xy\\") for p in f.iterdir()],
    "colours": lambda f: edit_all(f, SamplesPerPixel=3),
    "name for a date": lambda f: edit_all(f, StudyDate="Hidden^Person", PatientAge="SECRET-77"),
}


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=BREAKAGES)
def test_nothing_of_the_header_that_names_a_person_is_ever_said(folder, breakage, caplog, capfd):
    plant(folder)
    breakage(folder)
    said = ""
    with warnings.catch_warnings(record=True) as warned, caplog.at_level(logging.DEBUG):
        warnings.simplefilter("always")
        try:
            reader.read_volume(folder)
        except Exception as error:
            said = f"{error} {error.__cause__ or ''}"
    printed = capfd.readouterr()
    said += "".join([caplog.text, printed.out, printed.err, *(str(w.message) for w in warned)])
    assert not [word for word in PLANTED if word in said]


def test_a_compressed_series_gives_the_same_volume(tmp_path):
    volume = np.random.default_rng(3).normal(100, 30, (10, 8, 4)).astype(np.float32)
    writer.write_series(volume, isotropic_affine(volume.shape, 1.0), tmp_path, "plain")
    plain, placed = reader.read_volume(tmp_path)
    for path in tmp_path.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.compress(RLELossless)
        dataset.save_as(path)
    compressed, again = reader.read_volume(tmp_path)
    np.testing.assert_array_equal(compressed, plain)
    np.testing.assert_array_equal(again, placed)


def test_damaged_headers_end_in_one_sentence_or_a_volume(tmp_path):
    volume = np.random.default_rng(4).normal(100, 30, (8, 8, 3)).astype(np.float32)
    writer.write_series(volume, isotropic_affine(volume.shape, 1.0), tmp_path, "fuzz")
    victim = tmp_path / "slice-0002.dcm"
    whole, rng = victim.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(132, len(whole), 4):
            damaged[place] = rng.integers(256)
        victim.write_bytes(damaged)
        with contextlib.suppress(InputError):
            discovery.holds_image(tmp_path)
            read, _ = reader.read_volume(tmp_path)
            assert read.ndim == 3
