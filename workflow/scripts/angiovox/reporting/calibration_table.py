"""What calibration is worth: the error of probabilities before and after, on patients held back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

COLUMNS = ["method", "seed", "views", "vessel", "background", "patients", "error"]
COLUMNS += ["error_calibrated"]
REMARK = (
    "Calibration error before and after temperature scaling, in voxels for each voxel of vessel, "
    "of {patients} patients held back from training and from the test; after, each with "
    "temperatures of the others. Scaling moves no voxel across 0.5. All that is said of test "
    "patients is after it."
)


def calibration_table(paths: Iterable[str | Path], runs: Iterable[str]) -> pd.DataFrame:
    """Gather the files of rule calibrate, a row for each method, seed and number of views.

    runs : "method seed" of each file.

    Returns
    -------
    method, seed, views; vessel and background, the temperatures; patients; error and
    error_calibrated, means over the patients (`metrics.calibration.calibrate`).
    """
    rows = []
    for path, run in zip(paths, runs, strict=True):
        method, seed = run.split()
        for views, found in json.loads(Path(path).read_text(encoding="utf-8")).items():
            rows.append({"method": method, "seed": int(seed), "views": int(views)} | found)
    table = pd.DataFrame(rows, columns=COLUMNS)
    order = {name: number for number, name in enumerate(dict.fromkeys(table["method"]))}
    by_order = table.assign(order=table["method"].map(order))
    by_order = by_order.sort_values(["order", "views", "seed"], ascending=[True, False, True])
    return by_order.drop(columns="order").reset_index(drop=True)


def before_and_after(table: pd.DataFrame) -> pd.DataFrame:
    """Text of both errors, mean over seeds, by method (rows) and number of views, most first."""
    means = table.groupby(["method", "views"], sort=False)[["error", "error_calibrated"]].mean()
    texts = means.apply(lambda row: " → ".join(map(_text, row)), axis=1)
    shown = texts.unstack("views").reindex(index=dict.fromkeys(table["method"]))
    return shown[sorted(shown.columns, reverse=True)]


def remark(table: pd.DataFrame) -> str:
    """What the numbers are."""
    return REMARK.format(patients=table["patients"].max())


def _text(error: float) -> str:
    return "not measured" if error != error else f"{error:.3f}"
