"""Which of a patient's series is the volume: the only one, the sheet's, or the preferred one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import InputError
from .series import Series

Preference = str | Mapping[str, str] | None
THINNEST, LARGEST, KERNEL = "thinnest", "largest", "kernel"
MOST_LISTED = 6  # series in one sentence
SAME_SPACING = 0.01  # mm


def choose(
    series: Sequence[Series],
    wanted: str | None = None,
    prefer: Preference = None,
) -> Series:
    """The one series that is a volume, the wanted one by its label, or of several the preferred.

    prefer : "thinnest" slices, "largest" in voxels, or {"kernel": its name}, and of that kernel the
        thinnest; None asks for a label.

    Raises InputError where none is, listing why, where several are, or for an unknown label.
    """
    if not series:
        raise InputError("no DICOM image")
    if wanted:
        return _by_label(series, wanted)
    volumes = [one for one in series if not one.why_not]
    if not volumes:
        raise InputError(_why_none(series))
    if len(volumes) == 1:
        return volumes[0]
    best = preferred(volumes, prefer)
    if prefer and len(best) == 1:
        return best[0]
    raise InputError(_question(volumes, best, prefer))


def _why_none(series: Sequence[Series]) -> str:
    if len(series) == 1:
        return series[0].why_not
    if len(series) > 2 and all(len(one.frames) == 1 for one in series):
        return (
            f"{len(series)} series of one slice each, such as {series[0]}: a volume is slices of "
            "one series UID"
        )
    return "no volume among " + listed([f"{one}: {one.why_not}" for one in series])


def _question(volumes: Sequence[Series], best: Sequence[Series], prefer: Preference) -> str:
    """What to put into the sheet, the likeliest first."""
    put = "Put the number of one into the column series of the sheet"
    if prefer:
        return f"dicom.prefer leaves {len(best)} series: {listed(best)}. {put}"
    others = [one for one in volumes if one not in best]
    first = f"{listed(best)}, with the thinnest slices; " if others else ""
    return (
        f"{len(volumes)} series may be the volume: {first}{listed(others or best)}. {put}, or set "
        "dicom.prefer for the whole cohort"
    )


def _by_label(series: Sequence[Series], wanted: str) -> Series:
    found = [one for one in series if one.label == wanted]
    # What lies beside a volume under its number gave it a letter that no viewer shows.
    found = found or [one for one in series if one.number == wanted and not one.why_not]
    if len(found) != 1:
        raise InputError(f"no series {wanted}; there are: {listed(series)}")
    if found[0].why_not:
        raise InputError(f"series {wanted}: {found[0].why_not}")
    return found[0]


def preferred(volumes: Sequence[Series], prefer: Preference = None) -> list[Series]:
    """The series that a cohort prefers, or a person would look at first; several where they tie."""
    if isinstance(prefer, Mapping):
        volumes = _of_kernel(volumes, prefer[KERNEL])
    if prefer != LARGEST:
        least = min(one.spacing_mm for one in volumes)
        volumes = [one for one in volumes if one.spacing_mm <= least + SAME_SPACING]
    most = max(one.num_voxels for one in volumes)
    return [one for one in volumes if one.num_voxels == most]


def _of_kernel(volumes: Sequence[Series], kernel: str) -> list[Series]:
    same = [one for one in volumes if kernel.casefold() in map(str.casefold, one.kernels)]
    if not same:
        raise InputError(
            f"none of {len(volumes)} series has the kernel {kernel} of dicom.prefer: "
            f"{listed(volumes)}"
        )
    return same


def listed(things: Sequence[object]) -> str:
    """Things in one sentence, of many the first ones."""
    more = len(things) - MOST_LISTED
    words = [*map(str, things[:MOST_LISTED]), *([f"and {more} more"] if more > 0 else [])]
    return "; ".join(words)
