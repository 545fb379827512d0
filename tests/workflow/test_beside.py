"""Another study beside this one: the leaderboard alone is made, from measurements written here."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import TINY, snakemake
from plans import planned

TITLE = "Maxima, parallel beam"
TABLES = Path("results/tables")
BOARD = [f"leaderboard.{kind}" for kind in ("csv", "md", "html")]
ALONE = ("--allowed-rules", "leaderboard", "--")  # its input is there
COHORT = {"calibration_patients": 0}
METHODS = {"cgan": False, "unet": False, "consistent": False}
OTHER = {"leaderboard": {"beside": {TITLE: "../other/results"}}}


def write_measurements(folder, patients, draw, methods=("dae", "hull")):
    rng = np.random.default_rng(draw)
    rows = [
        (method, views, 1, patient, metric, rng.uniform(0.2, 0.8) if metric == "iou" else 0)
        for method in methods
        for views in TINY["view_counts"]
        for patient in patients
        for metric in ("iou", "empty")
    ]
    names = ["method", "views", "seed", "patient", "metric", "value"]
    (folder / TABLES).mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=names).to_csv(folder / TABLES / "per_patient.csv", index=False)
