"""Images to series: what each is, and which one is a patient's angiography volume."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase

import numpy as np
from pydicom import uid
from pydicom.pixels import get_decoder

from ...errors import InputError
from .headers import VOLUMES
from .images import Frame, Image

# In the image type, of what is no slice; makers put words of their own before them.
PROJECTED = re.compile(r"\b(LOCALIZER|SCOUT|PROJECTION IMAGE|MIP|MINIP|SCREEN SAVE)$")
BITS = (8, 16, 32)
PHASE = re.compile(r"P|PHASE|VELOCITY|(PHASE|VELOCITY) MAP")  # of MR
TURNED = 1e-3  # difference between two unit vectors that are taken for one


@dataclass(frozen=True, eq=False)
class Series:
    """Images of one series. `label` is its number in the study, with a letter where shared.

    why_not : why it is no volume of intensities; empty for one that is, whole or broken.
    """

    label: str
    images: tuple[Image, ...]
    frames: tuple[Frame, ...]
    why_not: str

    @property
    def kind(self) -> str:
        kind = self.images[0].kind
        return VOLUMES.get(kind) or (kind.name if kind in uid.UID_dictionary else "unknown kind")

    def __str__(self) -> str:
        rows, columns = self.images[0].size
        number = sum(image.num_frames for image in self.images)
        spacing = [f"{v:g}" for v in self.frames[0].spacing] if self.frames else []
        voxels = f", pixels of {' x '.join(spacing)} mm" if spacing else ""
        return f"series {self.label} ({self.kind}, {number} slices of {columns} x {rows}{voxels})"


def group(images: Sequence[Image]) -> list[Series]:
    """Images by series, localizers apart, in the order of their numbers.

    Raises InputError for an image that belongs to no series, or whose place is broken.
    """
    groups: dict[tuple[str, bool], list[Image]] = defaultdict(list)
    for image in images:
        if not image.series and image.kind in VOLUMES:
            raise InputError(f"{image.name}: no SeriesInstanceUID, so its series is unknown")
        groups[image.series, bool(_shown(image))].append(image)
    ordered = sorted(groups.values(), key=lambda g: (len(g[0].number), g[0].number, g[0].name))
    return [_series(label, group) for label, group in zip(_labels(ordered), ordered, strict=True)]


def choose(series: Sequence[Series], wanted: str | None = None) -> Series:
    """The one series that is a volume, or the wanted one by its label.

    Raises InputError where none is, listing why, where several are, or for an unknown label.
    """
    if not series:
        raise InputError("no DICOM image")
    listed = "; ".join(map(str, series))
    if wanted:
        found = [one for one in series if one.label == wanted]
        if not found:
            raise InputError(f"no series {wanted}; there are: {listed}")
        if found[0].why_not:
            raise InputError(f"series {wanted}: {found[0].why_not}")
        return found[0]
    volumes = [one for one in series if not one.why_not]
    if len(volumes) > 1:
        raise InputError(
            f"{len(volumes)} series may be the volume: {'; '.join(map(str, volumes))}. Put the "
            "number of one into the column series of the sheet"
        )
    if not volumes:
        raise InputError(
            series[0].why_not
            if len(series) == 1
            else "no volume among " + "; ".join(f"{one}: {one.why_not}" for one in series)
        )
    return volumes[0]


def _labels(groups: Sequence[Sequence[Image]]) -> list[str]:
    numbers = [group[0].number or "none" for group in groups]
    labels = []
    for place, number in enumerate(numbers):
        before = numbers[:place].count(number)
        letter = _letters(before) if numbers.count(number) > 1 else ""
        labels.append(number + letter)
    return labels


def _letters(number: int) -> str:
    """a to z, then aa, ab and so on."""
    more, last = divmod(number, 26)
    return (_letters(more - 1) if more else "") + ascii_lowercase[last]


def _series(label: str, images: Sequence[Image]) -> Series:
    why_not = _why_no_image_of_a_volume(images)
    frames = [] if why_not else [frame for image in images for frame in image.frames()]
    return Series(label, tuple(images), tuple(frames), why_not or _why_no_stack(frames))


def _why_no_image_of_a_volume(images: Sequence[Image]) -> str:
    first = images[0]
    kinds = {image.kind for image in images}
    if not kinds & set(VOLUMES):
        name = first.kind.name if first.kind in uid.UID_dictionary else "an unknown kind"
        return f"{name} holds no volume of intensities"
    # Of what only some images are, the series is broken and not another kind (`slice_stack.ALIKE`).
    if all(image.samples > 1 or not image.photometric.startswith("MONOCHROME") for image in images):
        return f"{first.name}: colours, where intensities are needed"
    if shown := _shown(first):
        return f"{first.name}: a {shown.lower()}, no slice of intensities"
    for image in images:
        if image.num_frames > 1 and not image.header.get("PerFrameFunctionalGroupsSequence"):
            return f"{image.name}: a cine, {image.num_frames} images over time"
    reasons = [why_undecodable(image) for image in images]
    return f"{first.name}: {reasons[0]}" if all(reasons) else ""


def _shown(image: Image) -> str:
    """What an image shows that is no slice, by its image type."""
    words = [word.strip().upper() for word in image.image_type]
    if image.modality == "MR" and any(map(PHASE.fullmatch, words)):
        return "phase image"
    return next((match[1] for match in map(PROJECTED.search, words) if match), "")


def why_undecodable(image: Image) -> str:
    """Why nothing here reads its pixels; empty where something does."""
    if image.bits not in BITS:
        return f"{image.bits} bits per pixel, where 8, 16 or 32 are needed"
    try:
        decodable = not image.syntax.is_compressed or get_decoder(image.syntax).is_available
    except (NotImplementedError, ValueError):
        decodable = False
    if decodable:
        return ""
    name = image.syntax.name if image.syntax in uid.UID_dictionary else "an unknown transfer syntax"
    return f"its pixels are stored as {name}, which nothing here decodes; export it uncompressed"


def _why_no_stack(frames: Sequence[Frame]) -> str:
    """Slices of a volume have places, are at least two, and lie in parallel."""
    if len(frames) < 2:
        return f"{len(frames)} image slice: a volume needs at least 2"
    placed = [frame for frame in frames if frame.position or frame.orientation]
    if not placed:
        return f"{frames[0].name}: no place in the patient: a 2D image, or one of a cine"
    directions = np.array([f.orientation for f in placed if len(f.orientation) == 6])
    if len(directions) == len(frames):
        usual = np.median(directions, axis=0)
        parallel = np.abs(directions - usual).max(axis=1) < TURNED
        if parallel.sum() <= len(frames) / 2:
            return "its slices lie in many directions: a localizer or turned projections"
    return ""
