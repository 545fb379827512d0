"""Which files hold a volume by their names, what their headers say, and which files they are.

Planning a study asks this, so that nothing here imports numpy.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from . import metaimage, nifti_header, nrrd
from .data_file import require_regular
from .voxel_header import Header

FORMATS = {
    (".nii", ".nii.gz"): nifti_header,
    (".mha", ".mhd"): metaimage,
    (".nrrd", ".nhdr"): nrrd,
}


def is_image_file(path: str | Path) -> bool:
    """Whether a path is called like a file of a volume."""
    return Path(path).name.lower().endswith(tuple(end for ends in FORMATS for end in ends))


def read_header(path: str | Path) -> Header:
    """Read the header of a file by the format that its name says.

    Raises InputError for a broken one, for what is no volume of intensities or does not say how it
    lies in the patient, and for voxels that cannot be as many as declared.
    """
    path = Path(path)
    require_regular(path)
    [module] = [found for ends, found in FORMATS.items() if path.name.lower().endswith(ends)]
    try:
        header = module.read_header(path)
        header.check_size()
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror})") from None
    return header


def declared_voxels(path: str | Path) -> int:
    """How many voxels a file declares; 0 for one that is refused."""
    try:
        return read_header(path).num_voxels
    except InputError:
        return 0


def files_of(path: str | Path) -> list[Path]:
    """The file and the one that its header points to; the file alone where that cannot be told."""
    path = Path(path)
    try:
        return sorted({path, read_header(path).data})
    except InputError:
        return [path]
