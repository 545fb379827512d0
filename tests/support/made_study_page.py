"""The page of a small study: two phantoms, three methods, two numbers of views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from angiovox.geometry.affine import isotropic_affine
from angiovox.io import nifti
from angiovox.reporting.leaderboard import leaderboard
from angiovox.reporting.study_page.page import Content, page
from angiovox.reporting.study_page.patients import Files, payloads
from matplotlib.image import imsave

SHAPE = (24, 20, 28)
AFFINE = isotropic_affine(SHAPE, 0.5)
PATIENTS = ["first", "second"]
METHODS = {
    "dae": {"title": "Paper's network", "family": "Autoencoder", "colour": "#0072b2"},
    "hull": {"title": "Visual <hull>", "family": "Hull", "colour": "#e69f00"},
    "late": {"title": "For two views only", "family": "Hull", "colour": "#f5d89a"},
}
RUNS = [("dae", 5), ("dae", 2), ("hull", 5), ("hull", 2), ("late", 2)]
BEST = {"dae": 0.3, "hull": 0.6, "late": 0.5}  # mean IoU
RECORD = {
    "angiovox": {"commit": "0123abcd", "modified": False},
    "collected": "2026-01-02T03:04:05+00:00",
    "machine": {"cpu": "some CPU", "cores": 2, "memory_gb": 8, "system": "Linux"},
    "seeds": {"training": [1], "split": 7, "phantoms": {}},
}


def vessel(patient: str, shift: int = 0) -> np.ndarray:
    """Share of a vessel along z in each voxel, up to a level; shift : voxels to the left."""
    middle = {"first": (10, 9), "second": (12, 11)}[patient]
    x, y, z = np.indices(SHAPE)
    distance = np.hypot(x - middle[0] - shift, y - middle[1])
    return np.where(z < 25, np.clip(3.5 - distance, 0, 1), 0).astype(np.float32)


def reconstruction(method: str, patient: str) -> np.ndarray:
    """That of `late` is empty, that of `hull` the truth, that of `dae` four voxels beside it."""
    if method == "late":
        return np.zeros(SHAPE, np.float32)
    return vessel(patient, 4 * (method == "dae"))


def files(folder: Path) -> dict[str, Files]:
    """The volumes of both patients, on disk."""
    found = {}
    for name in PATIENTS:
        own = {key: folder / f"{name}-{key[0]}-{key[1]}.nii.gz" for key in RUNS}
        for (method, _), path in own.items():
            nifti.save_fractions(path, reconstruction(method, name), AFFINE)
        found[name] = Files(folder / f"{name}.nii", folder / f"{name}.mask.nii.gz", own)
        nifti.save_intensities(found[name].volume, 100 * vessel(name), AFFINE)
        nifti.save_volume(found[name].mask, vessel(name) >= 0.5, AFFINE)
    return found


def per_patient() -> pd.DataFrame:
    """IoU and clDice of each reconstruction; those of `late` have no clDice."""
    rows = [
        (method, views, 1, patient, metric, BEST[method] + 0.01 * number)
        for method, views in RUNS
        for number, patient in enumerate(PATIENTS)
        for metric in ("iou", "cldice")
        if (method, metric) != ("late", "cldice")
    ]
    return pd.DataFrame(rows, columns=["method", "views", "seed", "patient", "metric", "value"])


def study_page(folder: Path, **changes) -> str:
    """The page as HTML, of files in a folder."""
    imsave(folder / "figure4.png", np.random.default_rng(0).random((40, 60)))
    imsave(folder / "another_one.png", np.eye(30))
    given = {"methods": METHODS, "runs": RUNS, "patients": PATIENTS, "paper": "dae", "seed": 1}
    words = {"several_seeds": False, "patient_word": "phantom", "note": "tested on 2 phantoms"}
    content = Content(**given | words | changes)
    published = pd.DataFrame({"views": [5, 2], "iou": [0.45, 0.27]})
    figures = [folder / "another_one.png", folder / "figure4.png"]
    table = per_patient()
    shown = payloads(files(folder), table, 1)
    return page(content, shown, leaderboard(table), published, figures, RECORD)
