"""The user's config and sheet, checked before any job starts. Knows config keys; no rules."""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import runs
import yaml
from angiovox import archive
from angiovox.errors import InputError
from angiovox.phantom.centrelines import read_swc, swc_files
from angiovox.phantom.injection import WIDEST_MM
from angiovox.phantom.lesions import check
from angiovox.phantom.morphometry import THINNEST
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError

WIDEST_VOXEL = 0.6  # of an artery's width: of coarser ones none may lie in it
HEAD_FIELD_MM = 60.0  # around the middle of the head, to hold the circle of Willis
SCHEMAS = Path(__file__).parents[1] / "schemas"


def _finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


# jsonschema takes 64.0 for an integer, and NaN and infinity for numbers.
Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: type(value) is int
    ).redefine("number", lambda _, value: type(value) is int or _finite(value)),
)


@dataclass(frozen=True)
class Patient:
    """A patient of the study: a phantom has a seed, and perhaps given centrelines in place of
    grown ones; a patient of the sheet has a DICOM folder, perhaps with the series to take, or the
    file of a volume."""

    name: str
    split: str
    seed: int | None = None
    centreline: str | None = None
    dicom: str | None = None
    series: str | None = None


def check_config(config: dict[str, Any]) -> None:
    """Refuse a config that cannot run.

    Raises InputError naming the key, its value and what would be valid.
    """
    _check_schema(config, "config.schema.yaml", "config")
    masks = config["masks"]
    if masks["min_fraction"] >= masks["max_fraction"]:
        raise InputError(
            f"masks.min_fraction: {masks['min_fraction']} must be below masks.max_fraction: "
            f"{masks['max_fraction']}"
        )
    if masks["window"] is not None and masks["window"][0] >= masks["window"][1]:
        raise InputError(
            f"masks.window: {masks['window']} is not valid; expected [low, high], low below high"
        )
    for views in config["view_counts"]:
        if views > config["projections"]:
            raise InputError(
                f"view_counts: {views} views cannot be taken from {config['projections']} "
                f"projections; choose from 2 to {config['projections']}"
            )
    runs.methods(config)
    if config["cohort"]["phantoms"]["count"]:
        _check_phantoms(config["cohort"]["phantoms"], **config["volume"])


def _check_phantoms(phantoms: dict[str, Any], shape: int, voxel_mm: float | None) -> None:
    """Refuse what no phantom can show."""
    if voxel_mm is None:
        raise InputError("volume.voxel_mm: null needs cohort.phantoms.count: 0; give millimetres")
    grown, widest = phantoms["centrelines"] is None, WIDEST_MM[phantoms["injection"]]
    if not grown and phantoms["injection"] != "all":
        raise InputError(
            f"cohort.phantoms.injection: {phantoms['injection']!r} cannot be told from the files "
            "of cohort.phantoms.centrelines; set it to all, and let the files hold what is filled"
        )
    if grown and voxel_mm > WIDEST_VOXEL * widest:
        raise InputError(
            f"volume.voxel_mm: {voxel_mm:g} mm cannot show an artery; the widest that a phantom of "
            f"injection {phantoms['injection']} has measures {widest:g} mm"
        )
    field_mm = shape * voxel_mm
    if grown and phantoms["centre"] == "head" and field_mm < HEAD_FIELD_MM:
        raise InputError(
            f"cohort.phantoms.centre: head with a field of view of {field_mm:g} mm (volume.shape "
            f"{shape}, volume.voxel_mm {voxel_mm:g}) misses the circle of Willis; it takes "
            f"{HEAD_FIELD_MM:g} mm, or circle"
        )
    for kind, settings in phantoms["lesions"].items():
        try:
            check(settings, field_mm)
        except ValueError as error:
            raise InputError(f"cohort.phantoms.lesions.{kind}.{error}") from None


def read_cohort(config: dict[str, Any], look: bool = True) -> list[Patient]:
    """All patients with their split, phantoms first.

    look : whether the sheet's folders and files must be there and begin with a sound image.

    Raises InputError for a sheet, patient or split that cannot be used, naming it.
    """
    cohort = config["cohort"]
    phantoms = cohort["phantoms"]
    leave_out = cohort["leave_out"]
    patients = _phantoms(phantoms, config["volume"]["voxel_mm"])
    patients += _sheet_patients(cohort["sheet"])
    patients = _without(patients, leave_out)
    if look:
        for patient in patients:
            _look_for_images(patient, cohort["sheet"])
    _refuse_duplicates(patients)
    patients = _split(patients, cohort["test_patients"], cohort["split_seed"])
    splits = [patient.split for patient in patients]
    if splits.count("train") < 2:
        raise InputError(
            f"cohort: at least 2 training patients are needed, there are {splits.count('train')}; "
            "add patients or lower cohort.test_patients"
        )
    if "test" not in splits:
        raise InputError("cohort: no test patient; set cohort.test_patients to 1 or more")
    return patients


def _without(patients: list[Patient], leave_out: list[str]) -> list[Patient]:
    unknown = sorted({*leave_out} - {patient.name for patient in patients})
    if unknown:
        raise InputError(
            f"cohort.leave_out: {', '.join(unknown)}: no such patient among the "
            f"{len(patients)} of cohort.phantoms and cohort.sheet"
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
            tree = read_swc(path)
            widest = 2 * float(tree.radii.max())
            if widest < voxel_mm / WIDEST_VOXEL:
                raise InputError(
                    f"{path}: the widest artery, {widest:g} mm, cannot be seen in voxels of "
                    f"{voxel_mm:g} mm; are its radii in mm?"
                )
            if not (tree.radii[tree.segments].min(axis=1) >= THINNEST).any():
                raise InputError(
                    f"{path}: no stretch of artery has a radius of {THINNEST:g} mm or more, the "
                    "least that is measured; are its radii in mm?"
                )
    except InputError as error:
        raise InputError(f"cohort.phantoms.centrelines: {error}") from None
    return files[:count]


def _sheet_patients(sheet: str | None) -> list[Patient]:
    if sheet is None:
        return []
    if not Path(sheet).is_file():
        raise InputError(f"cohort.sheet: {sheet} does not exist")
    with open(sheet, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, delimiter="\t")
        try:
            rows = [(reader.line_num, row) for row in reader]
        except UnicodeDecodeError:
            raise InputError(f"{sheet}: not UTF-8 text; save it as tab-separated UTF-8") from None
        columns = reader.fieldnames or []
    if not {"patient", "dicom"} <= set(columns):
        raise InputError(f"{sheet}: expected the tab-separated columns patient, dicom and split")
    if not rows:
        raise InputError(f"{sheet}: no patient in it; add a row, or set cohort.sheet: null")
    patients = []
    for line, row in rows:
        row = {key: value.strip() for key, value in row.items() if key and value is not None}
        _check_schema(row, "patients.schema.yaml", f"{sheet} line {line}")
        series = row.get("series") or None
        patients.append(
            Patient(row["patient"], row.get("split", ""), dicom=row["dicom"], series=series)
        )
    return patients


def _look_for_images(patient: Patient, sheet: str) -> None:
    if patient.dicom is None:
        return
    try:
        archive.check(patient.dicom)
    except InputError as error:
        raise InputError(
            f"{sheet}: patient {patient.name}: {patient.dicom}: {error} (snakemake inventory lists "
            "what is wrong with each patient)"
        ) from None


def _refuse_duplicates(patients: list[Patient]) -> None:
    """One id, one folder, one patient: nobody may stand on both sides of the split."""
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


def _split(patients: list[Patient], test_patients: int, seed: int) -> list[Patient]:
    """Keep what the sheet says, then draw test patients among the others up to the number."""
    # ASSUME: the test patients are drawn at random with a seed; the paper does not say how.
    free = sorted(patient.name for patient in patients if not patient.split)
    missing = max(0, test_patients - sum(patient.split == "test" for patient in patients))
    if missing > len(free):
        raise InputError(
            f"cohort.test_patients: {test_patients}, but only {len(free)} patients are free to be "
            "drawn; lower it or name test patients in the sheet"
        )
    drawn = set(np.random.default_rng(seed).permutation(free)[:missing])
    return [
        patient
        if patient.split
        else replace(patient, split="test" if patient.name in drawn else "train")
        for patient in patients
    ]


def _check_schema(value: dict[str, Any], schema_name: str, where: str) -> None:
    schema = yaml.safe_load((SCHEMAS / schema_name).read_text())
    errors = sorted(Validator(schema).iter_errors(value), key=lambda e: list(e.path))
    if errors:
        raise InputError(f"{where}: {_sentence(errors[0])}")


def _sentence(error: ValidationError) -> str:
    """What is wrong and what would be valid, in words."""
    key = ".".join(str(part) for part in error.path if isinstance(part, str))
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = sorted(error.schema["properties"])
        wrong = next(str(name) for name in error.instance if name not in known)
        close = difflib.get_close_matches(wrong, known, n=1)
        hint = f"did you mean {'.'.join(filter(None, [key, *close]))!r}? " if close else ""
        return (
            f"unknown key {'.'.join(filter(None, [key, wrong]))!r}; {hint}valid: {', '.join(known)}"
        )
    if error.validator == "required":
        return f"{key + ': ' if key else ''}{error.message}"
    valid = {
        "enum": lambda: "one of " + ", ".join(repr(v) for v in error.validator_value),
        "minimum": lambda: f"at least {error.validator_value}",
        "maximum": lambda: f"at most {error.validator_value}",
        "exclusiveMinimum": lambda: f"above {error.validator_value}",
        "exclusiveMaximum": lambda: f"below {error.validator_value}",
        "minItems": lambda: f"at least {error.validator_value} of them",
        "maxItems": lambda: f"at most {error.validator_value} of them",
        "uniqueItems": lambda: "no value twice",
        "pattern": lambda: error.schema.get("description", error.validator_value),
        "type": lambda: _kinds(np.atleast_1d(error.validator_value), error.instance),
    }.get(error.validator, lambda: error.message)()
    return f"{key}: {error.instance!r} is not valid; expected {valid}"


def _kinds(kinds: Iterable[str], value: Any) -> str:
    """What a value may be; YAML makes numbers of ids such as 007, and true of yes."""
    words = " or ".join(kinds)
    is_text = isinstance(value, int | float)  # so is true
    return words.replace("string", "string in quotes") if is_text else words
