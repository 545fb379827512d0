"""Series as scanners and archives leave them: the volume that an independent reader gives, or one
sentence."""

import re
import struct
import time
from pathlib import Path

import dicom_cases
import numpy as np
import pydicom
import pytest
import scanners
import SimpleITK
import yaml
from angiovox.errors import InputError
from angiovox.geometry.affine import LPS_TO_RAS
from angiovox.io.dicom import codes, decoding, discovery, pixel_data
from angiovox.io.dicom import reader as reading
from conftest import ROOT
from pydicom import uid
from pydicom.encaps import encapsulate, generate_frames

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
PAGE = ROOT / "docs" / "dicom.md"


LARGE = (scanners.many_files, scanners.whole_archive)  # of 20,000 files and more


def params(cases):
    """Cases for a test, large ones for the thorough tier."""
    return [
        pytest.param(case, marks=pytest.mark.thorough) if case.build in LARGE else case
        for case in cases
    ]


def built(case, folder):
    folder.mkdir(exist_ok=True)
    case.build(folder)
    return folder


def by_simpleitk(folder, series=None):
    """Volume (x, y, z) and RAS affine of the one series that SimpleITK finds in a folder, or of a
    multi-frame file, turned to the patient's axes."""
    reader = SimpleITK.ImageSeriesReader()
    candidates = []
    for here in [folder, *(path for path in sorted(folder.rglob("*")) if path.is_dir())]:
        if here.is_symlink() or "loop" in here.parts or len(list(here.iterdir())) > 1000:
            continue
        for name in reader.GetGDCMSeriesIDs(str(here)):
            candidates.append(reader.GetGDCMSeriesFileNames(str(here), name))
    by_series = {}
    for files in candidates:
        slices = [f for f in files if not odd(f, series)]
        if slices:
            key = SimpleITK_value(slices[0], "0020|000e")
            by_series.setdefault(key, []).extend(slices)
    files = max(by_series.values(), key=len)
    if len(files) == 1:
        image = SimpleITK.ReadImage(files[0])
    else:
        reader.SetFileNames(in_order(files))
        image = reader.Execute()
    image = SimpleITK.DICOMOrient(image, "LPS")
    affine = np.eye(4)
    directions = np.reshape(image.GetDirection(), (3, 3))
    affine[:3, :3] = directions * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image).T, LPS_TO_RAS @ affine


def SimpleITK_value(path, tag):
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(path)
    reader.ReadImageInformation()
    return reader.GetMetaData(tag).strip() if reader.HasMetaDataKey(tag) else ""


def odd(path, series):
    """What SimpleITK would take for slices too: localizers, key images, and other series."""
    other = series is not None and SimpleITK_value(path, "0020|0011") != series
    kind = SimpleITK_value(path, "0008|0016")
    return other or "LOCALIZER" in SimpleITK_value(path, "0008|0008") or kind.endswith(".7")


def in_order(files):
    """By position along the normal; SimpleITK orders only what lies in one folder."""
    place = [np.array(SimpleITK_value(f, "0020|0032").split("\\"), dtype=float) for f in files]
    direction = np.array(SimpleITK_value(files[0], "0020|0037").split("\\"), dtype=float)
    normal = np.cross(direction[:3], direction[3:])
    return [files[i] for i in np.argsort([normal @ p for p in place])]


@pytest.mark.parametrize(
    "case",
    params(case for case in dicom_cases.READ if case.itk),
    ids=lambda case: case.build.__name__,
)
def test_it_is_what_an_independent_reader_makes_of_the_same_files(case, tmp_path):
    folder = built(case, tmp_path)
    volume, affine = reading.read_volume(folder, **case.read)
    expected, placed = by_simpleitk(folder, case.read.get("series"))
    assert volume.dtype == np.float32
    np.testing.assert_allclose(affine, placed, atol=1e-4)
    np.testing.assert_array_equal(volume, expected)


@pytest.mark.parametrize("case", params(dicom_cases.REFUSED), ids=lambda case: case.name)
def test_what_is_no_volume_ends_in_one_sentence_within_seconds(case, tmp_path):
    folder = built(case, tmp_path)
    start = time.process_time()
    with pytest.raises(InputError) as refused:
        reading.read_volume(folder, **case.read)
    assert time.process_time() - start < 60
    sentence = str(refused.value)
    assert sentence
    assert "\n" not in sentence
    assert not re.search(r"\d+(\.\d+){4,}", sentence)  # no UID


@pytest.mark.parametrize(
    "case", [case for case in dicom_cases.READ if case.as_in], ids=lambda case: case.build.__name__
)
def test_it_is_the_volume_of_a_plain_series(case, tmp_path):
    volume, affine = reading.read_volume(built(case, tmp_path / "of the kind"), **case.read)
    (tmp_path / "plain").mkdir()
    case.as_in(tmp_path / "plain")
    expected, placed = reading.read_volume(tmp_path / "plain")
    np.testing.assert_array_equal(volume, expected)
    np.testing.assert_allclose(affine, placed, atol=1e-6)


@pytest.mark.parametrize(
    "case",
    [case for case in dicom_cases.REFUSED if case.said],
    ids=lambda case: case.build.__name__,
)
def test_it_is_said_what_it_is(case, tmp_path):
    with pytest.raises(InputError, match=re.escape(case.said)):
        reading.read_volume(built(case, tmp_path))


# What SimpleITK reads otherwise, or not at all


def test_frames_in_no_order_are_put_in_order(tmp_path):
    scanners.enhanced_ct_shuffled(tmp_path / "shuffled")
    scanners.enhanced_ct(tmp_path / "in order")
    volume, affine = reading.read_volume(tmp_path / "shuffled")
    expected, placed = reading.read_volume(tmp_path / "in order")
    np.testing.assert_array_equal(volume, expected)
    np.testing.assert_allclose(affine, placed)


def test_padding_has_the_least_value_of_the_field_of_view(tmp_path):
    scanners.padded(tmp_path)
    volume, _ = reading.read_volume(tmp_path)
    stored = scanners.stored()
    inside = np.ones(stored.shape, dtype=bool)
    inside[:, :3, :2] = False
    np.testing.assert_array_equal(volume.T[inside], stored[inside] - 1024)
    np.testing.assert_array_equal(volume.T[~inside], stored[inside].min() - 1024)


def test_hounsfield_units_stay_what_they_are_in_monochrome1(tmp_path):
    scanners.monochrome1_hounsfield(tmp_path)
    np.testing.assert_array_equal(reading.read_volume(tmp_path)[0].T, scanners.stored() - 1024)


def test_hounsfield_units_stay_what_they_are_in_the_frames_of_a_monochrome1_file(tmp_path):
    photometric = {"PhotometricInterpretation": "MONOCHROME1"}
    whole = scanners.multi_frame(scanners.series(), uid.EnhancedCTImageStorage, "CT", **photometric)
    for groups in whole.PerFrameFunctionalGroupsSequence:
        groups.PixelValueTransformationSequence[0].RescaleType = "HU"
    scanners.save(tmp_path, [whole])
    np.testing.assert_array_equal(reading.read_volume(tmp_path)[0].T, scanners.stored() - 1024)


@pytest.mark.parametrize("lacking", ["RescaleSlope", "RescaleIntercept"])
def test_a_slice_that_lacks_the_others_rescaling_is_refused(tmp_path, lacking):
    """Its values would be a thousand off."""
    slices = scanners.series()
    delattr(slices[2], lacking)
    scanners.save(tmp_path, slices)
    with pytest.raises(InputError, match="another way from pixels to values"):
        reading.find(tmp_path)


def test_a_frame_that_lacks_the_others_rescaling_is_refused(tmp_path):
    whole = scanners.multi_frame(scanners.series(), uid.EnhancedCTImageStorage, "CT")
    del whole.PerFrameFunctionalGroupsSequence[3].PixelValueTransformationSequence
    scanners.save(tmp_path, [whole])
    with pytest.raises(InputError, match="frame 4: another way from pixels to values"):
        reading.find(tmp_path)


@pytest.mark.parametrize(
    ("keyword", "value", "said"),
    [("RescaleType", "US", "way from pixels"), ("BitsStored", 12, "kind of pixels")],
)
def test_a_slice_inverted_otherwise_than_the_others_is_refused(tmp_path, keyword, value, said):
    slices = scanners.series(PhotometricInterpretation="MONOCHROME1")
    setattr(slices[2], keyword, value)
    slices[2].HighBit = slices[2].BitsStored - 1
    scanners.save(tmp_path, slices)
    with pytest.raises(InputError, match=f"another {said}"):
        reading.find(tmp_path)


def test_pixels_in_the_upper_bits_are_refused(tmp_path):
    """As old scanners wrote them; the lower bits alone are noise."""
    slices = scanners.series(scanners.stored() << 4, BitsStored=12, HighBit=15)
    scanners.save(tmp_path, slices)
    with pytest.raises(InputError, match="12 bits stored up to bit 15"):
        reading.find(tmp_path)


def test_the_phases_beside_a_magnitude_are_left_out(tmp_path):
    scanners.with_phases(tmp_path)
    volume, _ = reading.read_volume(tmp_path)
    np.testing.assert_array_equal(volume.T, scanners.stored())


def test_padding_beyond_the_bits_that_are_stored_is_padding(tmp_path):
    """Masked to 12 bits, -2000 would be a bright ring."""
    words = scanners.stored()
    words[:, :3, :2] = 0xF830
    slices = scanners.series(words, BitsStored=12, HighBit=11)
    for one in slices:
        one.add_new("PixelPaddingValue", "US", 0xF830)
    scanners.save(tmp_path, slices)
    volume, _ = reading.read_volume(tmp_path)
    assert (volume[:2, :3] == volume.min()).all()
    np.testing.assert_array_equal(volume.T[:, 3:], words[:, 3:] - 1024)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_deflated_multi_frame_file_is_read(tmp_path, threads):
    whole = scanners.multi_frame(scanners.series(), uid.EnhancedCTImageStorage, "CT")
    whole.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    scanners.save(tmp_path, [whole])
    volume, _ = reading.read_volume(tmp_path, threads=threads)
    np.testing.assert_array_equal(volume.T, scanners.stored() - 1024)


CODED = {"jpeg_ls": (b"\xff\xf7", 5, ">HH"), "jpeg_2000": (b"\xff\x51", 6, ">II")}


@pytest.mark.parametrize("size", [60_000, 30])
@pytest.mark.parametrize("build", CODED)
def test_compressed_pixels_of_another_size_are_refused_before_they_are_decoded(
    tmp_path, build, size
):
    """Decoders take what memory the code asks for, and minutes."""
    getattr(scanners, build)(tmp_path)
    path = tmp_path / "IM0010"
    data = bytearray(path.read_bytes())
    marker, skipped, form = CODED[build]
    struct.pack_into(form, data, data.index(marker) + skipped, size, size)
    path.write_bytes(data)
    start = time.process_time()
    with pytest.raises(InputError, match=r"IM0010: .* pixels compressed, .* declared"):
        reading.read_volume(tmp_path)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("build", [scanners.jpeg_lossless, scanners.jpeg_twelve_bits])
def test_the_size_of_compressed_pixels_is_found(tmp_path, build):
    build(tmp_path)
    frame = reading.find(tmp_path).stack.frames[0]
    code = next(generate_frames(pydicom.dcmread(frame.image.path).PixelData, number_of_frames=1))
    assert codes.coded_size(code) == frame.image.size


def test_the_size_of_jpeg_2000_in_a_box_is_found(tmp_path):
    scanners.jpeg_2000(tmp_path)
    slice_ = pydicom.dcmread(tmp_path / "IM0010")
    code = next(generate_frames(slice_.PixelData, number_of_frames=1))
    box = struct.pack(">I4sI", 12, b"jP  ", 0x0D0A870A) + struct.pack(">I4s", 0, b"jp2c")
    assert codes.coded_size(box + code) == codes.coded_size(code) == (34, 40)


def test_values_are_rounded_once(tmp_path):
    scanners.save(tmp_path, scanners.series(RescaleSlope="0.012345", RescaleIntercept="-1023.77"))
    volume, _ = reading.read_volume(tmp_path)
    exact = scanners.stored() * 0.012345 - 1023.77
    np.testing.assert_array_equal(volume.T, exact.astype(np.float32))


def shifted_half(slices):
    """In the middles between slices: evenly spaced together with those that were there."""
    for one in slices:
        *aside, level = map(float, one.ImagePositionPatient)
        one.ImagePositionPatient = [*aside, level + scanners.SPACING[0] / 2]
    return slices


@pytest.mark.parametrize("keyword", ["KVP", "EchoTime", "ConvolutionKernel"])
def test_two_series_in_one_whose_slices_lie_between_each_others_are_refused(tmp_path, keyword):
    scanners.save(tmp_path, scanners.series(**{keyword: "80"}))
    scanners.save(tmp_path / "b", shifted_half(scanners.series(**{keyword: "140"})))
    with pytest.raises(InputError, match="another energy, echo or kernel"):
        reading.find(tmp_path)


def test_two_echoes_in_one_file_whose_slices_lie_between_each_others_are_refused(tmp_path):
    slices = scanners.series() + shifted_half(scanners.series())
    whole = scanners.multi_frame(slices, uid.EnhancedMRImageStorage, "MR")
    for number, groups in enumerate(whole.PerFrameFunctionalGroupsSequence):
        groups.MREchoSequence = [pydicom.Dataset()]
        groups.MREchoSequence[0].EffectiveEchoTime = 3.5 if number < scanners.SHAPE[0] else 20.0
    scanners.save(tmp_path, [whole])
    with pytest.raises(InputError, match="frame 7: another energy, echo or kernel"):
        reading.find(tmp_path)


@pytest.mark.parametrize(
    "values", [{"Rows": 17}, {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}]
)
def test_a_header_of_half_the_pixels_is_refused(tmp_path, values):
    scanners.save(tmp_path, scanners.series(**values))
    with pytest.raises(InputError, match="1360 bytes of pixels declared and 2720 there"):
        reading.find(tmp_path)


def test_frames_without_places_are_a_cine_however_many_are_declared(tmp_path):
    """Not looked at one by one: a hundred million would fill the memory."""
    whole = scanners.multi_frame(scanners.series(), uid.EnhancedCTImageStorage, "CT")
    whole.compress(uid.RLELossless)
    del whole.PerFrameFunctionalGroupsSequence
    whole.Rows, whole.Columns, whole.NumberOfFrames = 4, 4, 100_000_000
    scanners.save(tmp_path, [whole])
    with pytest.raises(InputError, match="100000000 frames without a position for each"):
        reading.find(tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        {"PhotometricInterpretation": "RGB"},
        {"SamplesPerPixel": 3, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "Rows": 11},
        {"BitsAllocated": 12},
        {"syntax": scanners.UNDECODED},
    ],
    ids=str,
)
def test_a_series_with_one_image_of_another_kind_gives_no_way_to_the_next(tmp_path, values):
    """It is broken, and may be the one that is meant."""
    slices = scanners.series()
    scanners.change(slices[2], {k: v for k, v in values.items() if k != "syntax"})
    if "syntax" in values:
        slices[2].file_meta.TransferSyntaxUID = values["syntax"]
        slices[2].PixelData = encapsulate([b"\0" * 64])
    scanners.save(tmp_path, slices)
    scanners.save(tmp_path / "b", scanners.series(SeriesInstanceUID="1.2.3.9", SeriesNumber=5))
    with pytest.raises(InputError, match="2 series may be the volume"):
        reading.find(tmp_path)
    with pytest.raises(InputError, match="IM0017"):
        reading.find(tmp_path, "3")


def test_a_slice_without_preamble_that_lost_its_kind_is_refused(tmp_path):
    """At an end no gap would betray that it is missing."""
    scanners.without_preamble(tmp_path)
    path = tmp_path / "IM5"
    data = bytearray(path.read_bytes())
    data[data.index(b"\x08\0\x16\0") + 2] = 0xC5
    path.write_bytes(data)
    with pytest.raises(InputError, match="IM5: broken"):
        reading.find(tmp_path)


def test_rounded_positions_give_the_spacing_that_they_were_rounded_from(tmp_path):
    scanners.rounded(tmp_path)
    _, affine = reading.read_volume(tmp_path)
    assert abs(affine[2, 2] - 0.625) < 0.002


def test_a_missing_slice_is_interpolated_where_that_is_asked_for(tmp_path):
    scanners.missing_interpolated(tmp_path)
    found = reading.find(tmp_path, largest_gap=2)
    volume, affine = found.read()
    expected = (scanners.stored() - 1024).astype(np.float32)
    expected[3] = (expected[2] + expected[4]) / 2
    np.testing.assert_allclose(volume.T, expected)
    np.testing.assert_allclose(affine[2], [0, 0, scanners.SPACING[0], scanners.ORIGIN[2]])
    assert "1 missing slice interpolated" in found.stack.notes[0]


def test_a_gap_wider_than_allowed_is_refused_with_what_would_allow_it(tmp_path):
    slices = scanners.series()
    del slices[2:4]
    scanners.save(tmp_path, slices)
    with pytest.raises(InputError, match="largest_gap to 3"):
        reading.find(tmp_path, largest_gap=2)
    assert reading.find(tmp_path, largest_gap=3).stack.shape == scanners.SHAPE[::-1]


def test_the_widest_gap_says_what_would_allow_all(tmp_path):
    slices = scanners.series(np.ones((20, 4, 5)))
    scanners.save(tmp_path, slices[:4] + slices[5:9] + slices[11:])
    for allowed in (1, 2):
        with pytest.raises(InputError, match="largest_gap to 3"):
            reading.find(tmp_path, largest_gap=allowed)


@pytest.mark.parametrize("gap", [10, 11])
def test_no_gap_is_offered_that_the_config_refuses(tmp_path, gap):
    keys = yaml.safe_load(SCHEMA.read_text())["properties"]
    widest = keys["dicom"]["properties"]["largest_gap"]["maximum"]
    slices = scanners.series(np.ones((20, 4, 5)))
    scanners.save(tmp_path, slices[:4] + slices[3 + gap :])
    with pytest.raises(InputError, match="find them") as refused:
        reading.find(tmp_path)
    assert ("dicom.largest_gap" in str(refused.value)) == (gap <= widest)


def test_a_tilted_stack_is_straightened(tmp_path):
    """Values that follow from the place linearly are the same at the same place afterwards."""
    scanners.tilted(tmp_path)
    volume, affine = reading.read_volume(tmp_path)
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    np.testing.assert_allclose(axes, np.diag([-1.0, -1.0, 1.0]), atol=1e-6)
    index = np.indices(volume.shape).reshape(3, -1)
    lps = (LPS_TO_RAS @ affine @ np.vstack([index, np.ones(index.shape[1])]))[:3]
    x, y, z = (lps - scanners.ORIGIN[:, None]).reshape(3, *volume.shape)
    expected = 100 * y + 20 * x + 30 * z - 1024
    rows = (y - z * np.tan(np.radians(15))) / scanners.SPACING[1]  # of the tilted slices
    inside = (rows > 0) & (rows < scanners.SHAPE[1] - 1)
    assert inside.mean() > 0.8
    np.testing.assert_allclose(volume[inside], expected[inside], atol=1.01)  # stored as integers
    outside = (rows < -1.01) | (rows > scanners.SHAPE[1] + 0.01)
    assert (volume[outside] == volume.min()).all()


def test_threads_change_nothing(tmp_path):
    scanners.enhanced_j2k(tmp_path)
    found = reading.find(tmp_path)
    np.testing.assert_array_equal(found.read(1)[0], found.read(3)[0])


@pytest.mark.parametrize("build", [scanners.jpeg_2000, scanners.enhanced_j2k, scanners.turned])
def test_processes_change_nothing(tmp_path, monkeypatch, build):
    build(tmp_path)
    expected, placed = reading.read_volume(tmp_path)
    monkeypatch.setattr(pixel_data, "WORTH_A_PROCESS", 0)
    volume, affine = reading.read_volume(tmp_path, threads=2)
    np.testing.assert_array_equal(volume, expected)
    np.testing.assert_array_equal(affine, placed)


def test_a_broken_slice_is_named_from_another_process(tmp_path, monkeypatch):
    scanners.truncated_compressed(tmp_path)
    with pytest.raises(InputError) as refused:
        reading.read_volume(tmp_path)
    monkeypatch.setattr(pixel_data, "WORTH_A_PROCESS", 0)
    monkeypatch.setattr(pixel_data, "check_codes", lambda image: None)
    with pytest.raises(InputError, match=re.escape(str(refused.value))):
        reading.read_volume(tmp_path, threads=2)


def test_a_decoder_that_ends_its_process_is_said_to(tmp_path, monkeypatch):
    scanners.jpeg_2000(tmp_path)
    monkeypatch.setattr(pixel_data, "WORTH_A_PROCESS", 0)
    monkeypatch.setattr(decoding, "SERVER", "import os; os.abort()")
    with pytest.raises(InputError, match=r"IM\d+: broken slice, its decoder ended its process"):
        reading.read_volume(tmp_path, threads=2)


def test_series_with_the_same_number_are_told_apart_by_letters(tmp_path):
    scanners.save(tmp_path / "a", scanners.series())
    scanners.save(tmp_path / "b", scanners.series(SeriesInstanceUID="1.2.3"))
    with pytest.raises(InputError, match=r"series 3a .* series 3b"):
        reading.find(tmp_path)
    names = [image.name for image in reading.find(tmp_path, "3b").series.images]
    assert all(name.startswith("b/") for name in names)
    with pytest.raises(InputError, match="no series 4; there are: series 3a"):
        reading.find(tmp_path, "4")


def test_a_skipped_series_cannot_be_chosen(tmp_path):
    scanners.with_company(tmp_path)
    with pytest.raises(InputError, match=r"series 1: .*localizer"):
        reading.find(tmp_path, "1")


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    scanners.shuffled(tmp_path)
    denied = next(path for path in sorted(tmp_path.rglob("IM*")))
    real = open

    def refuse(path, *args, **kwargs):
        if Path(path) == denied:
            raise PermissionError(13, "no", str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(InputError, match=f"{denied.name}: cannot be read .Permission denied"):
        reading.find(tmp_path)


def test_a_folder_is_walked_once_however_it_is_linked(tmp_path):
    scanners.strange_paths(tmp_path)
    images, others = discovery.find_images(tmp_path)
    assert (len(images), others) == (scanners.SHAPE[0], 0)


@pytest.mark.parametrize("path", dicom_cases.shipped(), ids=lambda path: path.name)
def test_the_files_that_pydicom_ships_end_in_a_volume_or_one_sentence(path, tmp_path):
    (tmp_path / path.name).symlink_to(path)
    words = dicom_cases.outcome(tmp_path)
    assert re.fullmatch(r"refused: .+|[\dx ]+ voxels of .+ mm", words)


@pytest.mark.parametrize(
    "case", params(dicom_cases.READ + dicom_cases.REFUSED), ids=lambda case: case.name
)
def test_the_page_says_of_every_case_what_becomes_of_it(case, tmp_path):
    case.build(tmp_path)
    assert f"| {case.name} | {dicom_cases.outcome(tmp_path, **case.read)} |" in PAGE.read_text()


def test_the_page_lists_every_file_that_pydicom_ships():
    listed = re.findall(r"^\| `(.+?)` \| ", PAGE.read_text(), re.M)
    assert set(listed) >= {path.name for path in dicom_cases.shipped()}


@pytest.mark.parametrize("word", ["LOCALIZER", "CT_SOM5 MIP", "CSA MIP", "SCOUT", "minip"])
def test_projections_are_skipped_whatever_their_maker_calls_them(tmp_path, word):
    scanners.save(tmp_path, scanners.series())
    other = {"SeriesInstanceUID": "1.2.3", "ImageType": ["DERIVED", "SECONDARY", "AXIAL", word]}
    scanners.save(tmp_path / "other", scanners.series(**other))
    assert len(reading.find(tmp_path).series.images) == scanners.SHAPE[0]


def test_a_multi_frame_file_may_be_given_itself(tmp_path):
    scanners.enhanced_ct(tmp_path)
    (file,) = tmp_path.iterdir()
    volume, affine = reading.read_volume(file)
    expected, placed = reading.read_volume(tmp_path)
    np.testing.assert_array_equal(volume, expected)
    np.testing.assert_array_equal(affine, placed)
