"""List the series and files of each patient, and whether they can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, printable
from .dicom import reader
from .dicom.choice import Preference, choose, preferred
from .dicom.discovery import find_images
from .dicom.series import Series, group
from .folders import check_exists
from .patient_source import check_field, check_lone_file, find
from .volume_files import ImageFile, times
from .volume_headers import is_image_file

if TYPE_CHECKING:
    import pandas as pd


READ, SKIPPED, REFUSED = "read", "skipped", "refused"
OTHER_FILES = "other files"
FORMULA = ("=", "+", "-", "@")  # begin what a spreadsheet computes
NO_VOLUME = "none of its series is a volume"
TAKE_FIRST = (
    "may be the volume, with the thinnest slices: put {} into the column series of the sheet"
)
TAKE = "may be the volume: put {} into the column series of the sheet"


@dataclass(frozen=True)
class Entry:
    """One series or file of a patient, and what becomes of it: read, skipped or refused.

    patient : by id. series : its label, which the sheet's column takes.
    images : number of slices, frames or whatever it consists of.
    shape, voxel_mm : of its volume along the patient's axes, where it is one; also of those among
    which the user has to choose.
    reason : why it is not read, or what is done beyond reading.
    """

    patient: str
    series: str = ""
    kind: str = ""
    images: str = ""
    shape: str = ""
    voxel_mm: str = ""
    outcome: str = REFUSED
    reason: str = ""

    def __str__(self) -> str:
        what = f"{self.kind} ({self.images} images)" if self.images else self.kind
        series = f"series {self.series}" if self.series else ""
        words = [f"patient {self.patient}", " ".join(filter(None, [series, what])), self.outcome]
        return printable(": ".join(filter(None, [*words, self.reason])))


def inventory(
    patient: str,
    path: str | Path,
    series: str | None = None,
    largest_gap: int = 1,
    prefer: Preference = None,
    grid: tuple[int, float | None] | None = None,
) -> list[Entry]:
    """Every series of a patient, and what becomes of it, from headers alone. Arguments as `find`'s.

    grid : of the study, as `patient_source.check_field` takes it.

    A patient is read, which takes one entry, or refused, with the reason in one or more.
    """
    try:
        if is_image_file(path):
            return [_read(Entry(patient), find(path, series), grid)]
        check_exists(path)
        check_lone_file(path)
        images, others = find_images(path)
        every = group(images)
    except InputError as error:
        return [Entry(patient, reason=str(error))]
    entries = _of_series(patient, every, series, largest_gap, prefer, grid)
    if others:
        reason = f"{others} without an image"
        entries.append(Entry(patient, kind=OTHER_FILES, outcome=SKIPPED, reason=reason))
    return entries


def _of_series(
    patient: str,
    every: Sequence[Series],
    wanted: str | None,
    largest_gap: int,
    prefer: Preference,
    grid: tuple[int, float | None] | None,
) -> list[Entry]:
    def look_into(series: Series) -> Entry:
        """As if it were the one to be read."""
        try:
            found = reader.Found(series, reader.ordered(series, every, largest_gap))
            return _read(entries[series.label], found, grid)
        except InputError as error:
            return replace(entries[series.label], outcome=REFUSED, reason=str(error))

    entries = {series.label: _skipped(patient, series) for series in every}
    candidates = [series for series in every if not series.why_not]
    try:
        chosen = choose(every, wanted, prefer)
        entries[chosen.label] = look_into(chosen)
    except InputError as error:
        if wanted or not candidates:
            reason = NO_VOLUME if every and not wanted else str(error)
            return [*entries.values(), Entry(patient, reason=reason)]
        first = preferred(candidates)
        for series in candidates:
            entry = look_into(series)
            take = (TAKE_FIRST if series in first else TAKE).format(series.label)
            reason = "; ".join(filter(None, [take, entry.reason]))
            entries[series.label] = replace(entry, outcome=REFUSED, reason=reason)
    return list(entries.values())


def _skipped(patient: str, series: Series) -> Entry:
    images = str(sum(image.num_frames for image in series.images))
    reason = series.why_not or "the sheet names another series"
    return Entry(patient, series.label, series.what, images, outcome=SKIPPED, reason=reason)


def _read(
    entry: Entry, found: reader.Found | ImageFile, grid: tuple[int, float | None] | None
) -> Entry:
    if grid:
        check_field(found, *grid)
    return replace(
        entry,
        kind=entry.kind or found.kind,
        shape=times(found.shape),
        voxel_mm=times(found.voxel_mm),
        outcome=READ,
        reason="; ".join(found.notes),
    )


def described(shape: Sequence[int], voxel_mm: Sequence[float]) -> str:
    """A grid in words, as the inventory has it."""
    return f"{times(shape)} voxels of {times(voxel_mm)} mm"


def as_table(entries: Sequence[Entry]) -> pd.DataFrame:
    """A row for each entry."""
    import pandas as pd  # slow to import, and reading a volume does not need it

    rows = [[_cell(text) for text in astuple(entry)] for entry in entries]
    return pd.DataFrame(rows, columns=[field.name for field in fields(Entry)])


def _cell(text: str) -> str:
    """A text that a spreadsheet shows: what begins with a file's name may look like a formula."""
    return printable(f"'{text}" if text.startswith(FORMULA) else text)


def summary(table: pd.DataFrame, num_phantoms: int) -> str:
    """How many patients can be read, and who is refused."""
    refused = table.loc[table["outcome"] == REFUSED, "patient"].unique()
    patients = table["patient"].nunique()
    readable = f"{patients - len(refused)} of {patients} patients of the sheet can be read."
    words = [readable if patients else "There is no sheet of patients."]
    if len(refused):
        words.append(f"Refused: {', '.join(refused)}.")
    if num_phantoms:
        words.append(f"The {num_phantoms} phantoms are made here and not listed.")
    return " ".join(words)


def page(table: pd.DataFrame, num_phantoms: int) -> str:
    """The inventory in Markdown: first what has to be mended, then what is read and what is not."""
    parts = ["# Inventory", summary(table, num_phantoms)]
    for outcome in (REFUSED, READ, SKIPPED):
        rows = table[table["outcome"] == outcome].drop(columns="outcome")
        if len(rows):
            text = rows.map(lambda value: str(value).replace("|", "\\|"))
            parts += [f"## {outcome.capitalize()}"]
            parts += [text.to_markdown(index=False, disable_numparse=True)]
    return "\n\n".join(parts) + "\n"
