"""Series as scanners leave them, whole and broken, built with pydicom and highdicom."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
from highdicom.legacy import LegacyConvertedEnhancedCTImage, LegacyConvertedEnhancedMRImage
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite

SHAPE = (6, 34, 40)  # levels, rows, columns
SPACING = (0.7, 0.4, 0.5)  # mm between levels, rows, columns
ORIGIN = np.array([-12.0, 7.5, 30.0])  # mm, LPS
AXIAL = (1, 0, 0, 0, 1, 0)
CORONAL = (1, 0, 0, 0, 0, -1)
SAGITTAL = (0, 1, 0, 0, 0, -1)
LOSSLESS = uid.JPEGLosslessSV1
UNDECODED = uid.MPEG4HP41


def oblique() -> tuple[float, ...]:
    """Directions of rows and columns of a head that is turned and tilted, as unit vectors."""
    row = np.array([0.96, 0.2, -0.19])
    row /= np.linalg.norm(row)
    column = np.cross([0.1, -0.15, 0.98], row)
    column /= np.linalg.norm(column)
    return (*row, *column)


def stored(shape=SHAPE, bits: int = 12) -> np.ndarray:
    """Numbers without any symmetry, (levels, rows, columns)."""
    return np.random.default_rng(7).integers(0, 2**bits - 1, shape)


def normal_of(orientation) -> np.ndarray:
    return np.cross(orientation[:3], orientation[3:])


def slice_of(pixels: np.ndarray, level: int, orientation=AXIAL, **values) -> FileDataset:
    """One slice of a CT series; values replace what the header says, None takes it away."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = uid.CTImageStorage
    dataset.SOPInstanceUID = uid.generate_uid(entropy_srcs=[str(values), str(level)])
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(dataset, keyword, uid.generate_uid(entropy_srcs=[keyword]))
    dataset.PatientName, dataset.PatientID = "Case^Of", "C-1"
    dataset.PatientBirthDate, dataset.PatientSex = "", ""
    dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "20200102", "101112", ""
    dataset.ContentDate, dataset.ContentTime = "20200102", "101112"
    dataset.StudyID, dataset.ReferringPhysicianName, dataset.Manufacturer = "1", "", "nobody"
    dataset.ManufacturerModelName, dataset.DeviceSerialNumber = "none", "0"
    dataset.SoftwareVersions, dataset.PositionReferenceIndicator = "0", ""
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", 3, level + 1
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.AcquisitionNumber, dataset.PatientPosition, dataset.KVP = 1, "HFS", None
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.PixelSpacing = [f"{v:.8g}" for v in SPACING[1:]]
    dataset.SliceThickness = "1.25"  # of overlapping slices: not their spacing
    dataset.ImageOrientationPatient = [f"{v:.8g}" for v in orientation]
    place = ORIGIN + level * SPACING[0] * normal_of(orientation)
    dataset.ImagePositionPatient = [f"{v:.8g}" for v in place]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = "1", "-1024", "HU"
    dataset.PixelData = pixels.astype("<u2").tobytes()
    change(dataset, values)
    return dataset


def change(dataset: Dataset, values: dict) -> None:
    for keyword, value in values.items():
        if value is None:
            if keyword in dataset:
                delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)


def series(pixels: np.ndarray | None = None, orientation=AXIAL, **values) -> list[FileDataset]:
    """Slices of a volume, from the first level up."""
    pixels = stored() if pixels is None else pixels
    return [slice_of(image, k, orientation, **values) for k, image in enumerate(pixels)]


def save(folder: Path, slices: list[FileDataset], names: Callable[[int], str] | None = None):
    """Write slices under names that say nothing of their order."""
    for number, dataset in enumerate(slices):
        path = folder / (names(number) if names else f"IM{(7 * number + 3) % 101:04d}")
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(path, enforce_file_format=True)


def one_frame_groups(dataset: FileDataset) -> Dataset:
    """The functional groups of a slice's place and values."""
    groups = Dataset()
    place = groups.PlanePositionSequence = [Dataset()]
    place[0].ImagePositionPatient = dataset.ImagePositionPatient
    turn = groups.PlaneOrientationSequence = [Dataset()]
    turn[0].ImageOrientationPatient = dataset.ImageOrientationPatient
    measures = groups.PixelMeasuresSequence = [Dataset()]
    measures[0].PixelSpacing = dataset.PixelSpacing
    measures[0].SliceThickness = dataset.SliceThickness
    values = groups.PixelValueTransformationSequence = [Dataset()]
    values[0].RescaleSlope, values[0].RescaleIntercept = "1", "-1024"
    values[0].RescaleType = "US"
    return groups


def multi_frame(slices: list[FileDataset], kind: uid.UID, modality: str, **values) -> FileDataset:
    """All slices in one file, with a place for each frame."""
    whole = slices[0].copy()
    whole.SOPClassUID, whole.Modality = kind, modality
    whole.NumberOfFrames = len(slices)
    whole.PixelData = b"".join(one.PixelData for one in slices)
    whole.PerFrameFunctionalGroupsSequence = [one_frame_groups(one) for one in slices]
    whole.SharedFunctionalGroupsSequence = [Dataset()]
    for keyword in (
        *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
        *("RescaleSlope", "RescaleIntercept", "RescaleType"),
    ):
        delattr(whole, keyword)
    change(whole, values)
    return whole


# Whole series


def shuffled(folder):
    """CT, names in no order, folders within folders"""
    save(folder, series(), lambda n: f"{'ab'[n % 2]}/{n % 3}/IM{(5 * n) % 7}")


def reversed_order(folder):
    """slices from above downwards, instance numbers too"""
    slices = series()[::-1]
    for number, one in enumerate(slices):
        one.InstanceNumber = number + 1
    save(folder, slices)


def coronal(folder):
    """coronal slices"""
    save(folder, series(orientation=CORONAL))


def sagittal(folder):
    """sagittal slices"""
    save(folder, series(orientation=SAGITTAL))


def turned(folder):
    """a head that lies turned and tilted"""
    save(folder, series(orientation=oblique()))


def magnetic(folder):
    """MR"""
    values = {"RescaleSlope": None, "RescaleIntercept": None, "RescaleType": None}
    save(folder, series(SOPClassUID=uid.MRImageStorage, Modality="MR", **values))


def xa_slices(folder):
    """reconstructed slices stored as XA"""
    # SimpleITK looks at the size of pixels on the imager, for this kind.
    spacing = [f"{v:g}" for v in SPACING[1:]]
    kind = {"SOPClassUID": uid.XRayAngiographicImageStorage, "ImagerPixelSpacing": spacing}
    save(folder, series(Modality="XA", RescaleType="US", **kind))


def legacy(folder, kind, converted, modality):
    made = converted(
        legacy_datasets=series(SOPClassUID=kind, Modality=modality),
        series_instance_uid=uid.generate_uid(entropy_srcs=["legacy"]),
        series_number=4,
        sop_instance_uid=uid.generate_uid(entropy_srcs=["legacy instance"]),
        instance_number=1,
    )
    save(folder, [made])


def legacy_ct(folder):
    """Legacy Converted Enhanced CT, by highdicom"""
    legacy(folder, uid.CTImageStorage, LegacyConvertedEnhancedCTImage, "CT")


def legacy_mr(folder):
    """Legacy Converted Enhanced MR, by highdicom"""
    legacy(folder, uid.MRImageStorage, LegacyConvertedEnhancedMRImage, "MR")


def enhanced_ct(folder):
    """Enhanced CT"""
    save(folder, [multi_frame(series(), uid.EnhancedCTImageStorage, "CT")])


def enhanced_ct_shuffled(folder):
    """Enhanced CT, frames in no order"""
    slices = [series()[k] for k in (3, 0, 5, 1, 4, 2)]
    save(folder, [multi_frame(slices, uid.EnhancedCTImageStorage, "CT")])


def enhanced_mr(folder):
    """Enhanced MR, coronal"""
    slices = series(orientation=CORONAL)
    save(folder, [multi_frame(slices, uid.EnhancedMRImageStorage, "MR")])


def xa_3d(folder):
    """X-Ray 3D Angiographic"""
    save(folder, [multi_frame(series(), uid.XRay3DAngiographicImageStorage, "XA")])


def enhanced_j2k(folder):
    """Enhanced CT, JPEG 2000"""
    whole = multi_frame(series(), uid.EnhancedCTImageStorage, "CT")
    whole.compress(uid.JPEG2000Lossless)
    save(folder, [whole])


def signed(folder):
    """signed numbers"""
    pixels = (stored() - 2000).astype("<i2")
    slices = series(PixelRepresentation=1, RescaleIntercept="0")
    for one, image in zip(slices, pixels, strict=True):
        one.PixelData = image.tobytes()
    save(folder, slices)


def eight_bits(folder):
    """8 bits"""
    slices = series(BitsAllocated=8, BitsStored=8, HighBit=7)
    for one, image in zip(slices, stored(bits=8), strict=True):
        one.PixelData = image.astype("u1").tobytes()
    save(folder, slices)


def twelve_bits(folder):
    """12 bits, with rubbish in the other four"""
    slices = series(BitsStored=12, HighBit=11)
    for one, image in zip(slices, stored(), strict=True):
        one.PixelData = (image | 0xA000).astype("<u2").tobytes()
    save(folder, slices)


def twelve_bits_signed(folder):
    """12 bits, signed"""
    slices = series(BitsStored=12, HighBit=11, PixelRepresentation=1)
    for one, image in zip(slices, stored() - 2048, strict=True):
        one.PixelData = (image & 0xFFF).astype("<u2").tobytes()
    save(folder, slices)


def written_as(folder, syntax, swap=False):
    for number, one in enumerate(series()):
        one.file_meta.TransferSyntaxUID = syntax
        if swap:
            one["PixelData"].VR = "OW"
            one.PixelData = np.frombuffer(one.PixelData, "<u2").astype(">u2").tobytes()
        dcmwrite(folder / f"IM{number}", one, enforce_file_format=True)


def big_endian(folder):
    """Explicit VR Big Endian"""
    written_as(folder, uid.ExplicitVRBigEndian, swap=True)


def implicit(folder):
    """Implicit VR Little Endian"""
    written_as(folder, uid.ImplicitVRLittleEndian)


def deflated(folder):
    """Deflated Explicit VR Little Endian"""
    written_as(folder, uid.DeflatedExplicitVRLittleEndian)


def without_preamble(folder):
    """data sets without preamble and file meta"""
    for number, one in enumerate(series()):
        del one.file_meta.TransferSyntaxUID
        one.preamble = None
        one.file_meta = FileMetaDataset()
        with open(folder / f"IM{number}", "wb") as file:
            dcmwrite(file, one, implicit_vr=True, little_endian=True)


def compressed(folder, syntax):
    slices = series()
    for one in slices:
        one.compress(syntax)
    save(folder, slices)


def rle(folder):
    """RLE Lossless"""
    compressed(folder, uid.RLELossless)


def jpeg_ls(folder):
    """JPEG-LS Lossless"""
    compressed(folder, uid.JPEGLSLossless)


def jpeg_2000(folder):
    """JPEG 2000 Lossless"""
    compressed(folder, uid.JPEG2000Lossless)


def borrowed(folder, name):
    """Three slices with the pixels of a compressed file that pydicom ships."""
    shipped = pydicom.dcmread(Path(pydicom.data.__file__).parent / "test_files" / name)
    for level in range(3):
        one = slice_of(np.zeros((shipped.Rows, shipped.Columns)), level, RescaleIntercept="0")
        for keyword in ("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"):
            setattr(one, keyword, shipped.get(keyword))
        one.PixelData = shipped.PixelData
        one["PixelData"].is_undefined_length = True
        one.file_meta.TransferSyntaxUID = shipped.file_meta.TransferSyntaxUID
        save(folder, [one], lambda _, level=level: f"IM{level}")


def jpeg_lossless(folder):
    """JPEG Lossless (written by SimpleITK)"""
    import SimpleITK

    slices = series()
    for one, pixels in zip(slices, stored(), strict=True):
        writer = SimpleITK.ImageFileWriter()
        writer.SetImageIO("GDCMImageIO")
        writer.SetFileName(str(folder / "written.dcm"))
        writer.UseCompressionOn()
        writer.SetCompressor("JPEG")
        writer.Execute(SimpleITK.GetImageFromArray(pixels.astype("u2")))
        written = pydicom.dcmread(folder / "written.dcm")
        one.PixelData, one.file_meta.TransferSyntaxUID = written.PixelData, LOSSLESS
        one["PixelData"].is_undefined_length = True
    (folder / "written.dcm").unlink()
    save(folder, slices)


def jpeg_2000_sign(folder):
    """JPEG 2000 whose code says signed where the header says unsigned (pydicom's example)"""
    borrowed(folder, "J2K_pixelrep_mismatch.dcm")


def jpeg_twelve_bits(folder):
    """JPEG Extended, 12 bits (pixels of pydicom's JPEG-lossy.dcm)"""
    borrowed(folder, "JPEG-lossy.dcm")


def monochrome1(folder):
    """MR, MONOCHROME1: what is shown bright is high"""
    values = {"RescaleSlope": None, "RescaleIntercept": None, "RescaleType": None}
    kind = {"SOPClassUID": uid.MRImageStorage, "Modality": "MR"}
    save(folder, series(PhotometricInterpretation="MONOCHROME1", **kind, **values))


def monochrome1_hounsfield(folder):
    """CT in Hounsfield units, MONOCHROME1: the units say what is high"""
    save(folder, series(PhotometricInterpretation="MONOCHROME1"))


def padded(folder):
    """padding outside the field of view"""
    pixels = stored()
    pixels[:, :3, :2] = 63000
    slices = series(pixels)
    for one in slices:
        one.add_new("PixelPaddingValue", "US", 63000)
    save(folder, slices)


def rescaled(folder):
    """another slope and intercept in each slice"""
    slices = series(RescaleType="US", SOPClassUID=uid.MRImageStorage, Modality="MR")
    for number, one in enumerate(slices):
        one.RescaleSlope, one.RescaleIntercept = f"{1.25 + 0.25 * number:g}", f"{-100.5 * number}"
    save(folder, slices)


def tilted(folder):
    """gantry tilt of 15 degrees"""
    slices = series(ramp())
    for level, one in enumerate(slices):
        off = level * SPACING[0] * np.tan(np.radians(15))
        place = ORIGIN + [0, off, level * SPACING[0]]
        one.ImagePositionPatient = [f"{v:.8g}" for v in place]
    save(folder, slices)


def ramp() -> np.ndarray:
    """Numbers that follow from where a voxel of `tilted` lies, linearly."""
    level, row, column = np.indices(SHAPE)
    y = row * SPACING[1] + level * SPACING[0] * np.tan(np.radians(15))
    return np.rint(100 * y + 20 * column * SPACING[2] + 30 * level * SPACING[0])


def rounded(folder):
    """positions rounded to 0.01 mm, of a spacing of 0.625"""
    slices = series()
    for level, one in enumerate(slices):
        one.ImagePositionPatient = [*map(str, ORIGIN[:2]), f"{30 + 0.625 * level:.2f}"]
    save(folder, slices)


def without_ends(folder):
    """the first and the last slice missing: a smaller volume"""
    slices = series(ImagesInAcquisition=6)
    save(folder, slices[1:-1])


def every_second(folder):
    """every second slice missing: a coarser volume"""
    save(folder, series(SpacingBetweenSlices="0.7")[::2])


def with_phases(folder):
    """MR with the phases of the same slices beside it, under one series UID"""
    values = {"RescaleSlope": None, "RescaleIntercept": None, "RescaleType": None}
    kind = {"SOPClassUID": uid.MRImageStorage, "Modality": "MR", **values}
    save(folder, series(ImageType=["ORIGINAL", "PRIMARY", "M", "FFE"], **kind))
    save(
        folder / "P", series(stored()[::-1], ImageType=["ORIGINAL", "PRIMARY", "P", "FFE"], **kind)
    )


def with_company(folder):
    """a localizer, a report, a DICOMDIR, a key image and other files beside the series"""
    save(folder, series())
    other = {"SeriesInstanceUID": "1.2.3.1", "SeriesNumber": 1}
    scout = series(stored()[:2], SAGITTAL, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], **other)
    save(folder / "scout", scout)
    report = slice_of(stored()[0], 0, SOPClassUID=uid.EnhancedSRStorage, Modality="SR", Rows=None)
    save(folder / "report", [report])
    colour = slice_of(
        stored()[0], 0, SOPClassUID=uid.SecondaryCaptureImageStorage, SeriesInstanceUID="1.2.3.2"
    )
    save(folder / "key", [colour])
    directory = Dataset()
    meta = directory.file_meta = FileMetaDataset()
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = uid.MediaStorageDirectoryStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    directory.DirectoryRecordSequence = []
    dcmwrite(folder / "DICOMDIR", directory, enforce_file_format=True)
    (folder / "viewer.exe").write_bytes(b"MZ" + bytes(400))
    (folder / "._IM0003").write_bytes(b"\x00\x05\x16\x07" + bytes(200))


def two_series(folder):
    save(folder, series())
    thick = series(stored(bits=10), SeriesInstanceUID="1.2.3.9", SeriesNumber=5)
    save(folder, thick, lambda n: f"IM{n:04d}b")


def chosen(folder):
    """two series interleaved, one chosen by its number in the sheet"""
    two_series(folder)


def missing_interpolated(folder):
    """one slice missing in the middle, dicom.largest_gap 2"""
    slices = series()
    del slices[3]
    save(folder, slices)


def strange_paths(folder):
    """a path in other alphabets, and a link that leads back up"""
    inside = folder / "Ärztin 山田" / "снимки"
    save(inside, series())
    (inside / "loop").symlink_to(folder)


def many_files(folder):
    """100,000 other files beside the series"""
    save(folder / "series", series())
    (folder / "others").mkdir()
    for half in ("a", "b"):  # some file systems take no more than 65,000 links of a file
        first = folder / "others" / half
        first.write_bytes(bytes(200))
        for number in range(1, 50_000):
            os.link(first, f"{first}{number}")


# Refused ones


def truncated(folder):
    """a file cut short"""
    save(folder, series())
    path = folder / "IM0010"
    path.write_bytes(path.read_bytes()[:-50])


def truncated_compressed(folder):
    """a compressed file cut short"""
    jpeg_2000(folder)
    path = folder / "IM0010"
    path.write_bytes(path.read_bytes()[:-50])


def not_dicom(folder):
    """a .dcm file that is no DICOM"""
    save(folder, series())
    (folder / "extra.dcm").write_text("once upon a time")


def without_pixels(folder):
    """DICOM without pixels"""
    slices = series()
    del slices[2].PixelData
    save(folder, slices)


def other_size(folder):
    """one slice of another size"""
    slices = series()
    slices[5] = slice_of(stored((1, 34, 39))[0], 5)
    save(folder, slices)


def ambiguous(folder):
    """two series interleaved in a folder"""
    two_series(folder)


def two_times(folder):
    """two volumes interleaved under one series UID"""
    save(folder, series())
    save(folder, series(stored(bits=11)), lambda n: f"IM{n:04d}b")


def duplicated(folder):
    """a slice twice"""
    save(folder, series())
    shutil.copy(folder / "IM0010", folder / "IM0010 copy")


def missing(folder):
    """one slice missing in the middle"""
    missing_interpolated(folder)


def uneven(folder):
    """slices at uneven distances"""
    slices = series()
    for level, one in enumerate(slices):
        one.ImagePositionPatient = [*map(str, ORIGIN[:2]), f"{30 + level + 0.06 * level**2:g}"]
    save(folder, slices)


def sideways(folder):
    """a slice shifted sideways"""
    slices = series()
    slices[2].ImagePositionPatient = [str(ORIGIN[0] + 3), *slices[2].ImagePositionPatient[1:]]
    save(folder, slices)


def stray(folder):
    """the last slice under another series UID"""
    slices = series()
    slices[-1].SeriesInstanceUID = "1.2.3.8"
    save(folder, slices)


def cine(folder):
    """an XA cine"""
    values = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    whole = slice_of(stored(), 0, SOPClassUID=uid.XRayAngiographicImageStorage, **values)
    whole.Modality, whole.NumberOfFrames = "XA", SHAPE[0]
    save(folder, [whole])


def cine_of_files(folder):
    """a cine, one XA file for each image"""
    kind = {"SOPClassUID": uid.XRayAngiographicImageStorage, "Modality": "XA"}
    save(folder, series(ImagePositionPatient=None, ImageOrientationPatient=None, **kind))


def cine_in_one_place(folder):
    """a cine of slices in one place"""
    kind = {"SOPClassUID": uid.MRImageStorage, "Modality": "MR"}
    save(folder, series(ImagePositionPatient=["0", "0", "0"], **kind))


def localizer(folder):
    """a localizer alone"""
    save(folder, series(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))


def colours(folder):
    """a colour secondary capture"""
    kind = {"SOPClassUID": uid.SecondaryCaptureImageStorage, "PhotometricInterpretation": "RGB"}
    images = np.zeros((2, 8, 30), dtype="u2")
    slices = series(images, SamplesPerPixel=3, Columns=10, BitsAllocated=8, **kind)
    save(folder, slices)


def undecoded(folder):
    """a transfer syntax without decoder"""
    slices = series()
    for one in slices:
        one.PixelData = encapsulate([b"\0" * 64])
        one["PixelData"].is_undefined_length = True
        one.file_meta.TransferSyntaxUID = UNDECODED
    save(folder, slices)


def private_syntax(folder):
    """a maker's own transfer syntax"""
    slices = series()
    for one in slices:
        one.file_meta.TransferSyntaxUID = "1.2.840.113619.5.2"
        one.set_original_encoding(False, True)
    for number, one in enumerate(slices):
        with open(folder / f"IM{number:04d}", "wb") as file:
            dcmwrite(file, one, implicit_vr=False, little_endian=True)


def of_spacing(value):
    def build(folder):
        save(folder, series(PixelSpacing=[value, value]))

    build.__doc__ = f"pixels of {value} mm"
    return build


def far_apart(folder):
    """slices 1e9 mm apart"""
    slices = series()
    for level, one in enumerate(slices):
        one.ImagePositionPatient = ["0", "0", f"{1e9 * level:g}"]
    save(folder, slices)


def terabytes(folder):
    """a declared size of terabytes"""
    save(folder, series(Rows=65535, Columns=65535))


def terabytes_compressed(folder):
    """a declared size of terabytes, compressed"""
    slices = series()
    for one in slices:
        one.compress(uid.RLELossless)
        one.Rows, one.Columns = 65535, 32767
    save(folder, slices)


def unreadable(folder):
    """a file that cannot be read"""
    save(folder, series())
    (folder / "IM9999").symlink_to("/proc/self/mem")


def dangling(folder):
    """a link to a file that is not there"""
    save(folder, series())
    (folder / "IM9999").symlink_to(folder / "gone")


def whole_archive(folder):
    """more images than a patient has"""
    save(folder, series())
    for number in range(20_001):
        os.link(folder / "IM0003", folder / f"IN{number}")


def empty(folder):
    """no image at all"""
    (folder / "notes.txt").write_text("nothing here")
