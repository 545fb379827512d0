"""What an XA file may say in its own way: subtraction, grey, orientation, shutters, times."""

import numpy as np
import pydicom
import pytest
import xa_cases
from angiovox.geometry.cone_beam import CArm
from angiovox.io.dicom.xa import reader as xa
from angiovox.io.dicom.xa.pairing import check_together, widest_angle
from angiovox.io.dicom.xa.run import to_detector, to_image
from pydicom.dataset import Dataset
from scipy import ndimage

CLOSE = 0.01
KINDS = {"classic": False, "Enhanced": True}


@pytest.fixture
def path(tmp_path):
    return xa_cases.write(tmp_path / "run.dcm")


@pytest.fixture(scope="module")
def whole():
    """What the run of `path` gives unchanged."""
    return xa_cases.static()


def subtraction(**values):
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return [item]


# Subtraction


def test_masks_are_averaged(path, whole):
    """Two masks of double and half the beam: their mean is 1.25 times it."""

    def two_masks(stored):
        mask = stored[:1] / 2
        return np.concatenate([mask, 0.5 * mask, stored[1:] / 2])

    xa_cases.repixel(path, two_masks)
    xa_cases.edit(
        path,
        MaskSubtractionSequence=subtraction(MaskOperation="AVG_SUB", MaskFrameNumbers=[1, 2]),
    )
    run = xa.read_run(path)
    assert (run.masks, run.contrast) == ([0, 1], [2, 3, 4, 5, 6])
    expected = whole.line_integrals() + np.log(0.75)
    np.testing.assert_allclose(run.line_integrals(), expected, atol=CLOSE)


def test_each_frame_less_the_one_before(path, whole):
    item = subtraction(MaskOperation="TID", TIDOffset=1)
    run = xa.read_run(xa_cases.edit(path, MaskSubtractionSequence=item))
    assert run.contrast == [1, 2, 3, 4, 5]
    every = whole.line_integrals()
    expected = np.diff(np.concatenate([0 * every[:1], every]), axis=0)
    np.testing.assert_allclose(run.line_integrals(), expected, atol=1e-5)


def test_contrast_frames_may_be_averaged(path, whole):
    item = subtraction(MaskOperation="AVG_SUB", MaskFrameNumbers=1, ContrastFrameAveraging=2)
    run = xa.read_run(xa_cases.edit(path, MaskSubtractionSequence=item))
    assert run.contrast == [1, 2, 3, 4]
    every = whole.line_integrals()
    expected = -np.log((np.exp(-every[:-1]) + np.exp(-every[1:])) / 2)
    np.testing.assert_allclose(run.line_integrals(), expected, atol=1e-4)


def test_ranges_name_frames(path):
    item = subtraction(
        MaskOperation="AVG_SUB", MaskFrameNumbers=1, ApplicableFrameRange=[2, 3, 5, 5]
    )
    run = xa.read_run(xa_cases.edit(path, MaskSubtractionSequence=item))
    assert run.contrast == [1, 2, 4]
    with pytest.raises(xa.InputError, match="no mask is subtracted from frame 4"):
        run.line_integrals([3])


@pytest.mark.parametrize("shift", [(2.0, 0.0), (0.0, -3.0), (1.5, 2.5)], ids=str)
@pytest.mark.parametrize("enhanced", KINDS.values(), ids=KINDS)
def test_the_sequences_shift_undoes_a_shifted_mask(tmp_path, enhanced, shift):
    """The mask lies off by some pixels, up and to the right; the file says down and to the left."""
    smooth = to_detector(np.fromfunction(lambda r, c: 1 + r / 30 + c * c / 900, (36, 44)))
    run = xa_cases.static(bits=16, background=smooth)
    path = xa_cases.write(tmp_path / "run.dcm", run, enhanced)

    def move(stored):
        log = np.log(stored[0])
        stored[0] = np.exp(ndimage.shift(log, (-shift[0], shift[1]), order=3, mode="nearest"))

    xa_cases.repixel(path, move)
    wrong = np.abs(xa.read_run(path).line_integrals() - run.line_integrals()).max()
    if enhanced:

        def of_each_frame(dataset):
            for frame in dataset.PerFrameFunctionalGroupsSequence:
                frame.FramePixelShiftSequence = subtraction(
                    MaskSubPixelShift=list(shift), SubtractionItemID=1
                )

        xa_cases.edit(path, of_each_frame)
    else:
        xa_cases.edit(path, lambda d: setattr(d.MaskSubtractionSequence[0], "MaskSubPixelShift",
                                              list(shift)))  # fmt: skip
    result = xa.read_run(path)
    measured = result.measured()
    inner = np.zeros(measured.shape[1:], dtype=bool)
    inner[5:-5, 5:-5] = True
    assert measured[:, inner].all() and not measured.all()
    error = np.abs(result.line_integrals() - run.line_integrals())
    assert error[:, inner].max() < 0.005 < wrong / 10
    again = xa.read_run(xa_cases.write(tmp_path / "again.dcm", result, enhanced))
    np.testing.assert_allclose(again.line_integrals(), result.line_integrals(), atol=1e-5)


def test_a_frames_own_shift_goes_before_the_shared_one(tmp_path):
    path = xa_cases.write(tmp_path / "run.dcm", enhanced=True)

    def change(dataset):
        shift = subtraction(MaskSubPixelShift=[1.0, 2.0], SubtractionItemID=1)
        xa_cases.shared(dataset).FramePixelShiftSequence = shift
        own = subtraction(MaskSubPixelShift=[3.0, 4.0], SubtractionItemID=1)
        dataset.PerFrameFunctionalGroupsSequence[2].FramePixelShiftSequence = own
        of_another = subtraction(MaskSubPixelShift=[5.0, 6.0], SubtractionItemID=2)
        dataset.PerFrameFunctionalGroupsSequence[3].FramePixelShiftSequence = of_another

    (operation,) = xa.read_run(xa_cases.edit(path, change)).subtractions
    shifts = [operation.shift_of(frame) for frame in (1, 2, 3)]
    assert shifts == [(1.0, 2.0), (3.0, 4.0), (1.0, 2.0)]


def test_frames_may_be_chosen(path, whole):
    xa_cases.edit(path, MaskSubtractionSequence=None)
    run = xa.read_run(path, masks=[0])
    np.testing.assert_allclose(run.line_integrals(), whole.line_integrals(), atol=1e-6)
    some = xa.read_run(path, masks=[0], contrast=[2, 4])
    np.testing.assert_allclose(some.line_integrals(), whole.line_integrals([2, 4]), atol=1e-6)
    shifted = xa.read_run(path, masks=[0], shift=(1.0, 2.0))
    assert not shifted.measured()[:, :, -1].any() and not shifted.measured()[:, -1].any()
    assert run.with_masks([0, 1]).contrast == [2, 3, 4, 5]


def test_chosen_frames_go_before_those_of_the_file(path):
    assert xa.read_run(path, masks=[0, 1]).masks == [0, 1]


# Which frames


def test_the_best_filled_frame_and_those_of_good_filling(path, whole):
    run = xa.read_run(path)
    fullest = 1 + int(xa_cases.FILLING.argmax())
    assert run.best_filled() == fullest
    enough = xa_cases.FILLING >= 0.5
    assert set(run.fill_frames()) <= {1 + int(k) for k in np.flatnonzero(enough)}
    assert {fullest, fullest + 1} <= set(run.fill_frames())
    np.testing.assert_allclose(
        run.opacification / run.opacification.max(), xa_cases.FILLING, atol=0.05
    )


def test_a_brighter_beam_is_no_better_filling(path):
    """The tube's output changes from frame to frame; the vessels' share of it does not."""
    run = xa.read_run(path)

    def darken(stored):
        stored[-1] = stored[-1] * 0.3

    assert xa.read_run(xa_cases.repixel(path, darken)).best_filled() == run.best_filled()


def test_the_maximum_over_time_has_all_that_was_ever_filled(path):
    run = xa.read_run(path)
    np.testing.assert_array_equal(run.maximum_opacification(), run.line_integrals().max(axis=0))
    turned = xa_cases.rotational()
    with pytest.raises(xa.InputError, match="rotational run"):
        turned.maximum_opacification()


# Grey


@pytest.mark.parametrize("enhanced", KINDS.values(), ids=KINDS)
def test_numbers_that_fall_with_the_beam_give_the_same(tmp_path, enhanced):
    run = xa_cases.static()
    path = xa_cases.write(tmp_path / "run.dcm", run, enhanced)
    xa_cases.repixel(path, lambda stored: 4095 - stored)

    def falling(dataset):
        properties = dataset
        if enhanced:
            properties = xa_cases.shared(dataset).FramePixelDataPropertiesSequence[0]
        properties.PixelIntensityRelationshipSign = -1

    result = xa.read_run(xa_cases.edit(path, falling))
    np.testing.assert_allclose(result.line_integrals(), run.line_integrals(), atol=1e-6)
    again = xa.read_run(xa_cases.write(tmp_path / "again.dcm", result, enhanced))
    np.testing.assert_allclose(again.line_integrals(), run.line_integrals(), atol=1e-6)


def test_log_without_a_table_is_right_up_to_its_scale(tmp_path):
    run = xa_cases.static(relationship="LOG")
    path = xa_cases.write(tmp_path / "run.dcm", run)
    result = xa.read_run(xa_cases.edit(path, ModalityLUTSequence=None))
    assert not result.grey.scale_is_known
    assert any("unknown unit" in note for note in result.notes)
    ours, true = result.line_integrals(), xa_cases.truth(run)
    scale = (ours * true).sum() / (true * true).sum()
    np.testing.assert_allclose(ours / scale, true, atol=CLOSE)


def test_a_table_of_lin_is_not_applied(path, whole):
    """Only LOG needs one to lead back to the beam."""
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [4096, 0, 16])
    table.add_new("LUTData", "OW", np.arange(4096)[::-1].astype("<u2").tobytes())
    run = xa.read_run(xa_cases.edit(path, ModalityLUTSequence=[table]))
    np.testing.assert_allclose(run.line_integrals(), whole.line_integrals(), atol=1e-6)


def test_a_display_of_opposite_grey_changes_nothing(path, whole):
    run = xa.read_run(xa_cases.edit(path, PhotometricInterpretation="MONOCHROME1",
                                    WindowCenter="100", WindowWidth="5"))  # fmt: skip
    np.testing.assert_allclose(run.line_integrals(), whole.line_integrals(), atol=1e-6)


# Orientation

FORWARD = {  # what was applied to the detector's image: quarter turns clockwise, then a flip
    "as it is": (0, "NO"), "turned": (1, "NO"), "upside down": (2, "NO"),
    "flipped": (0, "YES"), "turned and flipped": (3, "YES"),
}  # fmt: skip


def applied(stored, turns, flip):
    turned = np.rot90(stored, -turns, axes=(-2, -1))
    return turned[..., ::-1] if flip == "YES" else turned


@pytest.mark.parametrize("turns, flip", FORWARD.values(), ids=FORWARD)
@pytest.mark.parametrize("enhanced", KINDS.values(), ids=KINDS)
def test_turns_and_flips_of_the_field_are_undone(tmp_path, enhanced, turns, flip):
    run = xa_cases.static()
    exposed = np.ones_like(run.exposed)
    exposed[:5, :9] = False
    path = xa_cases.write(tmp_path / "run.dcm", run, enhanced)
    size = applied(run.frames, turns, flip).shape[1:]
    corner = applied(exposed, turns, flip)
    xa_cases.repixel(path, lambda stored: applied(np.where(exposed, stored, 0), turns, flip))
    spacing = [str(edge) for edge in (run.pixel_mm[::-1] if turns % 2 else run.pixel_mm)]

    def change(dataset):
        dataset.Rows, dataset.Columns = size
        field, properties = dataset, dataset
        if enhanced:
            field = xa_cases.shared(dataset).FieldOfViewSequence[0]
            properties = xa_cases.shared(dataset).FramePixelDataPropertiesSequence[0]
            del xa_cases.shared(dataset)["CollimatorShapeSequence"]
        field.FieldOfViewRotation, field.FieldOfViewHorizontalFlip = str(90 * turns), flip
        properties.ImagerPixelSpacing = spacing
        if "PatientOrientation" in dataset:
            del dataset["PatientOrientation"]

    result = xa.read_run(xa_cases.edit(path, change))
    assert corner.shape == size
    np.testing.assert_array_equal(result.exposed, exposed)
    assert result.pixel_mm == pytest.approx(run.pixel_mm)
    np.testing.assert_array_equal(result.frames[:, exposed], run.frames[:, exposed])
    assert any("undone" in note for note in result.notes) == ((turns, flip) != (0, "NO"))


def test_a_shift_turns_with_its_image(tmp_path):
    run = xa_cases.static()
    path = xa_cases.write(tmp_path / "run.dcm", run)
    xa_cases.repixel(path, lambda stored: applied(stored, 1, "YES"))

    def change(dataset):
        dataset.Rows, dataset.Columns = run.frames.shape[:0:-1]
        dataset.FieldOfViewRotation, dataset.FieldOfViewHorizontalFlip = "90", "YES"
        dataset.ImagerPixelSpacing = [str(edge) for edge in run.pixel_mm[::-1]]
        dataset.MaskSubtractionSequence[0].MaskSubPixelShift = [2.0, 3.0]

    result = xa.read_run(xa_cases.edit(path, change))
    log_mask = np.log(applied(run.frames, 1, "YES")[0].astype(float))
    log_last = np.log(applied(run.frames, 1, "YES")[-1].astype(float))
    moved = ndimage.shift(log_mask, (2, -3), order=1, cval=np.nan)
    expected = np.nan_to_num(moved - log_last)
    seen = applied(to_image(result.line_integrals([5])), 1, "YES")[0]
    np.testing.assert_allclose(seen, expected, atol=1e-5)


@pytest.mark.parametrize(
    "primary, secondary, letters",
    [(0, 0, ["L", "F"]), (90, 0, ["P", "F"]), (-90, 0, ["A", "F"]), (30, 20, ["LP", "F"]),
     (40, 35, ["L", "FA"]), (179, 0, ["R", "F"])],
)  # fmt: skip
def test_letters_that_agree_with_the_angles_are_accepted(tmp_path, primary, secondary, letters):
    path = xa_cases.write(tmp_path / "run.dcm", xa_cases.static(primary, secondary))
    assert xa.read_run(xa_cases.edit(path, PatientOrientation=letters)).notes == ()


def test_an_image_that_stands_right_by_its_letters_is_not_turned_again(tmp_path):
    """The field's turn then tells of the detector, and was for the image to stand right."""
    run = xa_cases.static(0.0, 0.0)
    path = xa_cases.write(tmp_path / "run.dcm", run)
    values = {"FieldOfViewRotation": "180", "FieldOfViewHorizontalFlip": "NO"}
    result = xa.read_run(xa_cases.edit(path, PatientOrientation=["L", "F"], **values))
    np.testing.assert_array_equal(result.frames, run.frames)
    result = xa.read_run(xa_cases.edit(path, PatientOrientation=["R", "H"], **values))
    np.testing.assert_array_equal(result.frames, run.frames[:, ::-1, ::-1])


OFFSET = (3.0, -2.0)  # mm, right and up


@pytest.fixture
def off_the_middle(tmp_path):
    """An Enhanced file whose isocentre is not in the image's middle, and its run."""
    arm = CArm(1195.0, 785.0, xa_cases.ARM.detector, (0.45, 0.6), offset=OFFSET)
    run = xa_cases.static(arm=arm)
    return xa_cases.write(tmp_path / "run.dcm", run, enhanced=True), run


@pytest.mark.parametrize("turns, flip", FORWARD.values(), ids=FORWARD)
def test_the_isocentre_is_the_detectors_whatever_was_done_to_the_image(off_the_middle, turns, flip):
    path, run = off_the_middle
    xa_cases.repixel(path, lambda stored: applied(stored, turns, flip))

    def change(dataset):
        dataset.Rows, dataset.Columns = applied(run.frames, turns, flip).shape[1:]
        groups = xa_cases.shared(dataset)
        field, properties = groups.FieldOfViewSequence[0], groups.FramePixelDataPropertiesSequence
        field.FieldOfViewRotation, field.FieldOfViewHorizontalFlip = str(90 * turns), flip
        spacing = run.pixel_mm[::-1] if turns % 2 else run.pixel_mm
        properties[0].ImagerPixelSpacing = [str(edge) for edge in spacing]
        del groups["CollimatorShapeSequence"]

    result = xa.read_run(xa_cases.edit(path, change))
    assert result.offset == pytest.approx(OFFSET)
    np.testing.assert_allclose(result.views().origin, run.views().origin, atol=1e-3)


@pytest.mark.parametrize(
    "turns, flip, seen", [(2, "NO", (-3.0, 2.0)), (0, "YES", (-3.0, -2.0)), (2, "YES", (3.0, 2.0))]
)
def test_the_isocentre_turns_with_a_detector_whose_image_stands_right(
    off_the_middle, turns, flip, seen
):
    path, run = off_the_middle

    def change(dataset):
        groups = xa_cases.shared(dataset)
        field = groups.FieldOfViewSequence[0]
        field.FieldOfViewRotation, field.FieldOfViewHorizontalFlip = str(90 * turns), flip
        groups.PatientOrientationInFrameSequence = subtraction(PatientOrientation=["L", "F"])
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            del frame["IsocenterReferenceSystemSequence"]

    result = xa.read_run(xa_cases.edit(path, change))
    np.testing.assert_array_equal(result.frames, run.frames)
    assert result.offset == pytest.approx(seen)


# Shutters


def shutter(**values):
    return {f"Shutter{key}" if key in SIDES else key: value for key, value in values.items()}


SIDES = ("Shape", "LeftVerticalEdge", "RightVerticalEdge", "UpperHorizontalEdge",
         "LowerHorizontalEdge")  # fmt: skip
SHAPES = {
    "rectangle": (
        shutter(Shape="RECTANGULAR", LeftVerticalEdge=3, RightVerticalEdge=40,
                UpperHorizontalEdge=5, LowerHorizontalEdge=30),
        lambda r, c: (c >= 3) & (c <= 40) & (r >= 5) & (r <= 30),
    ),
    "circle": (
        shutter(Shape="CIRCULAR", CenterOfCircularShutter=[18, 22], RadiusOfCircularShutter=15),
        lambda r, c: (r - 18) ** 2 + (c - 22) ** 2 <= 225,
    ),
    "polygon": (
        shutter(Shape="POLYGONAL",
                VerticesOfThePolygonalShutter=[2, 3, 2, 40, 33, 40, 33, 3]),
        lambda r, c: (c >= 3) & (c < 40) & (r >= 2) & (r < 33),
    ),
}  # fmt: skip


@pytest.mark.parametrize("values, inside", SHAPES.values(), ids=SHAPES)
def test_shutters_leave_what_lies_within(path, values, inside):
    run = xa.read_run(xa_cases.edit(path, **values))
    row, column = np.indices(run.exposed.shape) + 1
    np.testing.assert_array_equal(run.exposed, inside(row, column))


def test_a_collimator_and_a_shutter_are_both_obeyed(path):
    rectangle = SHAPES["rectangle"][0]
    values = {key.replace("Shutter", "Collimator"): value for key, value in rectangle.items()}
    run = xa.read_run(xa_cases.edit(path, **values, **SHAPES["circle"][0]))
    row, column = np.indices(run.exposed.shape) + 1
    both = SHAPES["rectangle"][1](row, column) & SHAPES["circle"][1](row, column)
    np.testing.assert_array_equal(run.exposed, both)


@pytest.mark.parametrize("relationship", ["LIN", "LOG"])
def test_a_dark_border_that_nothing_names_is_masked(tmp_path, relationship):
    path = xa_cases.write(tmp_path / "run.dcm", xa_cases.static(relationship=relationship))

    def close(stored):
        stored[:, :4] = 0
        stored[:, :, -3:] = 0

    run = xa.read_run(xa_cases.repixel(path, close))
    expected = np.ones(run.exposed.shape, dtype=bool)
    expected[:4] = expected[:, -3:] = False
    np.testing.assert_array_equal(run.exposed, expected)
    assert any("border without beam" in note for note in run.notes)


def test_padding_is_masked(path):
    def pad(stored):
        stored[:, :3, :5] = 7

    xa_cases.repixel(path, pad)
    run = xa.read_run(xa_cases.edit(path, lambda d: d.add_new("PixelPaddingValue", "US", 7)))
    assert not run.exposed[:3, :5].any() and run.exposed.sum() == run.exposed.size - 15


def test_single_saturated_pixels_are_masked_and_noted(path, whole):
    def saturate(stored):
        stored[2, 10, 11], stored[3, 20, 5] = 4095, 0

    run = xa.read_run(xa_cases.repixel(path, saturate))
    lost = ~to_image(run.measured())  # of frames 1 to 5
    assert lost.sum() == 2 and lost[1, 10, 11] and lost[2, 20, 5] and run.exposed.all()
    assert run.notes == ("up to 1 over- or underexposed pixels in a frame are masked",)
    assert not to_image(run.line_integrals())[lost].any()
    others = to_detector(~lost.any(axis=0))
    np.testing.assert_allclose(
        run.maximum_opacification()[others], whole.maximum_opacification()[others], atol=1e-6
    )


# Times, angles and files


def test_times_between_frames_may_differ(path):
    vector = ["40", "100", "100", "250", "500", "500"]
    xa_cases.edit(path, FrameTime=None, FrameTimeVector=vector, FrameIncrementPointer=0x00181065)
    np.testing.assert_allclose(xa.read_run(path).times, [0, 0.1, 0.2, 0.45, 0.95, 1.45])


def test_a_rate_says_when_frames_were_taken(path):
    run = xa.read_run(xa_cases.edit(path, FrameTime=None, CineRate="4"))
    np.testing.assert_allclose(run.times, np.arange(6) / 4)


def test_a_run_without_times_is_noted(path):
    run = xa.read_run(xa_cases.edit(path, FrameTime=None))
    assert run.times is None and any("no times" in note for note in run.notes)


def test_one_increment_is_that_of_each_frame(tmp_path):
    path = xa_cases.write(tmp_path / "run.dcm", xa_cases.rotational())
    xa_cases.edit(path, PositionerPrimaryAngle="-30", PositionerPrimaryAngleIncrement="1.5",
                  PositionerSecondaryAngleIncrement="0")  # fmt: skip
    xa_cases.edit(path, MaskSubtractionSequence=subtraction(MaskOperation="TID", TIDOffset=1))
    angles = xa.read_run(path).angles
    np.testing.assert_allclose(angles[:, 0], -30 + 1.5 * np.arange(12))
    assert (angles[:, 1] == angles[0, 1]).all()


def test_increments_may_be_the_angles_themselves(tmp_path):
    """The standard allows it, where the angle they begin from is 0."""
    run = xa_cases.rotational()
    path = xa_cases.write(tmp_path / "run.dcm", run)
    absolute = [f"{angle:.8g}" for angle in run.angles[:, 0]]
    xa_cases.edit(path, PositionerPrimaryAngle="0", PositionerPrimaryAngleIncrement=absolute)
    np.testing.assert_allclose(xa.read_run(path).angles, run.angles, atol=1e-6)


def test_a_table_that_moves_under_the_mask_is_noted(path):
    steps = ["0", "1", "2", "3", "4", "5"]
    xa_cases.edit(path, TableMotion="DYNAMIC", TableLongitudinalIncrement=steps)
    run = xa.read_run(path)
    np.testing.assert_allclose(run.table[:, 0], range(6))  # makers' longitudinal: to the left
    note = "the table moved by up to 5 mm between mask and contrast; not undone"
    assert run.notes == (note,)


@pytest.mark.parametrize("make", [xa_cases.static, xa_cases.rotational])
def test_a_series_of_one_file_for_each_frame_is_the_same_run(tmp_path, make):
    run = make()
    path = xa_cases.write(tmp_path / "run.dcm", run)
    result = xa.read_run(xa_cases.single_frames(path, tmp_path / "series"))
    np.testing.assert_array_equal(result.frames, run.frames)
    np.testing.assert_allclose(result.angles, run.angles, atol=1e-6)
    np.testing.assert_allclose(result.times, np.arange(len(run)))
    np.testing.assert_allclose(result.line_integrals(), run.line_integrals(), atol=1e-6)


def test_runs_are_found_among_other_files(tmp_path):
    import scanners

    (tmp_path / "ct").mkdir()
    scanners.shuffled(tmp_path / "ct")
    (tmp_path / "notes.txt").write_text("no DICOM")
    path = xa_cases.write(tmp_path / "b.dcm")
    xa_cases.write(tmp_path / "c.dcm", xa_cases.rotational(), enhanced=True)
    xa_cases.single_frames(path, tmp_path / "series")
    xa_cases.edit(path, SeriesInstanceUID="1.2.3.4")
    found = xa.find_runs(tmp_path)
    assert [run.num_frames for run in found] == [6, 12, 6]
    assert [run.kind for run in found] == ["XA", "Enhanced XA", "XA"]
    assert str(found[0]) == "b.dcm (XA, 6 frames of 44 x 36)"
    np.testing.assert_array_equal(found[0].read().frames, xa.read_run(path).frames)


def test_a_magnification_that_contradicts_the_distances_is_noted(path):
    run = xa.read_run(xa_cases.edit(path, EstimatedRadiographicMagnificationFactor="1.1"))
    assert run.notes == ("enlarged 1.1 times by its header, 1.52 by its distances",)


# Runs together


def runs_at(tmp_path, *angles):
    return [
        xa.read_run(xa_cases.write(tmp_path / f"{k}.dcm", xa_cases.static(*pair)))
        for k, pair in enumerate(angles)
    ]


def test_close_directions_are_noted_with_what_they_cost(tmp_path):
    together = check_together(runs_at(tmp_path, (0, 0), (10, 0)))
    assert together.degrees == pytest.approx(10)
    assert any("10 degrees apart" in note and "5.8 times" in note for note in together.notes)
    assert not together.biplane


def test_runs_of_different_acquisitions_are_noted(tmp_path):
    together = check_together(runs_at(tmp_path, (0, 0), (90, 0)))
    assert together.notes == (
        "runs of different acquisitions: the patient, or the filling, may have changed between",
    )


def test_a_rotational_run_is_enough_by_itself(tmp_path):
    run = xa.read_run(xa_cases.write(tmp_path / "run.dcm", xa_cases.rotational()))
    assert check_together([run]).notes == ()


def test_planes_that_name_each_other_are_one_acquisition_and_others_are_not(tmp_path):
    first, second = xa_cases.pair()
    paths = [xa_cases.write(tmp_path / name, run) for name, run in (("a", first), ("b", second))]
    assert check_together([xa.read_run(path) for path in paths]).biplane  # by number and time
    xa_cases.edit(paths[1], AcquisitionDateTime="20230101130000")
    assert not check_together([xa.read_run(path) for path in paths]).biplane
    named = pydicom.dcmread(paths[0]).SOPInstanceUID
    xa_cases.edit(paths[1], ReferencedImageSequence=subtraction(ReferencedSOPInstanceUID=named))
    assert check_together([xa.read_run(path) for path in paths]).biplane


def test_opposite_directions_are_one():
    assert widest_angle(np.array([[0.0, 0.0], [180.0, 0.0]])) == pytest.approx(0, abs=1e-6)
    assert widest_angle(np.array([[0.0, 0.0], [45.0, 0.0], [135.0, 0.0]])) == pytest.approx(90)
    assert widest_angle(np.array([[30.0, 0.0], [30.0, 25.0]])) == pytest.approx(25)


def test_a_run_tells_no_patient(path):
    dataset = pydicom.dcmread(path)
    secrets = [str(dataset.PatientID), str(dataset.PatientName), str(dataset.StudyInstanceUID)]
    run = xa.read_run(path)
    shown = repr(run) + repr(run.identity)
    assert not [secret for secret in secrets if secret in shown.replace("run.dcm", "")]
