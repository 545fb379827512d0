"""Sheets of patients: tab-separated UTF-8 text with a row of column names."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from angiovox.errors import InputError


def read_rows(sheet: str | Path) -> tuple[list[tuple[int, dict[str, str]]], Sequence[str]]:
    """Rows of a sheet with the numbers of their lines, and its columns.

    Raises InputError for what is no such text, naming sheet and line.
    """
    try:
        text = Path(sheet).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{sheet}: not UTF-8 text; save it as tab-separated UTF-8") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise InputError(f"{sheet} line {line}: a NUL byte; save it as tab-separated UTF-8 text")
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader]
        return rows, reader.fieldnames or []
    except csv.Error as error:
        line = reader.line_num + 1  # of the last whole row
        raise InputError(
            f"{sheet} line {line}: broken ({error}); is a quote without its other one above it?"
        ) from None


def stripped(row: dict[str, str]) -> dict[str, str]:
    """A row's cells without spaces around them, those of missing columns left out."""
    return {key: value.strip() for key, value in row.items() if key and value is not None}
