"""A patient's entry in the sheet to the volume behind it: a DICOM folder, or a file of a volume."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from .dicom import reading
from .dicom.finding import find_images, holds_image
from .dicom.series import Series, choose, group
from .errors import InputError
from .images import ImageFile, is_image_file
from .images import find as find_file

READ, SKIPPED, REFUSED = "read", "skipped", "refused"


@dataclass(frozen=True)
class Entry:
    """One series or file of a patient, and what becomes of it: read, skipped or refused.

    shape, voxel_mm : of the volume along the patient's axes; nothing for what is not read.
    reason : why not, or what is done beyond reading.
    """

    patient: str
    series: str
    kind: str
    slices: int
    shape: str
    voxel_mm: str
    becomes: str
    reason: str


def find(
    path: str | Path, series: str | None = None, largest_gap: int = 1
) -> reading.Found | ImageFile:
    """The volume of a folder or a file, by its headers alone; `read` gives its voxels.

    series : label of the one to take where a folder holds several.
    largest_gap : in spacings, that slices may lie apart; missing ones are interpolated.

    Raises InputError with what is wrong and what to do.
    """
    if not is_image_file(path):
        return reading.find(path, series, largest_gap)
    if series:
        raise InputError(f"{Path(path).name}: a file and no DICOM folder, so no series {series}")
    return find_file(path)


def find_series(path: str | Path, series: str | None = None, largest_gap: int = 1) -> Series:
    """The DICOM series behind a volume.

    Raises InputError as `find`, and for a file that is no DICOM.
    """
    found = find(path, series, largest_gap)
    if isinstance(found, ImageFile):
        raise InputError(f"{found.path.name}: a {found.kind} file, so no DICOM series to refer to")
    return found.series


def holds_volume(path: str | Path) -> bool:
    """Whether there may be a volume, looking no further than needed.

    Raises InputError for a file that is broken.
    """
    return bool(find_file(path)) if is_image_file(path) else holds_image(path)


def inventory(
    patient: str, path: str | Path, wanted: str | None = None, largest_gap: int = 1
) -> list[Entry]:
    """Every series of a patient, and what becomes of it, from headers alone."""
    try:
        if is_image_file(path):
            return [_read(patient, "", 1, find(path, wanted))]
        images, others = find_images(path)
        every = group(images)
    except InputError as error:
        return [Entry(patient, "", "", 0, "", "", REFUSED, str(error))]
    try:
        chosen = choose(every, wanted)
        found = reading.Found(chosen, reading.ordered(chosen, every, largest_gap))
    except InputError as error:
        candidates = [series for series in every if not series.why_not]
        entries = [
            _unread(patient, series, REFUSED, str(error))
            if series in candidates
            else _unread(patient, series, SKIPPED, series.why_not)
            for series in every
        ]
        if not candidates:
            entries.append(Entry(patient, "", "", 0, "", "", REFUSED, str(error)))
    else:
        entries = [
            _read(patient, series.label, len(series.frames), found)
            if series is chosen
            else _unread(patient, series, SKIPPED, series.why_not or "another series is read")
            for series in every
        ]
    if others:
        entries.append(Entry(patient, "", "other files", others, "", "", SKIPPED, "no images"))
    return entries


def _read(patient: str, label: str, slices: int, found: reading.Found | ImageFile) -> Entry:
    shape = " x ".join(map(str, found.shape))
    sizes = " x ".join(f"{size:.4g}" for size in found.voxel_mm)
    return Entry(patient, label, found.kind, slices, shape, sizes, READ, "; ".join(found.notes))


def _unread(patient: str, series: Series, becomes: str, reason: str) -> Entry:
    slices = sum(image.num_frames for image in series.images)
    return Entry(patient, series.label, series.kind, slices, "", "", becomes, reason)


def as_table(entries: list[Entry]) -> pd.DataFrame:
    """A row for each entry."""
    return pd.DataFrame(entries, columns=[field.name for field in fields(Entry)])


def page(table: pd.DataFrame, num_phantoms: int) -> str:
    """The inventory in Markdown: how many patients are read, who is refused, and every series."""
    refused = table.loc[table["becomes"] == REFUSED, "patient"].unique()
    read = table.loc[table["becomes"] == READ, "patient"].nunique()
    lines = [f"{read} of {table['patient'].nunique()} patients of the sheet can be read."]
    if len(refused):
        lines.append(f"Refused: {', '.join(refused)}.")
    if num_phantoms:
        lines.append(f"{num_phantoms} phantoms beside them are made here.")
    text = table.to_markdown(index=False, disable_numparse=True) if len(table) else ""
    return " ".join(lines) + f"\n\n{text}\n"
