"""Is every file of a study whole? Each kind is opened with its own reader, to its last byte."""

import csv
import gzip
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import nibabel as nib
import numpy as np
import pydicom
from angiovox.io import model_files
from PIL import Image

STL_HEADER, STL_TRIANGLE = 84, 50  # bytes; the header ends with the number of triangles
PNG_END = b"IEND\xaeB`\x82"
OF_SNAKEMAKE = {".snakemake", ".snakemake_timestamp"}
UNFINISHED = re.compile(r"^\.|\.part|checkpoint\.previous|\.tmp|~$")


def torn(results: Path) -> list[str]:
    """Files below a folder that their reader refuses, each as "path: why"."""
    found = []
    for path in _entries(results):
        if path.is_file():
            try:
                _reader(path)(path)
            except Exception as error:  # whatever a reader raises says that it cannot read this
                found.append(f"{path}: {str(error) or type(error).__name__}")
    return found


def leftovers(folder: Path) -> list[str]:
    """Temporary, hidden and second-checkpoint files below a folder, Snakemake's left out."""
    return [str(path) for path in _entries(folder) if UNFINISHED.search(path.name)]


def _entries(folder: Path) -> list[Path]:
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - OF_SNAKEMAKE)
        found += [Path(parent, name) for name in folders + sorted(set(names) - OF_SNAKEMAKE)]
    return found


def _reader(path: Path) -> Callable[[Path], None]:
    suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    if suffix not in READERS:
        raise ValueError(f"no reader for {suffix or 'a file without suffix'}")
    return READERS[suffix]


def _require(condition: bool, why: str) -> None:
    if not condition:
        raise ValueError(why)


def _read_nifti(path: Path) -> None:
    np.asarray(nib.load(path).dataobj)


def _read_packed_nifti(path: Path) -> None:
    with gzip.open(path) as file:  # to the checksum at the end, which nibabel does not look at
        while file.read(2**20):
            pass
    _read_nifti(path)


def _read_arrays(path: Path) -> None:
    with np.load(path, allow_pickle=False) as stored:
        _ = [stored[name] for name in stored]


def _read_dicom(path: Path) -> None:
    _ = pydicom.dcmread(path).pixel_array


def _read_text(path: Path) -> None:
    _require(path.read_text().endswith("\n"), "does not end with a line")


def _read_tex(path: Path) -> None:
    _read_text(path)
    text = path.read_text()
    _require(text.count(r"\begin{") == text.count(r"\end{"), "an environment is not closed")


def _read_csv(path: Path, delimiter: str = ",") -> None:
    _read_text(path)
    with path.open(newline="") as file:
        rows = list(csv.reader(file, delimiter=delimiter, strict=True))
    _require(len(rows) > 1, "no row below the heading")
    _require(len({len(row) for row in rows}) == 1, "rows of different lengths")


def _read_tsv(path: Path) -> None:
    _read_csv(path, "\t")


def _read_json(path: Path) -> None:
    json.loads(path.read_text())


def _read_png(path: Path) -> None:
    _require(path.read_bytes().endswith(PNG_END), "does not end as a PNG")  # PIL forgives that
    with Image.open(path) as image:
        image.verify()
    with Image.open(path) as image:  # verify() leaves nothing to load
        image.load()


def _read_pdf(path: Path) -> None:
    data = path.read_bytes()
    _require(data.startswith(b"%PDF"), "does not start as a PDF")
    _require(data.rstrip().endswith(b"%%EOF"), "does not end with %%EOF")


def _read_stl(path: Path) -> None:
    data = path.read_bytes()
    _require(len(data) >= STL_HEADER, "ends within its header")
    triangles = int.from_bytes(data[STL_HEADER - 4 : STL_HEADER], "little")
    _require(len(data) == STL_HEADER + STL_TRIANGLE * triangles, f"not of {triangles} triangles")


def _read_vtp(path: Path) -> None:
    import pyvista

    ElementTree.parse(path)  # VTK only warns of a missing end
    pyvista.read(path)


def _read_model(path: Path) -> None:
    model_files.load_model(path)  # to its seal


def _read_page(path: Path) -> None:
    _require(path.read_text().rstrip().endswith("</html>"), "does not end with </html>")


READERS = {
    ".nii": _read_nifti,
    ".nii.gz": _read_packed_nifti,
    ".dcm": _read_dicom,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".json": _read_json,
    ".md": _read_text,
    ".txt": _read_text,
    ".tex": _read_tex,
    ".log": Path.read_text,
    ".png": _read_png,
    ".pdf": _read_pdf,
    ".stl": _read_stl,
    ".vtp": _read_vtp,
    ".pt": _read_model,
    ".npz": _read_arrays,
    ".html": _read_page,
}
