"""Groups of patients that the study's models are transferred to: SWC trees, or another sheet's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from angiovox.errors import InputError
from angiovox.vessels.swc import LPS, flow, patient_axes, read_points, swc_files
from snakemake.exceptions import WorkflowError
from snakemake.io import local

from .cohort import Patient, check_calibres, refuse_duplicates, sheet_patients, without

SPLIT = "transfer"
# Of the first tree; beyond the phantoms' own seeds. One tree has one seed in all groups, so that
# it lies the same way before each scanner.
FIRST_SEED = 10**9 + 1
OF_TREES = ("centrelines", "territories", "axes", "scanner")  # keys that a sheet has no use for


@dataclass(frozen=True)
class Group:
    """Patients that are tested together: trees, which have a scanner, or those of a sheet.

    title : in tables and figures. patients : by id. axes : of the trees' files.
    """

    title: str
    patients: dict[str, Patient]
    sheet: str | None = None
    scanner: str | None = None
    axes: str = LPS


def read_groups(config: dict[str, Any], study: list[Patient]) -> dict[str, Group]:
    """The groups of cohort.transfer by name; neither images nor the points of trees are looked at.

    study : its own patients, of whom no one may be in a group.

    Raises InputError naming group and key.
    """
    groups, everyone = {}, list(study)
    for name, given in config["cohort"]["transfer"].items():
        key = f"cohort.transfer.{name}"
        groups[name] = group = _group(name, key, given, config["volume"]["voxel_mm"])
        everyone += group.patients.values()
        try:
            refuse_duplicates(everyone)
        except InputError as error:
            raise InputError(f"{key}: {error}") from None
        _refuse_known_trees(key, group, study)
    _check_titles(groups)
    return groups


def _group(name: str, key: str, given: dict[str, Any], voxel_mm: float | None) -> Group:
    title = given.get("title", name.replace("_", " "))
    if ("centrelines" in given) == ("sheet" in given):
        raise InputError(f"{key}: give either centrelines, a folder of .swc files, or sheet")
    if "sheet" in given:
        useless = [part for part in OF_TREES if part in given]
        if useless:
            raise InputError(f"{key}.{useless[0]}: of trees only; this group is a sheet's")
        sheet = given["sheet"]
        patients = [
            Patient(patient.name, SPLIT, dicom=patient.dicom, series=patient.series)
            for patient in sheet_patients(sheet, f"{key}.sheet")
        ]
        return Group(title, _chosen(patients, given, key), sheet=sheet)
    if voxel_mm is None:
        raise InputError(f"{key}.centrelines: trees need volume.voxel_mm; give millimetres")
    axes = given.get("axes", LPS)
    try:
        patient_axes(axes)
    except ValueError as error:
        raise InputError(f"{key}.axes: {error}") from None
    patients = _chosen(_trees(name, key, given), given, key)
    return Group(title, patients, scanner=given.get("scanner", "3dra"), axes=axes)


def _trees(name: str, key: str, given: dict[str, Any]) -> list[Patient]:
    """A patient for each file, by name, and each of its territories."""
    try:
        files = swc_files(given["centrelines"])
    except InputError as error:
        raise InputError(f"{key}.centrelines: {error}") from None
    territories = given.get("territories") or [None]
    return [
        Patient(
            f"{name}-{number + 1:03d}",
            SPLIT,
            seed=FIRST_SEED + number,
            centreline=str(file),
            territory=types and tuple(types),
        )
        for number, (file, types) in enumerate(product(files, territories))
    ]


def _chosen(patients: list[Patient], given: dict[str, Any], key: str) -> dict[str, Patient]:
    chosen = without(patients, given.get("leave_out", []), f"{key}.leave_out", key)
    if not chosen:
        raise InputError(f"{key}.leave_out: leaves out all {len(patients)} patients of the group")
    return {patient.name: patient for patient in chosen}


def _refuse_known_trees(key: str, group: Group, study: list[Patient]) -> None:
    known = {patient.centreline: patient.name for patient in study if patient.centreline}
    for name, patient in group.patients.items():
        if patient.centreline in known:
            raise InputError(
                f"{key}: {name} and {known[patient.centreline]}, of the study, share the file "
                f"{patient.centreline}; what is trained on is no transfer"
            )


def _check_titles(groups: dict[str, Group]) -> None:
    """Refuse titles that do not tell groups apart in figures and tables."""
    names: dict[str, str] = {}
    for name, group in groups.items():
        if group.title in names:
            raise InputError(
                f"cohort.transfer.{name}.title: {group.title!r} is the title of "
                f"{names[group.title]} too"
            )
        names[group.title] = name


def checked_file(patient: Patient, group: str, voxel_mm: float) -> Iterator[str]:
    """The file of a tree, once it is checked.

    group : that the patient is in, by name.

    Raises WorkflowError naming the file and what is wrong with it.
    """
    path = patient.centreline
    try:
        check_calibres(path, voxel_mm)
        flow(read_points(path), patient.territory, path)
    except InputError as error:
        raise WorkflowError(
            f"cohort.transfer.{group}: {error} (leave_out: [{patient.name}] in the group goes on "
            "without it)"
        ) from None
    yield local(path)
