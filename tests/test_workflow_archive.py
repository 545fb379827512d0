"""Patients as archives leave them: the inventory, the study, and what of their headers gets out."""

from __future__ import annotations

import base64
import gzip
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pydicom
import pytest
import scanners
import SimpleITK
from conftest import tiny
from PIL import Image, PngImagePlugin
from pydicom import uid
from pydicom.datadict import dictionary_VR, tag_for_keyword
from test_workflow import planned

SURNAME, GIVEN, ABROAD = "Quixarn", "Zyblova", "Ðørvåld"
UID_ROOT = "1.2.826.0.1.3680043.10.77130461"
PLANTED = {
    "PatientName": f"{SURNAME}^{GIVEN}",
    "OtherPatientNames": f"{ABROAD}^{GIVEN}",
    "PatientID": "PX-60913375",
    "PatientBirthDate": "19470613",
    "PatientAddress": "7 Murkfen Lane",
    "StudyDate": "20190827",
    "SeriesDate": "20190828",
    "AcquisitionDate": "20190829",
    "ContentDate": "20190830",
    "StudyTime": "081523.471839",
    "ContentTime": "091523.582941",
    "InstitutionName": "Vrbnikhove Clinic",
    "ReferringPhysicianName": "Drabwell^Ione",
    "OperatorsName": "Lumbrick^Oto",
    "AccessionNumber": "ACC90817263",
    "StudyID": "ST-558102",
    "DeviceSerialNumber": "SN-4471-QK",
    "StationName": "WEXBLITSTATION",
    "StudyDescription": f"head of {SURNAME}",
    "SeriesDescription": f"{GIVEN}, follow-up",
    "ProtocolName": f"3D {SURNAME} protocol",
    "ImageComments": f"mother of {ABROAD}",
}
PRIVATE = "Thrumwick"  # in a private tag
FOLDER = "Fennick"  # in the names of folders and files, which may stand in logs and messages
WORDS = {
    *(part for value in PLANTED.values() for part in re.split(r"[\^ ,]", value) if len(part) > 5),
    *(SURNAME, GIVEN, ABROAD, PRIVATE, UID_ROOT),
    *("1947-06-13", "13.06.1947", "2019-08-27", "08:15:23.47"),
} - {"protocol", "follow-up", "mother", "Clinic"}
CONFIG = {
    "volume": {"shape": 16, "voxel_mm": 0.7},
    "projections": 4,
    "view_counts": [2],
    "masks": {"implausible": "keep"},
    "methods": {"dae": {"epochs": 1}}
    | dict.fromkeys(("unet", "cgan", "hull", "backprojection"), False),
}
GOOD = {"nested": "train", "enhanced": "train", "nifti": "train", "meta": "test"}
CHOSEN = {"nested": "7"}
UNREAD = {  # by patient: what convert says of it
    "torn": "IM0010: cut short",
    "damaged": "IM0003: broken pixels",
    "holes": "holes.nii.gz: 1 of ",
}
SMEARED = {  # what is looked at, as long as a name that then stands in its place
    "SeriesNumber": "123456789",
    "PixelSpacing": "0.40000000\\0.50000000",
    "ImageOrientationPatient": "1.00000000\\0\\0\\0\\1\\0",
    "ImagePositionPatient": "-12.000000\\7.5\\30",
    "RescaleSlope": "1.00000000",
    "NumberOfFrames": "0000000001",
    "Modality": "CTCTCTCTCT",
    "ImageType": "ORIGINAL",
    "PhotometricInterpretation": "MONOCHROME2",
    "RescaleType": "HUHUHUHU",
    "SpecificCharacterSet": "ISO_IR 192",
    "SOPClassUID": uid.CTImageStorage,
    "TransferSyntaxUID": uid.ExplicitVRLittleEndian,
}


@dataclass(frozen=True)
class Stage:
    """What a run printed, what became of it, and a copy of all that it left."""

    terminal: str
    succeeded: bool
    left: Path

    def files(self) -> set[str]:
        return {str(path.relative_to(self.left)) for path in self.left.rglob("*") if path.is_file()}


# Patients


def head(seed: int, shape: tuple = (16, 34, 40)) -> np.ndarray:
    """Numbers of a volume with an artery, (levels, rows, columns)."""
    pixels = np.random.default_rng(seed).normal(1000, 20, shape)
    pixels[:, 15:18, 18 : 20 + seed % 3] = 3000
    return pixels.astype(int)


def plant(folder: Path) -> None:
    """Put what names the patient into every header below a folder."""
    for path in filter(Path.is_file, folder.rglob("*")):
        if path.read_bytes()[128:132] != b"DICM":
            continue
        dataset = pydicom.dcmread(path)
        dataset.SpecificCharacterSet = "ISO_IR 192"
        for keyword, value in PLANTED.items():
            setattr(dataset, keyword, value)
        dataset.private_block(0x29, "angiovox test", create=True).add_new(1, "LO", PRIVATE)
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            old = zlib.crc32(str(dataset.get(keyword)).encode())
            setattr(dataset, keyword, f"{UID_ROOT}.{old}")
        instance = f"{UID_ROOT}.{zlib.crc32(str(path).encode())}"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = instance
        dataset.save_as(path, enforce_file_format=True)


def smear(path: Path, keyword: str) -> None:
    """Put a name where a header has the value of a keyword."""
    tag, data = tag_for_keyword(keyword), bytearray(path.read_bytes())
    start = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + dictionary_VR(tag).encode()
    at = data.index(start) + len(start)
    [length] = struct.unpack_from("<H", data, at)
    data[at + 2 : at + 2 + length] = (SURNAME * 9)[:length].encode()
    path.write_bytes(data)


def company(folder: Path) -> None:
    """Two volumes, a localizer, a report, a directory and other files at several depths."""
    scanners.with_company(folder)
    other = {"SeriesNumber": 7, "SeriesInstanceUID": "1.2.3.7"}
    scanners.save(folder / FOLDER / "7", scanners.series(head(1), **other))


def nifti(path: Path, seed: int, holes: int = 0) -> None:
    voxels = head(seed).T.astype("f4")
    voxels.flat[:holes] = np.nan
    image = nib.Nifti1Image(voxels, np.diag([-0.5, -0.4, 0.7, 1]))
    image.header["descrip"] = f"{SURNAME} {PLANTED['PatientBirthDate']}"
    image.header["aux_file"] = PLANTED["PatientID"]
    image.header["intent_name"], image.header["db_name"] = GIVEN, PLANTED["AccessionNumber"]
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", SURNAME.encode()))
    nib.save(image, path)


def metaimage(path: Path) -> None:
    image = SimpleITK.GetImageFromArray(head(2).astype("i2"))
    image.SetSpacing(scanners.SPACING[::-1])
    image.SetMetaData("PatientName", PLANTED["PatientName"])
    SimpleITK.WriteImage(image, str(path))
    assert SURNAME.encode() in path.read_bytes()


def build(scans: Path) -> dict[str, str]:
    """Every patient below a folder; their paths."""
    folders = {name: scans / name for name in ("nested", "enhanced", "torn", "damaged", *SMEARED)}
    for folder in folders.values():
        folder.mkdir(parents=True)
    company(folders["nested"])
    slices = scanners.series(head(2))
    scanners.save(
        folders["enhanced"], [scanners.multi_frame(slices, uid.EnhancedCTImageStorage, "CT")]
    )
    scanners.save(folders["torn"], scanners.series())
    scanners.jpeg_2000(folders["damaged"])
    for keyword, value in SMEARED.items():
        own = {} if keyword == "TransferSyntaxUID" else {keyword: value}
        scanners.save(folders[keyword], scanners.series(head(0)[:3], **own))
    plant(scans)
    for keyword in SMEARED:
        for path in folders[keyword].iterdir():
            smear(path, keyword)
    cut, code = folders["torn"] / "IM0010", folders["damaged"] / "IM0003"
    cut.write_bytes(cut.read_bytes()[:-50])
    code.write_bytes(code.read_bytes()[:-800] + bytes(800))
    files = {name: scans / f"{name}.nii.gz" for name in ("nifti", "holes")}
    files["meta"] = scans / "meta.mha"
    nifti(files["nifti"], 3)
    nifti(files["holes"], 3, holes=1)
    metaimage(files["meta"])
    paths = folders | files | {"gone": scans / "gone"}
    return {name: str(path) for name, path in paths.items()}


def sheet(folder: Path, paths: dict[str, str], names: Iterable[str], chosen: dict) -> dict:
    """Write the sheet of some patients; the config's cohort."""
    rows = [[name, paths[name], chosen.get(name, ""), GOOD.get(name, "train")] for name in names]
    lines = ["\t".join(row) for row in (["patient", "dicom", "series", "split"], *rows)]
    (folder / "sheet.tsv").write_text("\n".join(lines) + "\n")
    return {"phantoms": {"count": 0}, "sheet": "sheet.tsv", "test_patients": 1}


@pytest.fixture(scope="module")
def stages(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    """A tiny study from the first look to the report, the runs that fail on the way included."""
    folder = tmp_path_factory.mktemp("archive") / "run"
    shutil.copytree(clone, folder)
    paths = build(tmp_path_factory.mktemp(FOLDER) / "scans")
    stages = {}

    def run(stage: str, *arguments: str, names: Iterable[str], chosen: dict) -> None:
        done = tiny(folder, *arguments, cohort=sheet(folder, paths, names, chosen), **CONFIG)
        left = folder.with_name(stage)
        left.mkdir()
        for name in ("results", "logs", ".snakemake"):
            if (folder / name).exists():
                shutil.copytree(folder / name, left / name)
        stages[stage] = Stage(done.stdout, done.returncode == 0, left)

    run("look", "inventory", names=paths, chosen={})
    run("refused", "-n", names=paths, chosen={})
    volumes = [f"results/volumes/{name}.nii" for name in ("nested", *UNREAD)]
    run("fail", *volumes, names=[*GOOD, *UNREAD], chosen={})
    run("study", names=GOOD, chosen=CHOSEN)
    run("report", "--report", "results/report.html", names=GOOD, chosen=CHOSEN)
    return stages


def test_times(stages):
    for name, stage in stages.items():
        print(name, stage.succeeded, stage.terminal[-3000:], len(stage.files()))
    print((stages["look"].left / "results/tables/inventory.md").read_text())
    print((stages["look"].left / "logs/inventory.log").read_text())
