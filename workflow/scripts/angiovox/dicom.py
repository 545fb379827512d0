"""DICOM series to volumes in the patient's axes, and back."""

from __future__ import annotations

import hashlib
import struct
import warnings
import zlib
from itertools import product
from pathlib import Path

import numpy as np
import pydicom
from highdicom.spatial import get_volume_positions
from highdicom.volume import Volume
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.misc import is_dicom
from pydicom.pixels import apply_modality_lut
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from .errors import InputError
from .files import whole_folder
from .geometry import LPS_TO_RAS

# Attributes that place a slice, and how many numbers each holds.
PLACE = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
ALIKE = ("SOPClassUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PixelSpacing")  # of a series
SAME_PLACE = 1e-3  # mm
# What a header that breaks the standard may raise in pydicom and highdicom.
UNREADABLE = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
SPACING_TOLERANCE = 0.01  # of the spacing between slices

# Header values that break the standard are not our concern, and pydicom's warnings print them.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
warnings.filterwarnings("ignore", module="pydicom")


def find_slices(folder: str | Path) -> list[Path]:
    """DICOM files anywhere below a folder, sorted by path; other files are passed over.

    Raises InputError for a file named `.dcm` that is not DICOM.
    """
    slices = []
    for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
        if is_dicom(path):
            slices.append(path)
        elif path.suffix.lower() == ".dcm":
            raise InputError(f"{path.name}: broken, a .dcm file that is not DICOM")
    return slices


def holds_image(folder: str | Path) -> bool:
    """Whether a folder holds at least one DICOM image, looking at no more headers than needed."""
    for path in Path(folder).rglob("*"):
        if path.is_file() and is_dicom(path):
            try:
                header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["Rows"])
            except (*UNREADABLE, InvalidDicomError):
                return True  # a broken image, which the conversion names
            if "Rows" in header:
                return True
    return False


def read_volume(folder: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the one series of a folder as a volume in the patient's axes.

    Slices are ordered by position, never by name; rescale slope and intercept are applied.

    Returns
    -------
    volume : (x, y, z) float32, x to the patient's left, y to posterior, z to superior.
    affine : (4, 4) RAS affine in mm.

    Raises
    ------
    InputError : broken, mixed, duplicate or missing slices, with the file or position.
    """
    slices = [_read_slice(path) for path in find_slices(folder)]
    slices = [(path, slice_) for path, slice_ in slices if "Rows" in slice_]
    try:
        _check_one_series(slices)
        _check_positions(slices)
        series = _stack([slice_ for _, slice_ in slices]).to_patient_orientation("LPH")
    except InputError:
        raise
    except UNREADABLE as error:
        # The reader's own words may quote the header, which may hold the patient's name.
        raise InputError(f"not one regular volume ({type(error).__name__})") from None
    return series.array, LPS_TO_RAS @ series.affine


def _stack(slices: list[FileDataset]) -> Volume:
    """Rescaled slices in order, as `highdicom.image.get_volume_from_series` stacks them.

    That one looks each slice's kind up in the whole standard: 3 s more at 384^3.
    """
    first = slices[0]
    for slice_, keyword in product(slices, ALIKE):
        if slice_[keyword].value != first[keyword].value:
            raise ValueError(f"{keyword} differs")
    spacing, places = get_volume_positions(
        [slice_.ImagePositionPatient for slice_ in slices],
        first.ImageOrientationPatient,
        rtol=SPACING_TOLERANCE,
        sort=True,
    )
    stored = np.empty((len(slices), first.Rows, first.Columns), dtype=np.float32)
    for place, slice_ in zip(places, slices, strict=True):
        stored[place] = apply_modality_lut(slice_.pixel_array, slice_)
    return Volume.from_attributes(
        array=stored,
        image_position=slices[places.index(0)].ImagePositionPatient,
        image_orientation=first.ImageOrientationPatient,
        pixel_spacing=first.PixelSpacing,
        spacing_between_slices=spacing,
        coordinate_system="PATIENT",
    )


def _read_slice(path: Path) -> tuple[Path, FileDataset]:
    try:
        dataset = pydicom.dcmread(path)
        if "Rows" in dataset:
            _ = dataset.pixel_array
            for keyword, count in PLACE.items():
                if np.array(dataset.get(keyword) or [], dtype=float).size not in (0, count):
                    raise ValueError
        elif _should_be_image(dataset):
            raise EOFError
    except (*UNREADABLE, InvalidDicomError) as error:
        raise InputError(f"{path.name}: broken slice ({type(error).__name__})") from None
    return path, dataset


def _should_be_image(dataset: FileDataset) -> bool:
    """Whether a file without rows was cut short; reports and directories have none either."""
    kind = dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID")
    return kind is None or "Image Storage" in kind.name


def _check_one_series(slices: list[tuple[Path, FileDataset]]) -> None:
    if len(slices) < 2:
        raise InputError(f"{len(slices)} image slices: a volume needs at least 2")
    first_name, first = slices[0][0].name, slices[0][1]
    for path, dataset in slices:
        for keyword in PLACE:
            if dataset.get(keyword) is None:
                raise InputError(f"{path.name}: no {keyword}, so its place is unknown")
        if dataset.get("SeriesInstanceUID") != first.get("SeriesInstanceUID"):
            raise InputError(f"{path.name}: another series than {first_name}; one per folder")
        if dataset.ImageOrientationPatient != first.ImageOrientationPatient:
            raise InputError(f"{path.name}: turned against {first_name}")
        if not dataset.PhotometricInterpretation.startswith("MONOCHROME"):
            raise InputError(f"{path.name}: colours, where intensities are needed")
        size, expected = (dataset.Rows, dataset.Columns), (first.Rows, first.Columns)
        if size != expected:
            raise InputError(f"{path.name}: {size} pixels, but {first_name} has {expected}")


def _check_positions(slices: list[tuple[Path, FileDataset]]) -> None:
    """Refuse duplicate and missing slices; positions are millimetres along the slice normal."""
    orientation = np.array(slices[0][1].ImageOrientationPatient, dtype=float)
    normal = np.cross(orientation[:3], orientation[3:])
    along = [float(normal @ np.array(d.ImagePositionPatient, dtype=float)) for _, d in slices]
    order = np.argsort(along)
    positions = np.array(along)[order]
    gaps = np.diff(positions)
    apart = gaps[gaps > SAME_PLACE]
    spacing = float(np.median(apart)) if apart.size else 0.0
    for index in np.flatnonzero(gaps <= max(0.5 * spacing, SAME_PLACE)):
        names = [slices[order[index + k]][0].name for k in (0, 1)]
        raise InputError(f"{names[0]} and {names[1]}: two slices at {positions[index]:.3f} mm")
    for index in np.flatnonzero(np.abs(gaps - spacing) > SPACING_TOLERANCE * spacing):
        raise InputError(
            f"missing slices between {positions[index]:.3f} and {positions[index + 1]:.3f} mm: "
            f"a gap of {gaps[index]:.3f} mm where the spacing is {spacing:.3f} mm"
        )


def write_series(
    volume: np.ndarray,
    affine: np.ndarray,
    folder: str | Path,
    name: str,
    description: str = "3D rotational angiography",
    units: str | None = None,
) -> None:
    """Write a volume as a DICOM CT series, one file per slice of z.

    Parameters
    ----------
    volume : (x, y, z) intensities; stored as 16 bits with rescale slope and intercept.
    affine : (4, 4) RAS affine in mm of an axis-aligned grid.
    folder : appears with all its slices or not at all, in place of one that was there. They are
        called slice-0001.dcm and so on, from below upwards.
    name : of the patient. UIDs follow from it and the voxels: the same call, the same bytes.
    description : of the series. units : of its values, "HU" where they are.

    Raises
    ------
    ValueError : values that are not finite.
    """
    if not np.isfinite(volume).all():
        raise ValueError("only finite values can be written as DICOM")
    intercept = float(np.floor(volume.min()))
    # Decimal strings hold 16 characters: a slope rounded up to 6 decimals still spans the range.
    slope = float(np.ceil(max((float(volume.max()) - intercept) / 65535, 1e-6) * 1e6) / 1e6)
    scaled = volume - intercept
    scaled /= slope
    stored = np.ascontiguousarray(np.rint(scaled, out=scaled).astype("<u2"))
    del scaled
    digest = hashlib.sha256(stored).hexdigest()
    slices = np.ascontiguousarray(stored.T)  # rows along y, columns along x
    with whole_folder(folder) as temporary:
        for z in range(volume.shape[2]):
            dataset = _slice_header(z, volume.shape, LPS_TO_RAS @ affine, name, digest)
            dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
            dataset.SeriesDescription = description
            if units:
                dataset.RescaleType = units
            dataset.PixelData = slices[z].tobytes()
            dataset.save_as(temporary / f"slice-{z + 1:04d}.dcm", enforce_file_format=True)


def _slice_header(z: int, shape: tuple, affine: np.ndarray, name: str, digest: str) -> FileDataset:
    """Header of one axial slice; rows run along y and columns along x. The affine is LPS."""
    uid = generate_uid(entropy_srcs=[name, digest, f"slice {z}"])
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, uid
    for level in ("Study", "Series", "FrameOfReference"):
        keyword = "FrameOfReferenceUID" if level == "FrameOfReference" else f"{level}InstanceUID"
        setattr(dataset, keyword, generate_uid(entropy_srcs=[name, digest, level]))
    dataset.PatientName, dataset.PatientID = f"Phantom^{name}", name
    dataset.PatientBirthDate, dataset.PatientSex = "", "O"
    dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "20230101", "120000", ""
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = "1", 1, z + 1
    dataset.ReferringPhysicianName, dataset.PositionReferenceIndicator = "", ""
    dataset.Modality, dataset.Manufacturer = "CT", "angiovox phantom"
    dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    dataset.AcquisitionNumber = 1
    dataset.KVP, dataset.PatientPosition, dataset.BodyPartExamined = None, "HFS", "HEAD"
    dataset.Rows, dataset.Columns = shape[1], shape[0]
    step = np.linalg.norm(affine[:3, :3], axis=0)
    dataset.PixelSpacing = [_decimal(step[1]), _decimal(step[0])]
    dataset.SliceThickness = _decimal(step[2])
    axes = affine[:3, :3] / step
    dataset.ImageOrientationPatient = [_decimal(v) for v in (*axes[:, 0], *axes[:, 1])]
    dataset.ImagePositionPatient = [_decimal(v) for v in (affine @ [0, 0, z, 1])[:3]]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 0
    return dataset


def _decimal(value: float) -> str:
    """A number as a DICOM decimal string, at most 16 characters."""
    return f"{float(value) + 0.0:.8g}"
