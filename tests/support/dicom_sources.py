"""Series of small volumes in the kinds of DICOM that a derived file may refer to."""

from dataclasses import dataclass

import numpy as np
from angiovox.io.dicom import reader
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

SHAPE = (12, 10, 8)  # columns, rows, slices
SPACING = (0.4, 0.5, 0.7)
ORIGIN = np.array([12.3, -45.6, 78.9])
MARKED = [(1, 2, 3), (11, 0, 0), (7, 9, 7)]
ANGLES = np.radians([20, -35, 50])
WHO = {
    "PatientName": "Hidden^Person",
    "PatientID": "SECRET-77",
    "PatientBirthDate": "19440606",
    "AccessionNumber": "ACC-4711",
    "StudyDescription": "Planted study",
    "ReferringPhysicianName": "DrNobody^Else",
    "InstitutionName": "Planted Hospital",
}


def turned() -> np.ndarray:
    """Rows, columns and slices along none of the patient's axes."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(ANGLES), np.sin(ANGLES)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


# Unit vectors (LPS) along the index of columns, of rows, and of slices, as columns.
AXES = {
    "axial": np.eye(3),
    "axial, from above": np.diag([1.0, -1.0, -1.0]),
    "sagittal": np.array([[0, 0, -1.0], [1, 0, 0], [0, -1, 0]]),
    "coronal": np.array([[1, 0, 0], [0, 0, 1.0], [0, -1, 0]]),
    "oblique": turned(),
}
CLASSIC = {
    "CT": uid.CTImageStorage,
    "MR": uid.MRImageStorage,
    "XA": uid.XRayAngiographicImageStorage,
}
ENHANCED = {
    "Enhanced CT": uid.EnhancedCTImageStorage,
    "Enhanced MR": uid.EnhancedMRImageStorage,
    "X-ray 3D": uid.XRay3DAngiographicImageStorage,
}


def decimals(values):
    return [f"{float(value):.10g}" for value in values]


@dataclass
class Source:
    """A series whose voxels (column, row, slice) of `MARKED` are bright."""

    folder: object
    place: np.ndarray  # LPS affine of its voxels

    @property
    def found(self):
        return reader.find(self.folder)

    @property
    def images(self):
        return self.found.series.images

    @property
    def points(self):
        """Where the header puts the marked voxels."""
        return sorted_points(np.array(MARKED), self.place)


def header(kind, frames_from, **values):
    """What every source says, and no more than it must."""
    name = uid.generate_uid(entropy_srcs=[kind, str(frames_from)])
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, name
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = kind, name
    for level in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(dataset, level, uid.generate_uid(entropy_srcs=[level]))
    dataset.Modality, dataset.SeriesNumber = "CT", 4
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.Rows, dataset.Columns = SHAPE[1::-1]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    for keyword, value in values.items():
        if value is None:
            dataset.pop(keyword, None)
        else:
            setattr(dataset, keyword, value)
    return dataset


def place_of(axes):
    place = np.eye(4)
    place[:3, :3], place[:3, 3] = axes * SPACING, ORIGIN
    return place


def pixels():
    voxels = np.zeros(SHAPE, "<u2")
    voxels[tuple(np.transpose(MARKED))] = 1000
    return np.ascontiguousarray(voxels.T)


def group(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return [dataset]


def write_source(folder, axes="axial", kind="CT", **values):
    folder.mkdir(parents=True)
    place, orientation = place_of(AXES[axes]), decimals(AXES[axes].T[:2].ravel())
    spacing = decimals(SPACING[1::-1])
    positions = [decimals((place @ [0, 0, level, 1])[:3]) for level in range(SHAPE[2])]
    if kind in CLASSIC:
        for level, position in enumerate(positions):
            dataset = header(CLASSIC[kind], level, **values)
            dataset.ImagePositionPatient, dataset.PixelSpacing = position, spacing
            dataset.ImageOrientationPatient = orientation
            dataset.PixelData = pixels()[level].tobytes()
            dataset.save_as(folder / f"{level}.dcm", enforce_file_format=True)
        return Source(folder, place)
    dataset = header(ENHANCED[kind], "all", **values)
    dataset.NumberOfFrames = SHAPE[2]
    measures = group(PixelSpacing=spacing, SliceThickness="0.7")
    dataset.SharedFunctionalGroupsSequence = group(PixelMeasuresSequence=measures)
    dataset.PerFrameFunctionalGroupsSequence = [
        group(
            PlanePositionSequence=group(ImagePositionPatient=position),
            PlaneOrientationSequence=group(ImageOrientationPatient=orientation),
        )[0]
        for position in positions
    ]
    dataset.PixelData = pixels().tobytes()
    dataset.save_as(folder / "all.dcm", enforce_file_format=True)
    return Source(folder, place)


def sorted_points(indices, place):
    points = indices @ place[:3, :3].T + place[:3, 3]
    return points[np.lexsort(points.round(2).T)]
