"""Files of a volume that is no DICOM, as tests write them."""

from pathlib import Path

import numpy as np
import SimpleITK
from angiovox.geometry.affine import LPS_TO_RAS

SHAPE = (5, 6, 7)
NRRD = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "5 6 7",
    "space directions": "(0.5,0,0) (0,0.8,0) (0,0,0.7)",
    "kinds": "domain domain domain",
    "endian": "little",
    "encoding": "raw",
    "space origin": "(-10,-20,30)",
}
METAIMAGE = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "-10 -20 30",
    "ElementSpacing": "0.5 0.8 0.7",
    "DimSize": "5 6 7",
    "ElementType": "MET_SHORT",
}
IN_BOTH = np.diag([-0.5, -0.8, 0.7, 1.0]) + 0.0  # the affine of both, RAS in mm
IN_BOTH[:3, 3] = [10, 20, 30]


def volume():
    """Numbers of 16 bits without any pattern."""
    return np.random.default_rng(2).integers(-1000, 3000, SHAPE).astype(np.int16)


def stored(dtype="<i2"):
    """The volume as files hold it, the first axis fastest."""
    return volume().astype(dtype).tobytes(order="F")


def oblique():
    """An affine (RAS) without any symmetry: turned, with voxels that are no cubes."""
    a, b = np.radians(20), np.radians(-9)
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_z = [[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]]
    affine = np.eye(4)
    affine[:3, :3] = np.array(about_x) @ about_z @ np.diag([-0.4, -0.5, 0.7])
    affine[:3, 3] = [11.0, -7.0, 40.0]
    return affine


def by_simpleitk(array, affine):
    """A SimpleITK image of an array (x, y, z) and its RAS affine."""
    image = SimpleITK.GetImageFromArray(array.T)
    lps = LPS_TO_RAS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    return image


def write(path, array=None, affine=None):
    """A file of a volume by SimpleITK, in the format that its name says."""
    array = volume() if array is None else array
    affine = oblique() if affine is None else affine
    SimpleITK.WriteImage(by_simpleitk(array, affine), str(path))
    return path


def write_nrrd(path: Path, data: bytes | None = None, end: str = "\n", lines=(), **fields) -> Path:
    """A NRRD file of other fields (`_` for a space; None leaves one out), with further lines, and
    its data behind the header; b"" where they are elsewhere."""
    fields = NRRD | {name.replace("_", " "): value for name, value in fields.items()}
    header = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    text = end.join(["NRRD0005", *header, *lines, "", ""])
    path.write_bytes(text.encode("latin-1") + (stored() if data is None else data))
    return path


def write_metaimage(path: Path, data: bytes | None = None, file: str = "LOCAL", **fields) -> Path:
    """A MetaImage file, likewise; `file` is where its data are."""
    fields = {**METAIMAGE, **fields, "ElementDataFile": file}
    text = "".join(f"{name} = {value}\n" for name, value in fields.items() if value is not None)
    local = stored() if data is None else data
    path.write_bytes(text.encode("latin-1") + (local if file == "LOCAL" else b""))
    return path
