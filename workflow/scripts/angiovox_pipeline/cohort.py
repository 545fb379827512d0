"""The patients of a study: phantoms and the sheet's, split into training, calibration and test."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from angiovox.errors import InputError
from angiovox.io.folders import check_exists
from angiovox.vessels import THINNEST
from angiovox.vessels.swc import read_points, swc_files

from .config import WIDEST_VOXEL, check_schema
from .sheets import read_rows, stripped

SHEET = "cohort.sheet"  # the key of the study's own


@dataclass(frozen=True)
class Patient:
    """A patient of the study: a phantom has a seed, and perhaps given centrelines in place of
    grown ones, of which a territory may be filled; a patient of the sheet has a DICOM folder,
    perhaps with the series to take, or the file of a volume, and perhaps an earlier volume."""

    name: str
    split: str
    seed: int | None = None
    centreline: str | None = None
    dicom: str | None = None
    series: str | None = None
    territory: tuple[int, ...] | None = None
    prior: str | None = None


def read_cohort(config: dict[str, Any]) -> list[Patient]:
    """All patients with their split, phantoms first. Nobody's images are looked at.

    Raises InputError for a sheet, patient or split that cannot be used, naming it.
    """
    cohort = config["cohort"]
    phantoms = cohort["phantoms"]
    leave_out = cohort["leave_out"]
    patients = _phantoms(phantoms, config["volume"]["voxel_mm"])
    patients += sheet_patients(cohort["sheet"])
    patients = without(patients, leave_out)
    refuse_duplicates(patients)
    patients = _split(patients, cohort)
    splits = [patient.split for patient in patients]
    if splits.count("train") < 2:
        raise InputError(
            f"cohort: at least 2 training patients are needed, there are {splits.count('train')}; "
            "add patients or lower cohort.test_patients or cohort.calibration_patients"
        )
    if "test" not in splits:
        raise InputError("cohort: no test patient; set cohort.test_patients to 1 or more")
    return patients


def without(
    patients: list[Patient],
    leave_out: list[str],
    key: str = "cohort.leave_out",
    where: str = "cohort.phantoms and cohort.sheet",
) -> list[Patient]:
    """Those who are not left out.

    Raises InputError naming the key for an id that nobody has.
    """
    unknown = sorted({*leave_out} - {patient.name for patient in patients})
    if unknown:
        raise InputError(
            f"{key}: {', '.join(unknown)}: no such patient among the {len(patients)} of {where}"
        )
    return [patient for patient in patients if patient.name not in leave_out]


def figure_patient(config: dict[str, Any], test: list[str]) -> str:
    """The test patient that the figures show.

    Raises InputError for one that is not a test patient.
    """
    name = config["figures"]["patient"]
    if name is not None and name not in test:
        raise InputError(f"figures.patient: {name!r} is no test patient; one of {', '.join(test)}")
    return name or test[0]


def _phantoms(phantoms: dict[str, Any], voxel_mm: float) -> list[Patient]:
    count, folder = phantoms["count"], phantoms["centrelines"]
    centrelines: list[str | None] = [None] * count
    if count and folder is not None:
        centrelines = _centrelines(folder, count, voxel_mm)
    return [
        Patient(f"phantom-{number:03d}", "", seed=1000 * phantoms["seed"] + number, centreline=path)
        for number, path in enumerate(centrelines, start=1)
    ]


def _centrelines(folder: str, count: int, voxel_mm: float) -> list[str]:
    """The first SWC files of a folder by name, each of them sound and thick enough to be seen."""
    try:
        files = [str(path) for path in swc_files(folder)]
        if len(files) < count:
            raise InputError(f"{folder}: {len(files)} .swc files for {count} phantoms")
        for path in files[:count]:
            check_calibres(path, voxel_mm)
    except InputError as error:
        raise InputError(f"cohort.phantoms.centrelines: {error}") from None
    return files[:count]


def check_calibres(path: str, voxel_mm: float) -> None:
    """Refuse arteries that no voxel could show, or none of which is thick enough to be measured.

    Raises InputError naming the file, also for one that is broken.
    """
    tree = read_points(path)
    widest = 2 * max(point.radius for point in tree.values())
    if widest < voxel_mm / WIDEST_VOXEL:
        raise InputError(
            f"{path}: the widest artery, {widest:g} mm, cannot be seen in voxels of "
            f"{voxel_mm:g} mm; are its radii in mm?"
        )
    ends = ((point, tree[point.parent]) for point in tree.values() if point.has_parent)
    if all(min(point.radius, parent.radius) < THINNEST for point, parent in ends):
        raise InputError(
            f"{path}: no stretch of artery has a radius of {THINNEST:g} mm or more, the "
            "least that is measured; are its radii in mm?"
        )


def sheet_patients(sheet: str | None, key: str = SHEET) -> list[Patient]:
    """The patients of a sheet in the order of its rows, none for no sheet.

    key : of the config that names it.

    Raises InputError for a sheet that cannot be used, naming it.
    """
    if sheet is None:
        return []
    if not Path(sheet).is_file():
        raise InputError(f"{key}: {sheet} does not exist")
    rows, columns = read_rows(sheet)
    if not {"patient", "dicom"} <= set(columns):
        raise InputError(f"{sheet}: expected the tab-separated columns patient, dicom and split")
    if not rows:
        advice = f"set {key}: null" if key == SHEET else f"leave out {key}"
        raise InputError(f"{sheet}: no patient in it; add a row, or {advice}")
    patients = []
    for line, row in rows:
        row = stripped(row)
        check_schema(row, "patients.schema.yaml", f"{sheet} line {line}")
        series, prior = row.get("series") or None, row.get("prior") or None
        scans = {"dicom": row["dicom"], "series": series, "prior": prior}
        patients.append(Patient(row["patient"], row.get("split", ""), **scans))
    return patients


def check_images(patient: Patient, sheet: str) -> None:
    """Refuse a patient of the sheet whose folder or file is not there, or has no sound first image.

    Raises InputError naming sheet, patient and folder; ModuleNotFoundError where what reads images
    is not installed, once the folder was found.
    """
    if patient.dicom is None:
        return
    try:
        check_exists(patient.dicom)
        from angiovox.io import patient_source

        patient_source.check(patient.dicom)
    except InputError as error:
        raise InputError(
            f"{sheet}: patient {patient.name}: {patient.dicom}: {error} (snakemake inventory lists "
            "what is wrong with each patient)"
        ) from None


def refuse_duplicates(patients: list[Patient]) -> None:
    """One id, one folder, one patient: nobody may stand on both sides of the split.

    Raises InputError naming the patient.
    """
    by_name: dict[str, Patient] = {}
    by_folder: dict[Path, str] = {}
    for patient in patients:
        twin = by_name.get(patient.name)
        if twin is not None:
            sides = {twin.split, patient.split} - {""}
            both = " and on both sides of the split" if len(sides) == 2 else ""
            raise InputError(f"patient {patient.name} is there twice{both}; ids must be unique")
        by_name[patient.name] = patient
        if patient.dicom is not None:
            folder = Path(patient.dicom).resolve()
            for other, name in by_folder.items():
                if folder.is_relative_to(other) or other.is_relative_to(folder):
                    raise InputError(
                        f"patients {name} and {patient.name} share the folder "
                        f"{patient.dicom}; one patient, one folder"
                    )
            by_folder[folder] = patient.name


def _split(patients: list[Patient], cohort: dict[str, Any]) -> list[Patient]:
    """Keep what the sheet says, then draw patients for test and calibration among the others."""
    # ASSUME: the test patients are drawn at random with a seed; the paper does not say how.
    free = sorted(patient.name for patient in patients if not patient.split)
    seed = cohort["split_seed"]
    order = sorted(free, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    drawn = {}
    for split in ("test", "calibration"):
        key = f"{split}_patients"
        named = sum(patient.split == split for patient in patients)
        missing = max(0, cohort[key] - named)
        if missing > len(order):
            raise InputError(
                f"cohort.{key}: {cohort[key]}, but only {len(order)} patients are free to be "
                f"drawn; lower it or name {split} patients in the sheet"
            )
        drawn |= dict.fromkeys(order[:missing], split)
        order = order[missing:]
    return [
        patient if patient.split else replace(patient, split=drawn.get(patient.name, "train"))
        for patient in patients
    ]
