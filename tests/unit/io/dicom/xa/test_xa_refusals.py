"""XA files that are refused, each with one sentence that names the file and what is missing."""

import re

import numpy as np
import pytest
import scanners
import xa_cases
from angiovox.errors import InputError
from angiovox.io.dicom import reader
from angiovox.io.dicom.xa import reader as xa
from angiovox.io.dicom.xa.pairing import check_together
from fuzz_dicom import CLASS_NAME, DAMAGES
from pydicom import uid
from pydicom.dataset import Dataset

PATIENT = "Zyxwvut^Qponml"


def item(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return [dataset]


def refusal(action, *arguments, **values):
    """The one sentence that something is refused with."""
    with pytest.raises(InputError) as error:
        action(*arguments, **values)
    sentence = str(error.value)
    assert len(sentence) < 300 and "\n" not in sentence, sentence
    assert not CLASS_NAME.search(sentence) and PATIENT not in sentence, sentence
    return sentence


def group_of(keyword):
    """Change an element in a functional group, shared or of each frame."""

    def change(group, value):
        def apply(dataset):
            shared = xa_cases.shared(dataset)
            if group in shared:
                items = [shared[group][0]]
            else:
                items = [frame[group][0] for frame in dataset.PerFrameFunctionalGroupsSequence]
            for one in items:
                if value is None:
                    del one[keyword]
                else:
                    setattr(one, keyword, value)

        return apply

    return change


def mask(operation="AVG_SUB", **values):
    return item(MaskOperation=operation, **values)


HEADERS = {  # what a classic file says, and words of the sentence
    "no primary angle": ({"PositionerPrimaryAngle": None}, "no PositionerPrimaryAngle, which"),
    "no secondary angle": ({"PositionerSecondaryAngle": None}, "no PositionerSecondaryAngle, "),
    "an empty angle": ({"PositionerPrimaryAngle": ""}, "no PositionerPrimaryAngle, which would"),
    "an angle of 400": ({"PositionerPrimaryAngle": "400"}, "400 degrees is impossible"),
    "a secondary angle of -120": ({"PositionerSecondaryAngle": "-120"}, "-120 degrees is"),
    "no distance to the detector": (
        {"DistanceSourceToDetector": None}, "no DistanceSourceToDetector, which would say how much"
    ),
    "no distance to the patient": (
        {"DistanceSourceToPatient": None}, "no DistanceSourceToPatient, which would say how much"
    ),
    "a distance of 0": ({"DistanceSourceToPatient": "0"}, "no DistanceSourceToPatient"),
    "the detector before the patient": (
        {"DistanceSourceToDetector": "700"}, "700 mm from source to detector and 785 mm"
    ),
    "no spacing": (
        {"ImagerPixelSpacing": None}, "no ImagerPixelSpacing, which would say how large a pixel"
    ),
    "spacing of a metre": ({"ImagerPixelSpacing": ["1000", "1000"]}, "of 1000 x 1000 mm is imp"),
    "one number of spacing": ({"ImagerPixelSpacing": "0.3"}, "ImagerPixelSpacing of 0.3 mm"),
    "no relation of grey and beam": (
        {"PixelIntensityRelationship": None}, "no PixelIntensityRelationship, where LIN or LOG"
    ),
    "grey for display": (
        {"PixelIntensityRelationship": "DISP"}, "PixelIntensityRelationship DISP, where LIN or LOG"
    ),
    "signed numbers": ({"PixelRepresentation": 1}, "signed numbers, so it was subtracted already"),
    "no mask": (
        {"MaskSubtractionSequence": None}, "no MaskSubtractionSequence, which would say which"
    ),
    "no subtraction": ({"MaskSubtractionSequence": mask("NONE")}, "no MaskSubtractionSequence"),
    "no mask frames": ({"MaskSubtractionSequence": mask()}, "no MaskFrameNumbers, which would"),
    "every frame a mask": (
        {"MaskSubtractionSequence": mask(MaskFrameNumbers=[1, 2, 3, 4, 5, 6])},
        "all 6 frames are masks",
    ),
    "a late mask": (
        {"MaskSubtractionSequence": mask(MaskFrameNumbers=6)},
        "mask frame 6 is later than contrast frame 1",
    ),
    "a mask that is not there": (
        {"MaskSubtractionSequence": mask(MaskFrameNumbers=7)},
        "subtraction with frame 7, of 6 frames",
    ),
    "a range that is not there": (
        {"MaskSubtractionSequence": mask(MaskFrameNumbers=1, ApplicableFrameRange=[2, 9])},
        "subtraction with frame 9, of 6 frames",
    ),
    "frames before the first": (
        {"MaskSubtractionSequence": mask("TID", TIDOffset=3, ApplicableFrameRange=[2, 5])},
        "TIDOffset of 3 has no mask for frame 2",
    ),
    "averaged beyond the last": (
        {"MaskSubtractionSequence": mask(MaskFrameNumbers=1, ContrastFrameAveraging=2,
                                         ApplicableFrameRange=[2, 6])},
        "frame 6 is to be averaged with frame 7",
    ),
    "frames of the future": (
        {"MaskSubtractionSequence": mask("TID", TIDOffset=-1)}, "is later than contrast frame"
    ),
    "another operation": (
        {"MaskSubtractionSequence": mask("REV_TID", TIDOffset=1, ApplicableFrameRange=[3, 4])},
        "MaskOperation REV_TID is not read",
    ),
    "half a range": (
        {"MaskSubtractionSequence": mask(MaskFrameNumbers=1, ApplicableFrameRange=[2, 3, 4])},
        "ApplicableFrameRange has 3 numbers",
    ),
    "half a shift": (
        {"MaskSubtractionSequence": mask(MaskFrameNumbers=1, MaskSubPixelShift=[1.0])},
        "MaskSubPixelShift has 1 numbers",
    ),
    "a rotational run called static": (
        {"PositionerPrimaryAngleIncrement": ["0", "5", "10", "15", "20", "25"]},
        "PositionerMotion is STATIC, but its angles change by 25 degrees",
    ),
    "a static run called rotational": (
        {"PositionerMotion": "DYNAMIC"}, "a rotational run, but its angles do not change"
    ),
    "increments of other frames": (
        {"PositionerPrimaryAngleIncrement": ["0", "5"]}, "has 2 numbers for 6 frames"
    ),
    "a table that moves and stands still": (
        {"TableLateralIncrement": "3"}, "TableMotion is STATIC, but its table moves by 15 mm"
    ),
    "a mirrored image": (
        {"PatientOrientation": ["R", "F"]}, r"PatientOrientation R\F contradicts the angles 30 and"
    ),
    "an image upside down": ({"PatientOrientation": ["L", "H"]}, "contradicts the angles"),
    "feet first": ({"PatientPosition": "FFS"}, "PatientPosition FFS, where directions"),
    "an eighth of a turn": ({"FieldOfViewRotation": "45"}, "45 degrees is no quarter turn"),
    "a shutter without edges": (
        {"ShutterShape": "RECTANGULAR"}, "no ShutterLeftVerticalEdge, which would say which pixels"
    ),
    "all shuttered": (
        {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [18, 22],
         "RadiusOfCircularShutter": 2},
        "1 % of its pixels were exposed",
    ),
    "a position that may be a name": ({"PatientPosition": "ANNA"}, "PatientPosition another, "),
    "bits that are not the lowest": ({"HighBit": 15}, "12 bits stored up to bit 15"),
    "colours": ({"PhotometricInterpretation": "RGB"}, "colours, where the beam's intensity"),
    "times of other frames": (
        {"FrameTimeVector": ["0", "1"]}, "FrameTimeVector has 2 numbers for 6 frames"
    ),
    "times that run backwards": (
        {"FrameTimeVector": ["0", "1", "1", "-5", "1", "1"]}, "run backwards"
    ),
    "no number": ({"InstanceNumber": 1, "DistanceSourceToDetector": "nan"}, "is no number"),
}  # fmt: skip


@pytest.mark.parametrize("values, words", HEADERS.values(), ids=HEADERS)
def test_a_header_that_lacks_or_contradicts(tmp_path, values, words):
    path = xa_cases.write(tmp_path / "run.dcm")
    xa_cases.edit(path, PatientName=PATIENT, **values)
    sentence = refusal(xa.read_run, path)
    assert words in sentence and sentence.startswith("run.dcm: ")


GROUPS = {  # what Enhanced XA lacks: element, group, value, words
    "angles": ("PositionerPrimaryAngle", "PositionerPositionSequence", None,
               "no PositionerPrimaryAngle"),
    "distance to the isocentre": ("DistanceSourceToIsocenter", "XRayGeometrySequence", None,
                                  "no DistanceSourceToPatient"),
    "distance": ("DistanceSourceToDetector", "XRayGeometrySequence", None,
                 "no DistanceSourceToDetector"),
    "spacing": ("ImagerPixelSpacing", "FramePixelDataPropertiesSequence", None,
                "no ImagerPixelSpacing"),
    "grey": ("PixelIntensityRelationship", "FramePixelDataPropertiesSequence", "DISP",
             "PixelIntensityRelationship DISP"),
    "turned table": ("TableHorizontalRotationAngle", "TablePositionSequence", 15.0,
                     "its table is turned or tilted"),
    "edges": ("CollimatorLeftVerticalEdge", "CollimatorShapeSequence", None,
              "no CollimatorLeftVerticalEdge"),
}  # fmt: skip


@pytest.mark.parametrize("keyword, group, value, words", GROUPS.values(), ids=GROUPS)
def test_an_enhanced_header_that_lacks(tmp_path, keyword, group, value, words):
    path = xa_cases.write(tmp_path / "run.dcm", enhanced=True)
    xa_cases.edit(path, group_of(keyword)(group, value), PatientName=PATIENT)
    assert refusal(xa.read_run, path).startswith(f"run.dcm: {words}")


def isocentre(**values):
    def change(dataset):
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            frame.IsocenterReferenceSystemSequence = item(
                **{
                    "PositionerIsocenterPrimaryAngle": 30.0,
                    "PositionerIsocenterSecondaryAngle": 20.0,
                    "PositionerIsocenterDetectorRotationAngle": 0.0,
                    "TableHorizontalRotationAngle": 0.0,
                    "TableHeadTiltAngle": 0.0,
                    "TableCradleTiltAngle": 0.0,
                }
                | values
            )

    return change


def test_angles_of_the_machine_contradict_those_of_the_patient(tmp_path):
    path = xa_cases.write(tmp_path / "run.dcm", enhanced=True)
    assert xa.read_run(xa_cases.edit(path, isocentre())).notes == ()
    xa_cases.edit(path, isocentre(PositionerIsocenterPrimaryAngle=45.0))
    assert "differ by 15 degrees with a straight table" in refusal(xa.read_run, path)
    xa_cases.edit(path, isocentre(PositionerIsocenterDetectorRotationAngle=12.0))
    assert "turned by 12 degrees about the central ray" in refusal(xa.read_run, path)


def test_geometry_of_fewer_frames(tmp_path):
    path = xa_cases.write(tmp_path / "run.dcm", enhanced=True)
    xa_cases.edit(path, lambda d: d.PerFrameFunctionalGroupsSequence.pop())
    assert "6 frames, but geometry for 5" in refusal(xa.read_run, path)


def test_spacing_that_differs_between_frames(tmp_path):
    path = xa_cases.write(tmp_path / "run.dcm", enhanced=True)

    def change(dataset):
        properties = xa_cases.shared(dataset).FramePixelDataPropertiesSequence[0]
        own = Dataset()
        own.update(properties)
        own.ImagerPixelSpacing = ["0.5", "0.5"]
        dataset.PerFrameFunctionalGroupsSequence[2].FramePixelDataPropertiesSequence = [own]

    xa_cases.edit(path, change)
    assert "ImagerPixelSpacing differs between its frames" in refusal(xa.read_run, path)


# Masks that are chosen


def test_chosen_masks_are_checked(tmp_path):
    path = xa_cases.write(tmp_path / "run.dcm")
    assert "later than contrast frame 3" in refusal(xa.read_run, path, masks=[4], contrast=[2])
    assert "no frame with contrast is left" in refusal(xa.read_run, path, masks=[5])
    assert "no frame with contrast is left" in refusal(xa.read_run, path, masks=[0], contrast=[])
    assert "no mask frame was chosen" in refusal(xa.read_run, path, masks=[])
    assert "all 6 frames are masks" in refusal(xa.read_run, path, masks=[0], contrast=[0])
    assert "subtraction with frame 9, of 6 frames" in refusal(
        xa.read_run, path, masks=[8], contrast=[9]
    )


def test_a_sweep_needs_a_mask_for_each_direction(tmp_path):
    path = xa_cases.write(tmp_path / "run.dcm", xa_cases.rotational())
    sentence = refusal(xa.read_run, path, masks=[0])
    assert "frame 2 was seen from 39 degrees away from its mask" in sentence


# Pixels


def overexposed(stored):
    stored[3, 5:20, 5:20] = 4095


def underexposed(stored):
    stored[3, 5:20, 5:20] = 0


@pytest.mark.parametrize("change", [overexposed, underexposed])
def test_too_much_saturation(tmp_path, change):
    path = xa_cases.repixel(xa_cases.write(tmp_path / "run.dcm"), change)
    sentence = refusal(xa.read_run, path)
    assert "run.dcm: 14 % of the pixels of frame 4 hold the lowest or highest number" in sentence
    # Frames without saturation may be chosen in place of it.
    assert xa.read_run(path, masks=[0], contrast=[1, 2]).exposed.all()


def table(count=4096, entries=None):
    dataset = Dataset()
    dataset.add_new("LUTDescriptor", "US", [count, 0, 16])
    numbers = np.arange(4096) if entries is None else entries
    dataset.add_new("LUTData", "OW", np.asarray(numbers).astype("<u2").tobytes())
    return [dataset]


def test_tables_that_lead_nowhere(tmp_path):
    path = xa_cases.write(tmp_path / "run.dcm", xa_cases.static(relationship="LOG"))
    xa_cases.edit(path, ModalityLUTSequence=table(4000))
    assert "look-up table of 4096 numbers, not 4000" in refusal(xa.read_run, path)
    xa_cases.edit(path, ModalityLUTSequence=table(entries=np.arange(4096) % 100))
    assert "rises and falls" in refusal(xa.read_run, path)


# Other files


def test_a_volume_is_no_run_and_a_run_no_volume(tmp_path):
    slices = tmp_path / "slices"
    slices.mkdir()
    scanners.shuffled(slices)
    assert re.search("a slice of a CT volume, no XA run; give it as a volume",
                     refusal(xa.read_run, slices))  # fmt: skip
    assert xa.find_runs(slices) == []
    as_xa = tmp_path / "xa"
    as_xa.mkdir()
    scanners.xa_slices(as_xa)
    assert "a slice of a volume stored as XA" in refusal(xa.read_run, as_xa)
    for enhanced in (False, True):
        path = xa_cases.write(tmp_path / f"{enhanced}.dcm", enhanced=enhanced)
        assert "give a run of X-ray projections as XA run (docs/xa.md)" in refusal(
            reader.find, path
        )
    series = xa_cases.single_frames(tmp_path / "False.dcm", tmp_path / "series")
    assert "no place in the patient" in refusal(reader.find, series)
    assert "XA run (docs/xa.md)" in refusal(reader.find, series)


def test_what_a_screen_showed_is_no_run(tmp_path):
    path = xa_cases.write(tmp_path / "run.dcm", xa_cases.static(bits=8))
    kind = uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage

    def change(dataset):
        dataset.file_meta.MediaStorageSOPClassUID = kind

    xa_cases.edit(path, change, SOPClassUID=kind)
    sentence = refusal(xa.read_run, path)
    assert "holds what a screen showed, without angles, distances" in sentence
    assert "export the XA run" in sentence


def test_another_kind_is_no_run(tmp_path):
    path = xa_cases.write(tmp_path / "run.dcm")
    kind = uid.UltrasoundMultiFrameImageStorage

    def change(dataset):
        dataset.file_meta.MediaStorageSOPClassUID = kind

    xa_cases.edit(path, change, SOPClassUID=kind)
    assert refusal(xa.read_run, path).endswith("Ultrasound Multi-frame Image Storage is no XA run")


def test_nothing_and_too_much(tmp_path):
    assert refusal(xa.read_run, tmp_path) == "no DICOM image, so no run"
    for name in ("a.dcm", "b.dcm"):
        xa_cases.write(tmp_path / name)
    sentence = refusal(xa.read_run, tmp_path)
    assert sentence.startswith("2 runs: a.dcm (XA, 6 frames of 44 x 36); b.dcm (XA,")
    for name in "cdefgh":
        xa_cases.write(tmp_path / f"{name}.dcm")
    assert refusal(xa.read_run, tmp_path).startswith("8 runs: a.dcm")


def test_series_of_single_frames_are_checked(tmp_path):
    path = xa_cases.write(tmp_path / "run.dcm")
    series = xa_cases.single_frames(path, tmp_path / "series")
    first, second, *_ = sorted(series.iterdir())
    xa_cases.edit(first, InstanceNumber=2)
    xa_cases.edit(second, InstanceNumber=2)
    assert "two frames of InstanceNumber 2 in one series" in refusal(xa.read_run, series)
    xa_cases.edit(second, InstanceNumber=None)
    assert "no InstanceNumber, which would say which frame" in refusal(xa.read_run, series)
    xa_cases.edit(second, InstanceNumber=9, BitsStored=10, HighBit=9)
    assert "another bits stored than" in refusal(xa.read_run, series)


def test_one_frame_has_nothing_to_be_subtracted(tmp_path):
    path = xa_cases.write(tmp_path / "run.dcm")
    xa_cases.repixel(path, lambda stored: stored[:1])
    xa_cases.edit(path, FrameTime=None, FrameIncrementPointer=None)
    assert "subtraction with frame 2, of 1 frames" in refusal(xa.read_run, path)
    xa_cases.edit(path, MaskSubtractionSequence=None)
    assert "no MaskSubtractionSequence" in refusal(xa.read_run, path)


# Runs together


def test_runs_of_two_patients(tmp_path):
    paths = [
        xa_cases.write(tmp_path / f"{k}.dcm", xa_cases.static(angle, 0.0))
        for k, angle in enumerate((0.0, 90.0))
    ]
    xa_cases.edit(paths[1], PatientID=PATIENT)
    runs = [xa.read_run(path) for path in paths]
    assert refusal(check_together, runs).startswith("0.dcm and 1.dcm: runs of 2 patients")


def test_one_direction_has_no_depth(tmp_path):
    run = xa.read_run(xa_cases.write(tmp_path / "run.dcm"))
    assert "one direction of view, and depth needs a second" in refusal(check_together, [run])
    assert "depth needs a second" in refusal(check_together, [run, run])


# Damage


def damaged(data: bytes, number: int) -> bytes:
    rng = np.random.default_rng([2718, number])
    damage = list(DAMAGES.values())[number % len(DAMAGES)]
    result = bytearray(data)
    damage(result, rng)
    return bytes(result)


@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "Enhanced"])
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless,
                                    uid.JPEG2000Lossless], ids=lambda s: s.name)  # fmt: skip
def test_damaged_files_give_a_run_or_a_sentence(tmp_path, enhanced, syntax):
    make = xa_cases.rotational if enhanced else xa_cases.static
    whole = xa_cases.write(tmp_path / "whole", make(relationship="LOG"), enhanced, syntax=syntax)
    data = whole.read_bytes()
    path = tmp_path / "IM"
    outcomes = []
    for number in range(50):
        path.write_bytes(damaged(data, number))
        try:
            run = xa.read_run(path)
        except InputError as error:
            sentence = str(error)
            assert not CLASS_NAME.search(sentence) and "nothing foresaw" not in sentence, number
            outcomes.append("refused")
        else:
            assert np.isfinite(run.line_integrals()).all()
            assert run.views().shape == run.line_integrals().shape
            outcomes.append("read")
    assert {*outcomes} == {"read", "refused"}
