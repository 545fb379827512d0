"""Read the study's CSV tables, in which ids are text: patients may be called `NA` or `007`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ID_COLUMNS = ("patient", "method", "group", "metric")
MISSING = ("", "nan", "NA")  # numbers, as pandas, the csv module and Snakemake write them


def read_table(path: str | Path, separator: str = ",") -> pd.DataFrame:
    """Read a table with `ID_COLUMNS` as text, whatever they look like, and never as missing.

    Parameters
    ----------
    path : of a CSV file with a header.
    separator : between cells, a tab for Snakemake's benchmark files.

    Returns
    -------
    The table; in other columns pandas finds the type, and an empty cell is missing.
    """
    import pandas as pd  # slow to import, and reading a volume does not need it

    options = {"sep": separator, "keep_default_na": False, "encoding": "utf-8"}
    columns = pd.read_csv(path, nrows=0, **options).columns
    return pd.read_csv(
        path,
        dtype=dict.fromkeys(ID_COLUMNS, str),
        na_values={name: MISSING for name in columns if name not in ID_COLUMNS},
        **options,
    )


def read_tables(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Read tables of the same columns as one, one below the other."""
    import pandas as pd

    return pd.concat(map(read_table, paths), ignore_index=True)
