"""Reconstructions of a study as a BIDS derivative dataset (BIDS 1.10, Derivatives, Imaging).

Its participants are named after the ids of the user's sheet, as all results are; nothing of a DICOM
header is read.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import InputError
from ..io import nifti
from ..io.atomic import atomic_folder
from ..metrics import overlap

BIDS_VERSION = "1.10.0"
LABELS = "index\tname\tcolor\n0\tBackground\t#000000\n1\tArtery\t#e41a1c\n"  # of dseg, by value
TRUTH = "otsu"  # the masks that methods are trained on and measured against
COLUMNS = {
    "participant_id": "Label of the participant's files: the study's id without other characters "
    "than letters and digits",
    "study_id": "Id in the study's sheet and results",
    "kind": "phantom (made by a computer) or patient",
}


@dataclass(frozen=True)
class Reconstruction:
    """A test patient's reconstruction in a study's results.

    path : of its NIfTI file. method, title : of the config entry. gives_probabilities : or a mask
    alone. is_calibrated : whether temperatures were fitted on patients held back.
    """

    path: Path
    patient: str
    method: str
    title: str
    views: int
    seed: int
    gives_probabilities: bool
    is_calibrated: bool


def labels(names: Iterable[str], key: str) -> dict[str, str]:
    """Turn ids into labels of BIDS, which have letters and digits only.

    key : what the ids are, for errors.

    Raises InputError for an id without either, or two that get one label; upper and lower case are
    the same to some file systems.
    """
    found: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in names:
        label = re.sub("[^A-Za-z0-9]", "", name)
        if not label:
            raise InputError(f"{key} {name!r}: no letter or digit, so no label in BIDS")
        other = taken.setdefault(label.casefold(), name)
        if other != name:
            raise InputError(
                f"{key}: {other!r} and {name!r} both become {label!r} in BIDS, which has letters "
                "and digits only; rename one of them"
            )
        found[name] = label
    return found


def write_dataset(
    folder: str | Path,
    reconstructions: Iterable[Reconstruction],
    masks: Mapping[str, Path],
    phantoms: Iterable[str],
    generated_by: Mapping[str, Any],
) -> list[Path]:
    """Write a derivative dataset: probabilities, segmentations and the truth of each patient.

    Parameters
    ----------
    folder : to write, which appears whole or not at all.
    reconstructions : at least one. masks : NIfTI file of each patient's ground truth.
    phantoms : ids of those patients that are phantoms.
    generated_by : the entry of dataset_description.json: Name, Version, and more of BIDS.

    Returns
    -------
    Files written, relative to the folder, sorted.

    Raises
    ------
    InputError : a folder that holds something, or ids that cannot be told apart in BIDS.
    """
    folder, reconstructions, phantoms = Path(folder), [*reconstructions], {*phantoms}
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: already there and not empty; name another folder")
    patients = labels(dict.fromkeys(one.patient for one in reconstructions), "patient")
    methods = labels(dict.fromkeys(one.method for one in reconstructions), "method")
    with atomic_folder(folder) as temporary:
        _describe(temporary, patients, phantoms, generated_by)
        for one in reconstructions:
            name = f"desc-{methods[one.method]}Views{one.views}"
            _write_reconstruction(_stem(temporary, patients[one.patient]), name, one)
        for patient, label in patients.items():
            _write_truth(_stem(temporary, label), masks[patient])
        written = [path.relative_to(temporary) for path in temporary.rglob("*") if path.is_file()]
    return sorted(written)


def _stem(folder: Path, patient: str) -> str:
    """How the paths of a patient's files begin; their folder is made."""
    inside = folder / f"sub-{patient}/anat"
    inside.mkdir(parents=True, exist_ok=True)
    return f"{inside}/sub-{patient}"


def _write_reconstruction(stem: str, name: str, one: Reconstruction) -> None:
    """The probabilities as they are, and where they reach 0.5."""
    about = f"by {one.title} from {one.views} views; for research, not for diagnosis"
    facts = {"Manual": False, "Method": one.method, "Views": one.views, "TrainingSeed": one.seed}
    if one.gives_probabilities:
        path = f"{stem}_label-artery_{name}_probseg"
        shutil.copyfile(one.path, f"{path}.nii.gz")
        sidecar = {"Description": f"Probability of artery, {about}", **facts}
        _write_json(f"{path}.json", sidecar | {"Calibrated": one.is_calibrated})
    probability, affine = nifti.load_volume(one.path)
    nifti.save_volume(f"{stem}_{name}_dseg.nii.gz", overlap.binary(probability), affine)
    _write_json(f"{stem}_{name}_dseg.json", {"Description": f"Artery (1), {about}", **facts})


def _write_truth(stem: str, mask: Path) -> None:
    stem = f"{stem}_desc-{TRUTH}"
    shutil.copyfile(mask, f"{stem}_dseg.nii.gz")
    about = "Artery (1) by Otsu's threshold of the whole volume: what methods are measured against"
    _write_json(f"{stem}_dseg.json", {"Description": about, "Manual": False})


def _describe(
    folder: Path,
    patients: Mapping[str, str],
    phantoms: set[str],
    generated_by: Mapping[str, Any],
) -> None:
    """The files about the dataset: description, README, participants, labels of segments."""
    kinds = {name: "phantom" if name in phantoms else "patient" for name in patients}
    data = " and ".join(f"{kind}s" for kind in ("phantom", "patient") if kind in kinds.values())
    name = f"Cerebral arteries of {data} reconstructed from few X-ray views"
    description = {
        "Name": name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [dict(generated_by)],
    }
    _write_json(folder / "dataset_description.json", description)
    rows = [(f"sub-{label}", name, kinds[name]) for name, label in patients.items()]
    table = pd.DataFrame(rows, columns=[*COLUMNS])
    table.to_csv(folder / "participants.tsv", sep="\t", index=False)
    _write_json(
        folder / "participants.json", {key: {"Description": text} for key, text in COLUMNS.items()}
    )
    (folder / "dseg.tsv").write_text(LABELS, encoding="utf-8")
    (folder / "README").write_text(
        f"{name}, by angiovox.\n\n"
        "`desc` of a file is the method and the number of views, or `otsu` for the truth that\n"
        "methods are measured against. Values of `_probseg` are probabilities, those of `_dseg`\n"
        "are explained in dseg.tsv. For research, not for diagnosis.\n",
        encoding="utf-8",
    )


def _write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    Path(path).write_text(text, encoding="utf-8")
