"""DICOM SEG: at its place in programs that are not ours, and filed with the series it came from."""

import shutil
import subprocess
import warnings

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK
from angiovox.errors import InputError
from angiovox.geometry import resample
from angiovox.geometry.affine import LPS_TO_RAS
from angiovox.io.dicom.segmentation import VERSION, write_segmentation
from conftest import ROOT, TINY, tiny
from dicom_sources import AXES, CLASSIC, ENHANCED, SHAPE, WHO, sorted_points, write_source
from highdicom.seg import segread
from plans import planned
from pydicom import uid


@pytest.fixture
def source(tmp_path):
    return write_source(tmp_path / "source")


def points_to_itk(path):
    """Where ITK sees the segment, in mm of DICOM's patient system."""
    image = SimpleITK.ReadImage(str(path))
    voxels = np.argwhere(SimpleITK.GetArrayFromImage(image))[:, ::-1]
    points = [image.TransformIndexToPhysicalPoint(voxel.tolist()) for voxel in voxels]
    points = np.array(points)
    return points[np.lexsort(points.round(2).T)]


def points_to_highdicom(path):
    volume = segread(path).get_volume(combine_segments=True)
    return sorted_points(np.argwhere(volume.array), volume.affine)


def export(source, mask, affine, path, method="dae", views=2, **more):
    write_segmentation(mask, affine, source.images, path, method, views, **more)
    return pydicom.dcmread(path)


def exported(source, path, **more):
    """The marked voxels, exported from the source's own grid."""
    volume, affine = source.found.read()
    return export(source, volume > 500, affine, path, **more)


# Place


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("points_to", [points_to_itk, points_to_highdicom])
def test_a_marked_voxel_lies_where_the_sources_header_puts_it(tmp_path, axes, points_to):
    source = write_source(tmp_path / "source", axes)
    exported(source, tmp_path / "seg.dcm")
    np.testing.assert_allclose(points_to(tmp_path / "seg.dcm"), source.points, atol=1e-3)


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize(
    "edge, voxel_mm", [(6, 0.4), (24, 0.4), (9, 0.8), (16, None)], ids=lambda value: str(value)
)
def test_a_voxel_of_the_studys_grid_lies_where_its_affine_puts_it(tmp_path, axes, edge, voxel_mm):
    """Cropped, padded and resampled; the affine as it comes back from a NIfTI file."""
    source = write_source(tmp_path / "source", axes)
    volume, affine = resample.to_study_grid(*source.found.read(), edge, voxel_mm)
    affine = affine.astype(np.float32).astype(float)
    mask = np.zeros(volume.shape, bool)
    marked = np.array([(1, 2, 3), (edge - 1, 0, 0), (0, edge - 1, edge - 1)])
    mask[tuple(marked.T)] = True
    export(source, mask, affine, tmp_path / "seg.dcm")
    expected = sorted_points(marked, LPS_TO_RAS @ affine)
    for points_to in (points_to_itk, points_to_highdicom):
        np.testing.assert_allclose(points_to(tmp_path / "seg.dcm"), expected, atol=1e-3)


@pytest.mark.parametrize("shape", [(16, 16, 16), (17, 17, 17), (9, 7, 5), (8, 3, 2), (5, 16, 4)])
def test_every_voxel_comes_back_whatever_the_shape(source, tmp_path, shape):
    """Planes whose bits fill no whole bytes are what GDCM misreads."""
    mask = np.random.default_rng(0).random(shape) < 0.3
    affine = source.found.read()[1]
    export(source, mask, affine, tmp_path / "seg.dcm")
    expected = sorted_points(np.argwhere(mask), LPS_TO_RAS @ affine)
    for points_to in (points_to_itk, points_to_highdicom):
        np.testing.assert_allclose(points_to(tmp_path / "seg.dcm"), expected, atol=1e-3)


def test_empty_planes_are_kept_and_the_grid_is_the_studys(source, tmp_path):
    volume, affine = resample.to_study_grid(*source.found.read(), 16, 0.3)
    mask = np.zeros(volume.shape, bool)
    mask[4, 5, [3, 12]] = True
    export(source, mask, affine, tmp_path / "seg.dcm")
    image = SimpleITK.ReadImage(str(tmp_path / "seg.dcm"))
    assert image.GetSize() == volume.shape
    assert image.GetSpacing() == pytest.approx((0.3, 0.3, 0.3))


def test_a_mirrored_grid_keeps_its_place(source, tmp_path):
    """RAS axes, where the study's run to left and posterior: the affine says it."""
    volume, affine = source.found.read()
    flipped = affine @ np.diag([-1, 1, 1, 1])
    flipped[:3, 3] = (affine @ [SHAPE[0] - 1, 0, 0, 1])[:3]
    export(source, (volume > 500)[::-1], flipped, tmp_path / "seg.dcm")
    np.testing.assert_allclose(points_to_itk(tmp_path / "seg.dcm"), source.points, atol=1e-3)


# References


@pytest.mark.parametrize("kind", [*CLASSIC, *ENHANCED])
@pytest.mark.parametrize("axes", ["axial", "oblique"])
def test_it_refers_to_every_image_of_the_source(tmp_path, kind, axes):
    source = write_source(tmp_path / "source", axes, kind)
    written = exported(source, tmp_path / "seg.dcm")
    headers = [pydicom.dcmread(path) for path in source.folder.iterdir()]
    (series,) = written.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == headers[0].SeriesInstanceUID
    expected = {(header.SOPInstanceUID, header.SOPClassUID) for header in headers}
    for references in (series.ReferencedInstanceSequence, written.SourceImageSequence):
        named = [(r.ReferencedSOPInstanceUID, r.ReferencedSOPClassUID) for r in references]
        assert len(named) == len(expected) and set(named) == expected
    assert written.FrameOfReferenceUID == headers[0].FrameOfReferenceUID
    assert written.StudyInstanceUID == headers[0].StudyInstanceUID
    np.testing.assert_allclose(points_to_itk(tmp_path / "seg.dcm"), source.points, atol=1e-3)


def test_it_has_names_of_its_own(source, tmp_path):
    written = exported(source, tmp_path / "seg.dcm")
    taken = {
        header[keyword].value
        for header in map(pydicom.dcmread, source.folder.iterdir())
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID")
    }
    assert not {written.SOPInstanceUID, written.SeriesInstanceUID} & taken
    assert written.file_meta.MediaStorageSOPInstanceUID == written.SOPInstanceUID


def test_the_segment_is_an_artery_found_by_the_method(source, tmp_path):
    written = exported(source, tmp_path / "seg.dcm", method="unet", views=5)
    (segment,) = written.SegmentSequence
    (kind,), (algorithm,) = (
        segment.SegmentedPropertyTypeCodeSequence,
        segment.SegmentationAlgorithmIdentificationSequence,
    )
    assert (kind.CodingSchemeDesignator, kind.CodeMeaning) == ("SCT", "Artery")
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    assert algorithm.AlgorithmName == "angiovox unet"
    assert algorithm.AlgorithmVersion == written.SoftwareVersions == VERSION
    assert "5 views" in segment.SegmentDescription
    assert "not for diagnosis" in segment.SegmentDescription


@pytest.mark.parametrize("learned, family", [(True, "Artificial"), (False, "Histogram")])
def test_a_threshold_is_not_said_to_be_a_network(source, tmp_path, learned, family):
    written = exported(source, tmp_path / "seg.dcm", learned=learned)
    (algorithm,) = written.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
    assert family in algorithm.AlgorithmFamilyCodeSequence[0].CodeMeaning


def test_the_version_is_the_projects():
    assert f'\nversion = "{VERSION}"\n' in (ROOT / "pyproject.toml").read_text()


# Whose it is


def test_it_is_filed_with_its_patient_and_study(tmp_path):
    who = WHO | {"StudyDate": "20240229", "StudyTime": "101112.5", "StudyID": "9"}
    source = write_source(tmp_path / "source", **who, PatientSex="F", PatientAge="079Y")
    written = exported(source, tmp_path / "seg.dcm")
    of_device = {"InstitutionName"}
    for keyword in {*who, "PatientSex", "PatientAge"} - of_device:
        expected = pydicom.dcmread(source.images[0].path)[keyword].value
        assert written[keyword].value == expected, keyword
    assert not of_device & set(written.dir())
    assert (written.ContentDate, written.ContentTime) == ("20240229", "101112.5")


@pytest.mark.parametrize(
    "charset, name",
    [
        ("ISO_IR 192", "山田^太郎"),
        ("ISO_IR 100", "Müller^Jürgen"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ],
)
def test_a_name_in_any_script_is_kept(tmp_path, charset, name):
    who = {"SpecificCharacterSet": charset, "PatientName": name}
    source = write_source(tmp_path / "source", **who)
    assert exported(source, tmp_path / "seg.dcm").PatientName == name


LACKING = {
    "frame of reference": {"FrameOfReferenceUID": None},
    "empty dates": {"StudyDate": "", "StudyTime": "", "PatientBirthDate": ""},
    "values that break the standard": {
        "PatientSex": "unknown",
        "PatientBirthDate": "1944",
        "StudyDate": "2024-02-29",
        "StudyTime": "late",
        "PatientName": "no caret",
    },
    "modality": {"Modality": None},
}


@pytest.mark.parametrize("lacking", LACKING.values(), ids=LACKING)
@pytest.mark.parametrize("kind", ["CT", "XA", "Enhanced CT"])
def test_a_sparse_source_is_referred_to(tmp_path, kind, lacking):
    """No source of this module has patient or study attributes unless told to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = write_source(tmp_path / "source", "oblique", kind, **lacking)
    written = exported(source, tmp_path / "seg.dcm")
    np.testing.assert_allclose(points_to_itk(tmp_path / "seg.dcm"), source.points, atol=1e-3)
    assert written.FrameOfReferenceUID
    assert len(written.ContentDate) == 8 and written.ContentTime.replace(".", "").isdigit()
    for keyword in set(lacking) & {"PatientSex", "PatientBirthDate", "PatientName"}:
        assert written[keyword].value == lacking[keyword]


def test_segmentations_of_a_series_without_a_frame_of_reference_share_one(tmp_path):
    source = write_source(tmp_path / "source", FrameOfReferenceUID=None)
    first, second = (exported(source, tmp_path / f"{m}.dcm", method=m) for m in ("dae", "hull"))
    assert first.FrameOfReferenceUID == second.FrameOfReferenceUID
    assert first.SeriesInstanceUID != second.SeriesInstanceUID


def test_what_was_compressed_with_losses_says_so(tmp_path):
    lossy = {"LossyImageCompression": "01", "LossyImageCompressionRatio": "7.5"}
    source = write_source(tmp_path / "source", **lossy)
    written = exported(source, tmp_path / "seg.dcm")
    assert written.LossyImageCompression == "01" and written.LossyImageCompressionRatio == 7.5


# The same call


def test_the_same_call_writes_the_same_bytes_and_another_other_names(source, tmp_path):
    volume, affine = source.found.read()
    calls = [
        (volume > 500, affine, "dae", 2),
        (volume > 500, affine, "dae", 2),
        (volume > 500, affine, "dae", 3),
        (volume > 500, affine, "hull", 2),
        (volume < 500, affine, "dae", 2),
        (volume > 500, affine @ np.diag([1, 1, 1.5, 1]), "dae", 2),
    ]
    files, names = [], []
    for number, (mask, place, method, views) in enumerate(calls):
        path = tmp_path / f"{number}.dcm"
        names.append(export(source, mask, place, path, method, views).SOPInstanceUID)
        files.append(path.read_bytes())
    assert files[0] == files[1]
    assert len(set(names)) == len(calls) - 1


def test_no_clock_is_looked_at(source, tmp_path):
    written = exported(source, tmp_path / "seg.dcm")
    times = {element.value for element in written.iterall() if element.VR in ("DA", "TM", "DT")}
    assert times <= {"", "19000101", "000000"}


# Refusals


def refusal(source, path, mask=None):
    volume, affine = source.found.read()
    with pytest.raises(InputError) as refused:
        export(source, volume > 500 if mask is None else mask, affine, path)
    assert not list(path.parent.glob("*seg*"))
    assert not [value for value in WHO.values() if value in str(refused.value)]
    return str(refused.value)


def change(path, **values):
    dataset = pydicom.dcmread(path)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)


def test_a_mask_without_a_vessel_is_refused(source, tmp_path):
    """A blank overlay would look like a finding."""
    assert "no vessel" in refusal(source, tmp_path / "seg.dcm", np.zeros(SHAPE, bool))


def test_a_mask_that_is_no_volume_is_refused(source, tmp_path):
    with pytest.raises(ValueError, match="3 axes"):
        export(source, np.ones((4, 4)), np.eye(4), tmp_path / "seg.dcm")


@pytest.mark.parametrize("keyword", ["PatientID", "PatientName", "StudyInstanceUID"])
def test_images_of_two_patients_are_refused(tmp_path, keyword):
    source = write_source(tmp_path / "source", **WHO)
    change(source.folder / "5.dcm", **{keyword: "1.2.3"})
    assert refusal(source, tmp_path / "seg.dcm").startswith(f"5.dcm: another {keyword} than 0.dcm")


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SOPInstanceUID"])
def test_an_image_that_nothing_can_refer_to_is_refused(tmp_path, keyword):
    source = write_source(tmp_path / "source", **WHO)
    change(source.folder / "0.dcm", **{keyword: ""})
    assert f"0.dcm: no {keyword}" in refusal(source, tmp_path / "seg.dcm")


def test_what_highdicom_says_of_a_header_is_not_passed_on(tmp_path, monkeypatch):
    source = write_source(tmp_path / "source", **WHO)

    def refuse(**given):
        raise ValueError(f"not valid: {WHO['PatientName']}")

    monkeypatch.setattr("angiovox.io.dicom.segmentation.Segmentation", refuse)
    assert refusal(source, tmp_path / "seg.dcm").startswith("source series: its headers")


def test_a_warning_does_not_quote_the_header(tmp_path, capfd, caplog):
    who = WHO | {"PatientName": "HiddenPerson", "PatientSex": "SECRETSEX"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = write_source(tmp_path / "source", **who)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        exported(source, tmp_path / "seg.dcm")
    said = "".join(map(str, [*warned, *capfd.readouterr(), caplog.text]))
    assert not [value for value in who.values() if value in said]


# A validator

STUDY = {"StudyDate": "20240229", "StudyTime": "101112", "StudyID": "9", "PatientSex": "F"}


def faults(*command):
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    lines = (said.stdout + said.stderr).splitlines()
    return [line for line in lines if "Error" in line or "Warning" in line]


needs_dciodvfy = pytest.mark.skipif(
    shutil.which("dciodvfy") is None,
    reason="not run: dciodvfy of Debian's dicom3tools is not installed",
)


@needs_dciodvfy
@pytest.mark.parametrize("kind", [*CLASSIC, *ENHANCED])
@pytest.mark.parametrize("axes", ["axial", "oblique"])
def test_a_validator_finds_no_fault(tmp_path, kind, axes):
    source = write_source(tmp_path / "source", axes, kind, **WHO, **STUDY)
    written = exported(source, tmp_path / "seg.dcm")
    assert faults("dciodvfy", tmp_path / "seg.dcm") == []
    del written.SegmentSequence[0].SegmentAlgorithmName
    written.save_as(tmp_path / "lacking.dcm")
    assert any("SegmentAlgorithmName" in f for f in faults("dciodvfy", tmp_path / "lacking.dcm"))


@needs_dciodvfy
def test_a_validator_finds_it_to_agree_with_its_source(tmp_path):
    source = write_source(tmp_path / "source", **WHO, **STUDY)
    exported(source, tmp_path / "seg.dcm")
    files = [tmp_path / "seg.dcm", *sorted(source.folder.iterdir())]
    assert faults("dcentvfy", *files) == []
    change(tmp_path / "seg.dcm", PatientSex="M")
    assert any("PatientSex" in fault for fault in faults("dcentvfy", *files))


# The rule


def test_the_rule_exports_on_request_and_its_log_names_nobody(fresh):
    """One job, of a patient whose reconstruction is there."""
    source = write_source(fresh / "dicom/anna", **WHO)
    (fresh / "sheet.tsv").write_text("patient\tdicom\tsplit\nanna\tdicom/anna\ttest\n")
    volume, affine = source.found.read()
    made = fresh / "results/reconstructions/hull/views-2/seed-1/anna.nii.gz"
    made.parent.mkdir(parents=True)
    nib.save(nib.Nifti1Image((volume > 500).astype(np.float32), affine), made)
    cohort = TINY["cohort"] | {"sheet": "sheet.tsv"}
    target = "results/segmentations/hull/views-2/anna.dcm"
    done = tiny(fresh, target, "--allowed-rules", "export_segmentation", cohort=cohort)
    assert done.returncode == 0, done.stdout
    np.testing.assert_allclose(points_to_itk(fresh / target), source.points, atol=1e-3)
    assert pydicom.dcmread(fresh / target).PatientName == WHO["PatientName"]
    exempt = {fresh / target, *source.folder.iterdir()}
    left = [path for path in fresh.rglob("*") if path.is_file() and path not in exempt]
    assert fresh / "logs/export_segmentation/hull/views-2/anna.log" in left
    names = [uid.generate_uid(entropy_srcs=[n]) for n in ("SeriesInstanceUID", "StudyInstanceUID")]
    for secret in map(str.encode, [*WHO.values(), *names]):
        assert secret not in done.stdout.encode()
        assert not [path for path in left if secret in path.read_bytes()], secret


def test_the_target_asks_for_each_method_and_test_patient_and_nothing_else_does(fresh):
    wanted = planned(tiny(fresh, "segmentations", "--dry-run").stdout)
    methods = ("dae", "unet", "consistent", "cgan", "backprojection", "hull")
    assert wanted["export_segmentation"] == len(methods) * TINY["cohort"]["test_patients"]
    assert "export_segmentation" not in planned(tiny(fresh, "--dry-run").stdout)
