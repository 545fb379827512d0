"""Volumes in files of other kinds than DICOM: NIfTI, MetaImage and NRRD."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from ..errors import InputError
from ..geometry.affine import LPS_TO_RAS, voxel_sizes
from . import metaimage
from .dicom.elements import UNREADABLE, as_input_error
from .dicom.images import MAX_VOXELS
from .dicom.reader import to_patient_axes
from .dicom.slice_stack import MM

NIFTI = (".nii", ".nii.gz")
METAIMAGE = (".mha", ".mhd")
NRRD = (".nrrd", ".nhdr")
UNREADABLE_FILE = (*UNREADABLE, ImageFileError, HeaderDataError)
DEFLATES = 1032  # bytes that one of a gzip file gives at most
CHUNK = 1 << 20  # bytes
MM_PER = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
SPACES = {
    *("left-posterior-superior", "lps"),
    *("right-anterior-superior", "ras"),
    *("left-anterior-superior", "las"),
}
NRRD_MM = {"mm", "millimeter", "millimeters", "", "???"}
LONGEST_HEADER = 1 << 16
SKEW = 1e-3  # cosine between two axes that are taken to be at right angles


@dataclass(frozen=True, eq=False)
class ImageFile:
    """A volume in a file, before its voxels are read; `affine` is RAS in mm."""

    path: Path
    kind: str
    shape: tuple[int, int, int]
    affine: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def voxel_mm(self) -> np.ndarray:
        return voxel_sizes(self.affine)

    def __str__(self) -> str:
        return f"{self.kind} file of {times(self.shape)} voxels"

    def read(self, threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Voxels (x, y, z) float32 along the patient's axes, and their (4, 4) RAS affine in mm.

        threads : one is enough for one file.

        Raises InputError for broken or incomplete contents, and for NaN.
        """
        name = self.path.name
        with as_input_error(name, "broken, its voxels cannot be read", UNREADABLE_FILE):
            volume = _voxels(self.path)
        bad = volume.size - int(np.isfinite(volume).sum())
        if bad:
            raise InputError(f"{name}: {bad} of {volume.size} voxels are NaN or infinite")
        return to_patient_axes(volume, self.affine)


def is_image_file(path: str | Path) -> bool:
    """Whether a path is called like a file that `find` knows."""
    return Path(path).name.lower().endswith((*NIFTI, *METAIMAGE, *NRRD))


def find(path: str | Path) -> ImageFile:
    """A file's volume by its header alone.

    Raises InputError for a broken file, for what is no volume of intensities, and for one that does
    not say how it lies in the patient.
    """
    path = Path(path)
    with as_input_error(path.name, "broken header", UNREADABLE_FILE):
        found = _found(path)
    shape = found.shape
    if len(shape) != 3 or min(shape) < 2:
        raise InputError(f"{path.name}: {times(shape)} voxels are no volume")
    if np.prod(shape, dtype=float) > MAX_VOXELS:
        raise InputError(f"{path.name}: {times(shape)} voxels are more than any scanner's volume")
    for size in found.voxel_mm:
        if not MM[0] <= size <= MM[1]:
            raise InputError(f"{path.name}: voxels of {size:g} mm are impossible")
    axes = found.affine[:3, :3] / found.voxel_mm
    if np.abs(axes.T @ axes - np.eye(3)).max() > SKEW:
        raise InputError(f"{path.name}: its axes are not at right angles")
    return found


def _found(path: Path) -> ImageFile:
    name = path.name.lower()
    if name.endswith(NIFTI):
        return _nifti(path)
    return _metaimage(path) if name.endswith(METAIMAGE) else _nrrd(path)


def _nifti(path: Path) -> ImageFile:
    image = nib.load(path)
    _check_size(path, image)
    if image.get_data_dtype().kind not in "iuf":
        raise InputError(f"{path.name}: colours or complex numbers, where intensities are needed")
    if not (image.header["sform_code"] or image.header["qform_code"]):
        raise InputError(f"{path.name}: does not say how it lies in the patient (both codes are 0)")
    _check_one_place(path, image)
    affine = np.diag([*3 * [MM_PER[image.header.get_xyzt_units()[0]]], 1.0]) @ image.affine
    return ImageFile(path, "NIfTI", _without_ones(image.shape), affine)


def _check_one_place(path: Path, image: nib.Nifti1Image) -> None:
    """A file may say twice how it lies, and programs differ in which they believe."""
    if not (image.header["sform_code"] and image.header["qform_code"]):
        return
    between = image.get_sform() - image.get_qform()
    corners = np.indices((2, 2, 2)).reshape(3, 8).T * (*image.shape, 1, 1)[:3]
    off = np.linalg.norm(nib.affines.apply_affine(between, corners), axis=1).max()
    if not off <= max(voxel_sizes(image.get_sform())) / 2:
        raise InputError(
            f"{path.name}: lies in one place by its sform and in another by its qform; set the "
            "code of the wrong one to 0"
        )


def _check_size(path: Path, image: nib.Nifti1Image) -> None:
    """Before memory is asked for: a file may declare what it likes."""
    needed = np.prod(image.shape, dtype=float) * image.get_data_dtype().itemsize
    size = path.stat().st_size - image.dataobj.offset
    compressed = path.suffix.lower() == ".gz"
    if needed > size * (DEFLATES if compressed else 1) or (needed < size and not compressed):
        raise InputError(
            f"{path.name}: broken, {needed:.0f} bytes of voxels declared, and {size} in the file"
        )


def _metaimage(path: Path) -> ImageFile:
    header = metaimage.read_header(path)
    return ImageFile(path, "MetaImage", _without_ones(header.shape), LPS_TO_RAS @ header.affine)


def _nrrd(path: Path) -> ImageFile:
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    if reader.GetNumberOfComponents() > 1:
        raise InputError(f"{path.name}: colours or vectors, where intensities are needed")
    fields, _ = _nrrd_fields(path)
    for field in ("space", "space directions", "space origin"):
        if field not in fields:
            raise InputError(f"{path.name}: does not say how it lies in the patient (no {field})")
    if fields["space"].lower() not in SPACES:
        raise InputError(f"{path.name}: says how it lies, but not in the patient (its space)")
    units = set(re.findall(r'"(.*?)"', fields.get("space units", "")))
    if not units <= NRRD_MM:
        raise InputError(f"{path.name}: its place is in other units than mm")
    shape = _without_ones(reader.GetSize())
    affine = np.eye(4)
    if len(shape) == 3:
        dimension = reader.GetDimension()
        directions = np.reshape(reader.GetDirection(), (dimension, dimension))
        affine[:3, :3] = (directions * reader.GetSpacing())[:3, :3]
        affine[:3, 3] = reader.GetOrigin()[:3]
    return ImageFile(path, "NRRD", shape, LPS_TO_RAS @ affine)


def _voxels(path: Path) -> np.ndarray:
    name = path.name.lower()
    if name.endswith(NIFTI):
        if name.endswith(".gz"):
            _check_gzip(path)
        image = nib.load(path)
        return image.get_fdata(dtype=np.float32, caching="unchanged").reshape(
            _without_ones(image.shape)
        )
    if name.endswith(METAIMAGE):
        voxels = metaimage.read_voxels(metaimage.read_header(path))
        return voxels.astype(np.float32).reshape(_without_ones(voxels.shape), order="F")
    import SimpleITK

    if packed := _packed_part(path):
        _check_gzip(*packed)
    image = SimpleITK.ReadImage(str(path), SimpleITK.sitkFloat32)
    return SimpleITK.GetArrayFromImage(image).T.reshape(_without_ones(image.GetSize()))


def _check_gzip(path: Path, start: int = 0) -> None:
    """Unpack what is packed from a place in a file, to its checksum: readers stop before that.

    Raises gzip.BadGzipFile, EOFError or zlib.error where a byte is another than was packed.
    """
    with open(path, "rb") as file:
        file.seek(start)
        with gzip.GzipFile(fileobj=file) as packed:
            while packed.read(CHUNK):
                pass


def _packed_part(path: Path) -> tuple[Path, int] | None:
    """Where a NRRD file's voxels are packed by gzip: in itself, or in the file beside it."""
    fields, end = _nrrd_fields(path)
    if fields.get("encoding", "").lower() not in ("gz", "gzip"):
        return None
    beside = fields.get("data file") or fields.get("datafile")
    return (path.parent / beside, 0) if beside else (path, end)


def _nrrd_fields(path: Path) -> tuple[dict[str, str], int]:
    """What a NRRD header says, by names in small letters, and where it ends."""
    with open(path, "rb") as file:
        start = file.read(LONGEST_HEADER)
    blank = re.search(rb"\r?\n\r?\n|$", start)
    header = start[: blank.start()].decode("latin-1")
    found = re.findall(r"^([a-z ]+):(?!=) *(\S.*?)\s*$", header, re.M | re.I)
    return {name.lower(): value for name, value in found}, blank.end()


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without times and components beyond the third axis, of which there is one."""
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return tuple(map(int, shape))


def times(values: Iterable[float]) -> str:
    """Voxels or millimetres along each axis, in words."""
    return " x ".join(f"{value:.4g}" if value % 1 else f"{value:.0f}" for value in values)
