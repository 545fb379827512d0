"""Two studies side by side: each method's IoU in both, and the difference on the same patients."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from pandas.api.types import is_integer_dtype, is_numeric_dtype

from ..errors import InputError
from ..io.table_files import read_table
from ..metrics.registry import METRICS
from ..metrics.statistics import by_seed, common_patients, mean_interval, paired_difference
from .leaderboard import PRIMARY

KEYS = ["method", "views", "seed", "patient", "metric"]
COUNTS = ("tested", "other_tested", "tested_in_both")
OURS = ("patients", "seeds", "mean", "low", "high")
THEIRS = tuple(f"other_{name}" for name in OURS)
DIFFERENCE = ("difference", "difference_low", "difference_high")
COLUMNS = ("beside", *COUNTS, "metric", "views", "method", *OURS, *THEIRS, "paired", *DIFFERENCE)
WHOLE_NUMBERS = [*COUNTS, "patients", "seeds", "other_patients", "other_seeds", "paired"]
Tables = Mapping[tuple[str, int, str], pd.DataFrame]


def beside_table(per_patient: pd.DataFrame, paths: Mapping[str, str]) -> pd.DataFrame:
    """This study beside each of others, in long form: one below the other.

    Parameters
    ----------
    per_patient : of this study; method, views, seed, patient, metric, value.
    paths : the same of other studies, CSV files by the studies' titles.

    Returns
    -------
    beside, the other study's title, before the columns of `compare_studies`.

    Raises InputError naming a file that is no such table, or with nothing in common.
    """
    parts = []
    for title, path in paths.items():
        compared = compare_studies(per_patient, read_measurements(path))
        in_both = compared["patients"].notna() & compared["other_patients"].notna()
        if not in_both.any() and not compared["tested_in_both"].any():
            raise InputError(
                f"{path}: has neither a test patient in common with this study nor a method at the "
                "same number of views; take it out of leaderboard.beside"
            )
        parts.append(compared.assign(beside=title))
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def read_measurements(path: str) -> pd.DataFrame:
    """Read another study's measurements of its test patients.

    Raises InputError naming a file that is broken or another table.
    """
    try:
        table = read_table(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise InputError(f"{path}: empty or broken; run the study that it is of again") from None
    wanted = [*KEYS, "value"]
    if not {*wanted} <= {*table}:
        raise InputError(
            f"{path}: not a study's measurements; expected the columns {', '.join(wanted)}"
        )
    table = table.loc[table["metric"] == PRIMARY, wanted]
    if table.empty:
        raise InputError(f"{path}: has no row of the metric {PRIMARY}, which is what is compared")
    if not all(map(is_integer_dtype, (table["views"], table["seed"]))):
        raise InputError(f"{path}: views and seed have to be whole numbers in every row")
    if not is_numeric_dtype(table["value"]):
        raise InputError(f"{path}: value has to be a number in every row")
    if table.duplicated(KEYS).any():
        raise InputError(f"{path}: has a patient twice at one method, number of views and seed")
    return table


def compare_studies(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """The primary metric of each method at each number of views that either study has.

    Parameters
    ----------
    ours, theirs : method, views, seed, patient, metric, value. Patients of one id are the same
        patient, methods of one name the same method.

    Returns
    -------
    tested, other_tested, how many patients each study has, and tested_in_both; metric, views,
    method; patients and seeds that this study's mean is over, mean, low, high; the same of the
    other study as other_*, NaN where a study has no such method at that number of views; and the
    difference, ours less theirs, with its interval, over the patients `paired`.

    Means are over the patients that both studies have; where there are none, over each study's
    own, without differences. Most views first, methods as they come, ours first.
    """
    ours, theirs = (table[table["metric"] == PRIMARY] for table in (ours, theirs))
    patients = [{*table["patient"]} for table in (ours, theirs)]
    both = patients[0] & patients[1]
    counts = dict(zip(COUNTS, map(len, (*patients, both)), strict=True))
    if both:
        ours, theirs = (table[table["patient"].isin(both)] for table in (ours, theirs))
    tables = by_seed(ours), by_seed(theirs)
    methods = [*dict.fromkeys([*ours["method"], *theirs["method"]])]
    keys = sorted({**tables[0], **tables[1]}, key=lambda key: (-key[1], methods.index(key[2])))
    rows = [counts | _row(key, *tables) for key in keys]
    return pd.DataFrame(rows, columns=list(COLUMNS[1:])).astype(
        dict.fromkeys(WHOLE_NUMBERS, "Int64")
    )


def _row(key: tuple[str, int, str], ours: Tables, theirs: Tables) -> dict[str, object]:
    row = dict(zip(("metric", "views", "method"), key, strict=True))
    first, second = ours.get(key), theirs.get(key)
    row |= _mean(first, OURS) | _mean(second, THEIRS) | {"paired": 0}
    if first is None or second is None:
        return row
    if first.shape[1] != second.shape[1]:  # trainings of one study have none of the other's beside
        first, second = (table.mean(axis=1).to_frame() for table in (first, second))
    pair = common_patients(first, second)
    if len(pair[0]):
        row |= {"paired": len(pair[0])}
        row |= dict(zip(DIFFERENCE, paired_difference(*pair), strict=True))
    return row


def _mean(table: pd.DataFrame | None, columns: tuple[str, ...]) -> dict[str, object]:
    if table is None or table.empty:
        return {}
    interval = mean_interval(table.to_numpy(dtype=np.float64), METRICS[PRIMARY].scale)
    return dict(zip(columns, (*table.shape, *interval), strict=True))
