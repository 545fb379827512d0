"""XA runs that are written and read again, by our reader and by others."""

import dataclasses
import hashlib
import shutil
import subprocess

import numpy as np
import pydicom
import pytest
import SimpleITK
import xa_cases
from angiovox.geometry.cone_beam import CArm
from angiovox.io.dicom.xa import reader as xa
from angiovox.io.dicom.xa.pairing import check_together
from angiovox.io.dicom.xa.run import to_image
from angiovox.io.dicom.xa.writer import write_pair, write_run
from pydicom import uid
from simulated_run import simulated_run

SYNTAXES = [uid.ExplicitVRLittleEndian, uid.JPEG2000Lossless, uid.RLELossless]
RUNS = {
    "single plane": xa_cases.static,
    "plane A": lambda **values: xa_cases.pair(**values)[0],
    "plane B": lambda **values: xa_cases.pair(**values)[1],
    "rotational": xa_cases.rotational,
}
KINDS = {"classic": False, "Enhanced": True}
# 12 bits behind an attenuation of 2 and less: half a step of the grey, in mask and frame
QUANTIZED = 0.01


def assert_same_views(result, expected, mm=1e-3):
    assert result.detector == expected.detector
    for name in ("source", "origin", "u", "v"):
        np.testing.assert_allclose(getattr(result, name), getattr(expected, name), atol=mm, rtol=0)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda s: s.name)
@pytest.mark.parametrize("enhanced", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_what_is_written_is_read(tmp_path, make, enhanced, syntax):
    run = make()
    result = xa.read_run(xa_cases.write(tmp_path / "run.dcm", run, enhanced, syntax=syntax))
    np.testing.assert_array_equal(result.frames, run.frames)
    np.testing.assert_allclose(result.angles, run.angles, atol=0.01)
    np.testing.assert_allclose(result.distances, run.distances, atol=0.1)
    np.testing.assert_allclose(result.times, run.times, atol=1e-6)
    assert result.pixel_mm == pytest.approx(run.pixel_mm)
    assert (result.contrast, result.masks) == (run.contrast, run.masks)
    assert (result.plane, result.is_rotational) == (run.plane, run.is_rotational)
    assert result.exposed.all() and result.notes == ()
    assert_same_views(result.views(), run.views())
    np.testing.assert_allclose(result.line_integrals(), run.line_integrals(), atol=1e-6)


@pytest.mark.parametrize("relationship", ["LIN", "LOG"])
@pytest.mark.parametrize("enhanced", KINDS.values(), ids=KINDS)
def test_line_integrals_are_what_contrast_absorbs(tmp_path, relationship, enhanced):
    run = xa_cases.static(relationship=relationship)
    result = xa.read_run(xa_cases.write(tmp_path / "run.dcm", run, enhanced))
    assert result.grey.scale_is_known
    np.testing.assert_allclose(result.line_integrals(), xa_cases.truth(run), atol=QUANTIZED)
    assert result.line_integrals().dtype == np.float32
    assert result.line_integrals().shape == result.views().shape


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_more_bits_are_nearer_to_the_truth(tmp_path, bits):
    run = xa_cases.static(bits=bits)
    result = xa.read_run(xa_cases.write(tmp_path / "run.dcm", run))
    error = np.abs(result.line_integrals() - xa_cases.truth(run)).max()
    assert error < QUANTIZED * 2.0 ** (12 - bits)


def test_lin_and_log_of_one_scene_are_one(tmp_path):
    results = []
    for relationship in ("LIN", "LOG"):
        run = xa_cases.rotational(relationship=relationship, bits=14)
        results.append(xa.read_run(xa_cases.write(tmp_path / relationship, run)).line_integrals())
    np.testing.assert_allclose(*results, atol=QUANTIZED / 2)
    assert results[0].max() > 0.5


@pytest.mark.parametrize("enhanced", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_a_point_is_seen_where_its_blob_is_drawn(tmp_path, make, enhanced):
    """The rows of the file run down: the blob is looked for in the file's own pixels."""
    run = make()
    path = xa_cases.write(tmp_path / "run.dcm", run, enhanced)
    stored = pydicom.dcmread(path).pixel_array.astype(float)
    result = xa.read_run(path)
    last = result.contrast[-1]
    mask = result.masks[-1]
    absorbed = np.log(stored[mask]) - np.log(stored[last])
    row, column = np.unravel_index(absorbed.argmax(), absorbed.shape)
    i, j = result.views([last]).project(xa_cases.POINTS[:1])[0, 0]
    assert (column, stored.shape[1] - 1 - row) == (round(i), round(j))


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_another_reader_and_formulas_by_hand_get_the_same(tmp_path, make):
    """pydicom's elements and SimpleITK's pixels, with the geometry of docs/geometry.md."""
    run = make()
    path = xa_cases.write(tmp_path / "run.dcm", run)
    header = pydicom.dcmread(path)
    pixels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    views = xa.read_run(path).views(range(len(run)))
    count = header.NumberOfFrames
    sid, sod = float(header.DistanceSourceToDetector), float(header.DistanceSourceToPatient)
    row_mm, column_mm = map(float, header.ImagerPixelSpacing)
    for frame in range(count):
        steps = [header.get(f"Positioner{w}AngleIncrement") for w in ("Primary", "Secondary")]
        p, s = (
            np.radians(float(header[f"Positioner{w}Angle"].value) + (step[frame] if step else 0))
            for w, step in zip(("Primary", "Secondary"), steps, strict=True)
        )
        to_detector = np.array([np.sin(p) * np.cos(s), -np.cos(p) * np.cos(s), np.sin(s)])
        right = np.array([np.cos(p), np.sin(p), 0])
        up = np.array([-np.sin(p) * np.sin(s), np.cos(p) * np.sin(s), np.cos(s)])
        source, centre = -sod * to_detector, (sid - sod) * to_detector
        row, column = 3, 11
        pixel = centre + (column - (header.Columns - 1) / 2) * column_mm * right
        pixel = pixel - (row - (header.Rows - 1) / 2) * row_mm * up
        i, j = column, header.Rows - 1 - row
        ours = views.origin[frame] + i * views.u[frame] + j * views.v[frame]
        np.testing.assert_allclose(ours, pixel, atol=1e-3)
        np.testing.assert_allclose(views.source[frame, :3], source, atol=1e-3)
    items = header.MaskSubtractionSequence
    expected = []
    for item in items:
        mask = np.log(np.mean([pixels[k - 1] for k in np.atleast_1d(item.MaskFrameNumbers)], 0))
        first, last = item.ApplicableFrameRange
        expected += [mask - np.log(pixels[k - 1].astype(float)) for k in range(first, last + 1)]
    result = xa.read_run(path).line_integrals()
    np.testing.assert_allclose(to_image(result), expected, atol=1e-5)


@pytest.mark.parametrize("enhanced", KINDS.values(), ids=KINDS)
def test_a_biplane_pair_is_recognised(tmp_path, enhanced):
    paths = write_pair(*xa_cases.pair(), tmp_path, xa_cases.NAME, enhanced)
    runs = [xa.read_run(path) for path in paths]
    assert [run.plane for run in runs] == ["A", "B"]
    assert [files.plane for files in xa.find_runs(tmp_path)] == ["A", "B"]
    together = check_together(runs)
    assert together.biplane and together.notes == ()
    assert 80 < together.degrees <= 90


def test_the_isocentre_may_be_off_the_middle_in_enhanced_xa(tmp_path):
    arm = CArm(1195.0, 785.0, xa_cases.ARM.detector, (0.45, 0.6), offset=(3.0, -2.0))
    run = xa_cases.static(arm=arm)
    result = xa.read_run(xa_cases.write(tmp_path / "run.dcm", run, enhanced=True))
    assert result.offset == pytest.approx((3.0, -2.0))
    assert_same_views(result.views(), run.views())
    with pytest.raises(ValueError, match="isocentre"):
        xa_cases.write(tmp_path / "classic.dcm", run)


@pytest.mark.parametrize("enhanced", KINDS.values(), ids=KINDS)
def test_a_moving_table_moves_the_patient(tmp_path, enhanced):
    run = xa_cases.static()
    table = np.outer(np.arange(len(run)), [2.0, -1.0, 0.5])
    moved = dataclasses.replace(run, table=table)
    result = xa.read_run(xa_cases.write(tmp_path / "run.dcm", moved, enhanced))
    np.testing.assert_allclose(result.table - result.table[0], table, atol=1e-4)
    last = len(run) - 1
    # A point of the patient is seen where it would be, moved along with the table.
    expected = run.views([last]).project(xa_cases.POINTS + table[last])
    np.testing.assert_allclose(result.views([last]).project(xa_cases.POINTS), expected, atol=1e-3)
    from_last = result.views([last], table_origin=result.table[last])
    assert_same_views(from_last, run.views([last]))


@pytest.mark.parametrize("enhanced", KINDS.values(), ids=KINDS)
def test_a_shutter_is_written_and_read(tmp_path, enhanced):
    run = xa_cases.static()
    exposed = np.zeros_like(run.exposed)
    exposed[4:30, 6:41] = True
    result = xa.read_run(
        xa_cases.write(tmp_path / "run.dcm", dataclasses.replace(run, exposed=exposed), enhanced)
    )
    np.testing.assert_array_equal(result.exposed, exposed)
    assert result.notes == (f"{(~exposed).sum()} pixels behind a shutter are masked",)
    measured = result.measured()
    assert (measured == np.swapaxes(exposed[::-1], 0, 1)).all()
    assert not result.line_integrals()[~measured].any()


@pytest.mark.parametrize("enhanced", KINDS.values(), ids=KINDS)
def test_the_same_run_gives_the_same_bytes_and_another_another_uid(tmp_path, enhanced):
    run = xa_cases.static()
    paths = [xa_cases.write(tmp_path / name, run, enhanced) for name in "ab"]
    first, second = (hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    assert first == second
    other = xa_cases.write(tmp_path / "c", xa_cases.static(primary=31.0), enhanced)
    uids = {pydicom.dcmread(path).SOPInstanceUID for path in (paths[0], other)}
    assert len(uids) == 2


def test_the_writer_refuses_what_a_file_cannot_hold(tmp_path):
    run = xa_cases.static()
    with pytest.raises(ValueError, match="12 bits"):
        write_run(dataclasses.replace(run, frames=run.frames + 4000), tmp_path / "a", "case")
    with pytest.raises(ValueError, match="plane A and a plane B"):
        write_run(run, tmp_path / "a", "case", partner=run)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="detector"):
        simulated_run(np.zeros((2, 3, 4)), xa_cases.ARM, 0.0)


# A validator


def faults(path):
    """What dciodvfy says is wrong, but for what it has wrong itself."""
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
    lines = (said.stdout + said.stderr).splitlines()
    found = [line for line in lines if "Error" in line or "Warning" in line]
    return [line for line in found if not any(words in line for words in NOT_WRONG)]


NOT_WRONG = (
    # Offsets from the first frame (PS3.3 C.8.7.5.1.3) begin with 0.
    "Value is zero for value",
    # PS3.3 C.8.19.2.1.3 has SINGLE PLANE and BIPLANE; the validator, terms of Plane Identification.
    "value 1 of attribute <Planes in Acquisition>",
    # The validator wants classic XA's image type (BIPLANE A) with the other plane's reference.
    "Element=<ReferencedOtherPlaneSequence>",
)
needs_dciodvfy = pytest.mark.skipif(
    shutil.which("dciodvfy") is None,
    reason="not run: dciodvfy of Debian's dicom3tools is not installed",
)


@needs_dciodvfy
@pytest.mark.parametrize("relationship", ["LIN", "LOG"])
@pytest.mark.parametrize("enhanced", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("make", [xa_cases.static, xa_cases.rotational])
def test_a_validator_finds_no_fault(tmp_path, make, enhanced, relationship):
    run = make(relationship=relationship)
    path = xa_cases.write(tmp_path / "run.dcm", run, enhanced)
    assert faults(path) == []
    lacking = xa_cases.edit(path, PatientID=None)
    assert any("PatientID" in line for line in faults(lacking))


@needs_dciodvfy
@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda s: s.name)
@pytest.mark.parametrize("enhanced", KINDS.values(), ids=KINDS)
def test_a_validator_finds_no_fault_in_a_pair(tmp_path, enhanced, syntax):
    paths = write_pair(*xa_cases.pair(), tmp_path, xa_cases.NAME, enhanced, syntax)
    assert [faults(path) for path in paths] == [[], []]
