"""A volume to a DICOM series, as a scanner would have written it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from ...geometry.affine import LPS_TO_RAS
from ..atomic import atomic_folder


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
    with atomic_folder(folder) as temporary:
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
