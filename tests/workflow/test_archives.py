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
from subprocess import CompletedProcess

import nibabel as nib
import numpy as np
import pandas as pd
import pydicom
import pytest
import scanners
import SimpleITK
from angiovox.io import inventory
from conftest import ONE_TESTED, tiny
from PIL import Image, PngImagePlugin
from plans import planned
from pydicom import uid
from pydicom.datadict import dictionary_VR, tag_for_keyword

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
LEFT = ("results", "logs", ".snakemake")
PRIVATE = "Thrumwick"  # in a private tag
FOLDER = "Fennick"  # in the names of folders and files, which may stand in logs and messages
STORED = {
    *(part for value in PLANTED.values() for part in re.split(r"[\^ ,]", value) if len(part) > 6),
    *(PRIVATE, UID_ROOT),
} - {"protocol", "follow-up"}
WORDS = STORED | {"1947-06-13", "13.06.1947", "2019-08-27", "08:15:23.47"}  # otherwise spelt
CONFIG = {
    "volume": {"shape": 16, "voxel_mm": 0.7},
    "projections": 4,
    "view_counts": [2],
    "masks": {"implausible": "keep"},
    "methods": {"dae": {"epochs": 1}}
    | dict.fromkeys(("unet", "consistent", "cgan", "hull", "backprojection"), False),
}
GOOD = {"nested": "train", "enhanced": "train", "nifti": "test"}
CHOSEN = {"nested": "7"}
UNREAD = {  # by patient: what convert says of it
    "damaged": "IM0003: broken slice, its pixels cannot be decoded",
    "holes": "holes.nii.gz: 1 of 21760 voxels are NaN or infinite",
}
# Other figures are drawn by slow processes of the same volumes and tables.
DRAWN = ["masks", "figure1"]
FIGURES = ["figure2", "figure3", "figure4", "iou_by_views", "learning_curves", "quality_by_views"]
FIGURES += ["best_method", "biplane", "error_profiles"]
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
    return {"phantoms": {"count": 0}, "sheet": "sheet.tsv"} | ONE_TESTED


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where each patient lies."""
    return build(tmp_path_factory.mktemp(FOLDER) / "scans")


@pytest.fixture(scope="module")
def stages(
    clone: Path, paths: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Stage]:
    """A tiny study from the first look to the report, and the runs that fail on the way."""
    folder = tmp_path_factory.mktemp("archive") / "run"
    shutil.copytree(clone, folder)
    stages = {}

    def run(stage: str, *arguments: str, names: Iterable[str], chosen: dict) -> None:
        done = tiny(folder, *arguments, cohort=sheet(folder, paths, names, chosen), **CONFIG)
        left = folder.with_name(stage)
        left.mkdir()
        for name in LEFT:
            if (folder / name).exists():
                shutil.copytree(folder / name, left / name)
        stages[stage] = Stage(done.stdout, done.returncode == 0, left)

    run("look", "inventory", names=paths, chosen={})
    run("stop", "-n", names=paths, chosen={})
    volumes = [f"results/volumes/{name}.nii" for name in ("nested", *UNREAD)]
    run("fail", *volumes, names=[*GOOD, *UNREAD], chosen={})
    figures = [f"results/figures/{name}.png" for name in DRAWN]
    run("study", "tables", "meshes", *figures, names=GOOD, chosen=CHOSEN)
    for path in (folder / "results/figures").glob("figure1.*"):
        for name in FIGURES:
            shutil.copy(path, path.with_stem(name))
    last = ["provenance", "--allowed-rules", "provenance"]
    run("provenance", *last, names=GOOD, chosen=CHOSEN)
    run("report", "--report", "results/report.html", names=GOOD, chosen=CHOSEN)
    return stages


# The inventory


@pytest.fixture(scope="module")
def listed(stages: dict[str, Stage]) -> pd.DataFrame:
    """The inventory's table, with "" for what is empty."""
    return pd.read_csv(
        stages["look"].left / "results/tables/inventory.csv", dtype=str, keep_default_na=False
    )


def test_the_inventory_alone_lists_and_computes_nothing_else(stages):
    look = stages["look"]
    assert look.succeeded and planned(look.terminal) == {"inventory": 1}
    made = {name for name in look.files() if name.startswith("results/")}
    tables = {"results/tables/inventory.csv", "results/tables/inventory.md"}
    assert made == tables | {"results/benchmarks/inventory.tsv"}


def test_every_patient_is_listed_read_or_refused(stages, listed):
    outcomes = listed.groupby("patient")["outcome"].agg(set)
    expected = {*GOOD, *UNREAD, "meta", "torn", "gone", *SMEARED}
    assert set(outcomes.index) == expected
    for patient, found in outcomes.items():
        assert len(found & {"read", "refused"}) == 1, patient
    read = listed[listed["outcome"] == "read"]
    assert {"enhanced", "nifti", "meta"} <= set(read["patient"])
    assert not read["patient"].duplicated().any()
    assert (read["shape"] != "").all() and (read["voxel_mm"] != "").all()
    refused = sorted(listed.loc[listed["outcome"] == "refused", "patient"].unique())
    [said] = [line for line in stages["look"].terminal.splitlines() if "can be read." in line]
    assert f"{len(expected) - len(refused)} of {len(expected)} patients" in said
    assert sorted(said.split("Refused: ")[1].split(". ")[0].split(", ")) == refused


def test_what_is_not_read_has_a_reason(listed):
    assert (listed.loc[listed["outcome"] != "read", "reason"] != "").all()
    sentences = listed.set_index("patient")["reason"]
    assert sentences["torn"].startswith("IM0010: cut short")
    assert sentences["gone"] == "does not exist"
    nested = listed[listed["patient"] == "nested"].set_index("series")
    assert "localizer" in nested.loc["1", "reason"]
    assert "what a screen showed" in nested.loc["3b", "reason"]
    assert nested.loc["", "reason"] == "3 without an image"


def test_series_to_choose_from_are_told_apart(listed):
    nested = listed[(listed["patient"] == "nested") & (listed["outcome"] == "refused")]
    shapes = dict(zip(nested["series"], nested["shape"], strict=True))
    assert shapes == {"3a": "40 x 34 x 6", "7": "40 x 34 x 16"}
    for series, reason in zip(nested["series"], nested["reason"], strict=True):
        assert f"put {series} into the column series" in reason


def test_the_page_begins_with_what_has_to_be_mended(stages, listed):
    page = (stages["look"].left / "results/tables/inventory.md").read_text()
    order = [page.index(f"## {outcome}") for outcome in ("Refused", "Read", "Skipped")]
    assert order == sorted(order)
    for outcome in ("refused", "read", "skipped"):
        part = page.split(f"## {outcome.capitalize()}")[1].split("##")[0]
        rows = [line for line in part.splitlines() if line.startswith("|")][2:]
        assert len(rows) == (listed["outcome"] == outcome).sum()


def test_anything_but_the_inventory_refuses_a_sheet_with_a_broken_patient(stages):
    stop = stages["stop"]
    assert not stop.succeeded and "Traceback" not in stop.terminal
    assert any(f"patient {name}: " in stop.terminal for name in SMEARED)
    assert "snakemake inventory" in stop.terminal


def test_the_inventory_is_made_anew_whenever_it_is_asked_for(fresh):
    scanners.shuffled(fresh / "a")
    slices = scanners.series()
    scanners.save(fresh / "b/deep/down", slices[:2])
    paths = {"a": "a", "b": "b", "c": "c"}
    cohort = sheet(fresh, paths, paths, {}) | {"phantoms": {"count": 1}}
    table = fresh / "results/tables/inventory.csv"

    def images() -> dict[str, str]:
        done = tiny(fresh, "inventory", cohort=cohort)
        assert done.returncode == 0, done.stdout
        found = pd.read_csv(table, dtype=str).set_index("patient")
        return found["images"].dropna().to_dict()

    assert images() == {"a": "6", "b": "2"}
    scanners.save(fresh / "b/deep/down", slices[2:], "more{}".format)
    scanners.shuffled(fresh / "c")
    assert images() == {"a": "6", "b": "6", "c": "6"}


def test_a_study_of_phantoms_has_nothing_to_list(fresh):
    assert planned(tiny(fresh, "inventory", "-n").stdout) == {"inventory": 1}
    table = inventory.as_table([])
    assert table.empty and "outcome" in table.columns
    page = inventory.page(table, num_phantoms=4)
    assert "no sheet" in page and "4 phantoms" in page and "|" not in page


# Conversion


@pytest.mark.parametrize("patient", UNREAD)
def test_a_patient_that_cannot_be_read_has_one_line(stages, patient):
    fail = stages["fail"]
    assert not fail.succeeded and "Traceback" not in fail.terminal
    [line] = [
        line
        for line in fail.terminal.splitlines()
        if line.startswith("convert: patient " + patient)
    ]
    assert UNREAD[patient] in line


def test_what_changes_deep_in_a_folder_is_noticed(fresh):
    names = ["a", "b", "c", "nifti"]  # the last is for testing
    for name in names:
        scanners.shuffled(fresh / name)
    (fresh / "c/a/again").symlink_to(fresh / "c")
    (fresh / "b/b/1").rename(fresh / "b/b/ {Größe} 1")
    cohort = sheet(fresh, {name: name for name in names}, names, {})
    volumes = [f"results/volumes/{name}.nii" for name in names]

    def run(*arguments: str) -> CompletedProcess:
        return tiny(fresh, *arguments, *volumes, cohort=cohort, **CONFIG)

    done = run()
    assert done.returncode == 0, done.stdout
    assert planned(run("-n").stdout) == {}
    (fresh / "a/a/2/IM3").unlink()  # of the middle
    shutil.copy(fresh / "b/a/0/IM0", fresh / "b/a/0/IM9")
    (fresh / "c/a/0/IM9").symlink_to("gone")
    assert planned(run("-n").stdout) == {"convert": 3}
    done = run()
    assert "Traceback" not in done.stdout
    said = dict(re.findall(r"^convert: patient (.): (.*)", done.stdout, re.M))
    assert set(said) == {"a", "b", "c"}
    assert "two slices at" in said["b"]
    assert said["c"] == "a/0/IM9: a link to a file that is not there"
    assert planned(run("-n").stdout) == {"convert": 3}


def test_two_series_without_a_choice_are_refused_and_the_sheet_mends_it(stages):
    lines = stages["fail"].terminal.splitlines()
    [line] = [line for line in lines if line.startswith("convert: patient nested: ")]
    for words in ("2 series", "series 3a (CT, 6 slices", "series 7 (CT, 16 ", "the column series"):
        assert words in line
    study = stages["study"]
    assert study.succeeded, study.terminal
    [log] = [p.read_text() for p in (study.left / "logs/convert").iterdir() if p.stem == "nested"]
    assert "series 7 (CT, 16 slices" in log
    assert "): 40 x 34 x 16 voxels of 0.5 x 0.4 x 0.7 mm\n" in log
    assert "study: 16 x 16 x 16 voxels of 0.7 x 0.7 x 0.7 mm\n" in log
    volume = nib.load(study.left / "results/volumes/nested.nii")
    assert volume.shape == 3 * (16,) and np.ptp(volume.dataobj) > 1000


def test_a_refused_conversion_leaves_nothing(stages):
    left = stages["fail"].left / "results/volumes"
    assert not list(left.glob("*")) and not list(left.glob(".*"))


# What gets out


def layers(data: bytes, depth: int = 4) -> Iterator[bytes]:
    """What a file holds, and what is packed in it: archives, gzip and zlib streams, base64."""
    yield data
    if not depth:
        return
    if data.startswith(b"PK"):
        with zipfile.ZipFile(BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from layers(archive.read(name), depth - 1)
    view = memoryview(data)
    for match in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", data):
        try:
            unpacked = zlib.decompressobj(47).decompress(view[match.start() :], 2**26)
        except zlib.error:
            continue
        yield from layers(unpacked, depth - 1)
    for match in re.finditer(rb"[A-Za-z0-9+/]{20,}", data):
        yield from layers(base64.b64decode(match[0][: len(match[0]) // 4 * 4]), depth - 1)


def spelt(word: str) -> set[bytes]:
    encodings = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "latin-1")
    return {word.encode(encoding).lower() for encoding in encodings}


def leaks(data: bytes, words: Iterable[str] = WORDS) -> set[str]:
    """Those of the words that are in some bytes, however they are packed."""
    forms = {form: word for word in words for form in spelt(word)}
    pattern = re.compile(b"|".join(map(re.escape, forms)))
    return {forms[m[0]] for layer in layers(data) for m in pattern.finditer(layer.lower())}


def leaked(folder: Path, words: Iterable[str] = WORDS) -> dict[str, set[str]]:
    """By file below a folder, the words in it or in its name; only those with any."""
    names = {path: str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    found = {
        name: leaks(path.read_bytes(), words) | leaks(name.encode(), words)
        for path, name in names.items()
    }
    return {name: words for name, words in found.items() if words}


def test_the_study_is_whole(stages):
    for stage in ("study", "provenance", "report"):
        assert stages[stage].succeeded, stages[stage].terminal
    page = (stages["report"].left / "results/report.html").read_text()
    assert len(page) > 1_000_000 and "patients of" in page


def test_nothing_that_names_the_patient_is_printed(stages):
    for name, stage in stages.items():
        assert stage.terminal and leaks(stage.terminal.encode()) == set(), name


@pytest.mark.parametrize("stage", ["look", "fail", "report"])  # later runs keep what others left
def test_nothing_that_names_the_patient_gets_out(stages, stage):
    assert leaked(stages[stage].left) == {}


def test_names_of_folders_reach_the_inventory_logs_and_terminal_only(stages):
    results = leaked(stages["report"].left / "results", [FOLDER])
    assert set(results) <= {"tables/inventory.csv", "tables/inventory.md"}


@pytest.mark.parametrize("patient", ["nested", "enhanced", "torn", "damaged"])
def test_what_is_searched_for_is_in_the_input(paths, patient):
    images = [path.read_bytes() for path in Path(paths[patient]).rglob("IM*")]
    assert images and all(leaks(image) == STORED for image in images)


def test_names_stand_where_values_are_looked_at(paths):
    for keyword in SMEARED:
        for path in Path(paths[keyword]).iterdir():
            whole = path.read_bytes().replace(PLANTED["PatientName"].encode(), b"")
            assert whole.count(SURNAME.encode()) > 2, keyword


def in_text(path: Path, secret: str) -> None:
    path.write_text(f"a table of {secret.upper()} and others")


def in_utf_16(path: Path, secret: str) -> None:
    path.write_bytes(b"\0" * 7 + secret.encode("utf-16-be"))


def in_gzip(path: Path, secret: str) -> None:
    path.write_bytes(gzip.compress(f"log of {secret}".encode()))


def in_nifti(path: Path, secret: str) -> None:
    image = nib.Nifti1Image(np.zeros((2, 2, 2), "f4"), np.eye(4))
    image.header["descrip"] = secret
    path.write_bytes(gzip.compress(image.to_bytes()))


def in_numpy_archive(path: Path, secret: str) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, names=np.array(["", secret]))


def in_model(path: Path, secret: str) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"weights": torch.zeros(3), "patients": [secret]}, path)


def in_png(path: Path, secret: str) -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Title", f"figure of {secret}", zip=True)
    Image.new("L", (8, 8)).save(path, "PNG", pnginfo=notes)


def in_pdf(path: Path, secret: str) -> None:
    stream = zlib.compress(f"BT ({secret}) Tj ET".encode())
    path.write_bytes(b"%PDF-1.4\n1 0 obj\nstream\n" + stream + b"\nendstream\n")


def in_report(path: Path, secret: str) -> None:
    """A table, compressed, within a page that the report carries as a data URI."""
    inner = base64.b64encode(gzip.compress(secret.encode())).decode()
    page = base64.b64encode(f'<a href="data:text/csv;base64,{inner}">'.encode()).decode()
    path.write_text(f'<script>{{"page": "data:text/html;base64,{page}"}}</script>')


HIDDEN = [in_text, in_utf_16, in_gzip, in_nifti, in_numpy_archive, in_model, in_png, in_pdf]


@pytest.mark.parametrize("hide", [*HIDDEN, in_report], ids=lambda hide: hide.__name__)
def test_the_search_finds_what_is_there(tmp_path, hide):
    hide(tmp_path / "clean", "somebody")
    hide(tmp_path / "leak", GIVEN)
    assert leaked(tmp_path) == {"leak": {GIVEN}}


def test_the_search_looks_at_the_names_of_files(tmp_path):
    (tmp_path / SURNAME).mkdir()
    (tmp_path / SURNAME / "empty.log").touch()
    assert leaked(tmp_path) == {f"{SURNAME}/empty.log": {SURNAME}}
