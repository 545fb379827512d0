"""Images to series, and what each is."""

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
from .images import Frame, Image, normal_of

BITS = (8, 16, 32)
TURNED = 1e-3  # difference between two unit vectors that are taken for one
A_RUN = "; give a run of X-ray projections as XA run (docs/xa.md)"
# Names of kernels as makers have them; whatever else stands there is not shown.
KERNEL = re.compile(
    r"\d|[A-Z]{1,3}\d{0,3}[A-Z]?|STANDARD|SOFT|DETAIL|EDGE|LUNG|BONE|BONEPLUS", re.I
)


@dataclass(frozen=True, eq=False)
class Series:
    """Images of one series. `label` is its number in the study, with a letter where shared.

    frames : slices; those of a multi-frame file that show something else are left out.
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

    @property
    def notes(self) -> tuple[str, ...]:
        """What of it is left out, in sentences."""
        others = sum(image.num_frames for image in self.images) - len(self.frames)
        return (f"{others} frames left out that show no slice",) if others and self.frames else ()

    @property
    def number(self) -> str:
        """In its study, as viewers show it."""
        return self.images[0].number

    @property
    def spacing_mm(self) -> float:
        """What most neighbouring slices lie apart; infinite where they have no places."""
        placed = [frame for frame in self.frames if len(frame.position) == 3]
        if len(placed) < 2:
            return np.inf
        normal = normal_of(placed[0].orientation)
        gaps = np.diff(np.sort([np.dot(frame.position, normal) for frame in placed]))
        return float(np.median(gaps))

    @property
    def num_voxels(self) -> int:
        return len(self.frames) * int(np.prod(self.images[0].size))

    @property
    def kernels(self) -> list[str]:
        """Names of its reconstruction kernel."""
        named = self.frames[0].kernel if self.frames else ()
        return [name for name in named if KERNEL.fullmatch(name)]

    @property
    def what(self) -> str:
        """Its kind, whether it was derived from others, and its kernel."""
        derived = ["derived"] if "DERIVED" in self.images[0].image_type[:1] else []
        kernel = [f"kernel {' '.join(self.kernels)}"] if self.kernels else []
        return ", ".join([self.kind, *derived, *kernel])

    def __str__(self) -> str:
        rows, columns = self.images[0].size
        number = len(self.frames) or sum(image.num_frames for image in self.images)
        spacing = self.frames[0].spacing[::-1] if self.frames else ()
        apart = [self.spacing_mm] if np.isfinite(self.spacing_mm) else []
        edges = " x ".join(f"{edge:.3g}" for edge in (*spacing, *apart))
        voxels = f", voxels of {edges} mm" if edges else ""
        slices = f"{number} slice{'s' * (number != 1)} of {columns} x {rows}{voxels}"
        return f"series {self.label} ({self.what}, {slices})"


def group(images: Sequence[Image]) -> list[Series]:
    """Images by series, in the order of their numbers; other kinds of one series UID, localizers
    and pages without a place stand apart.

    Raises InputError for an image that belongs to no series, or whose place is broken.
    """
    groups: dict[tuple[str, str], list[Image]] = defaultdict(list)
    for image in images:
        if not image.series and image.kind in VOLUMES:
            raise InputError(f"{image.name}: no SeriesInstanceUID, so its series is unknown")
        groups[image.series, image.shows if image.kind in VOLUMES else image.kind].append(image)
    apart = [part for group in groups.values() for part in _without_pages(group)]
    ordered = sorted(apart, key=lambda g: (len(g[0].number), g[0].number, g[0].name))
    return [_series(label, group) for label, group in zip(_labels(ordered), ordered, strict=True)]


def _without_pages(images: list[Image]) -> list[list[Image]]:
    """Slices, and apart from them pages: without a place, and of another type or size than any
    slice. An image that lacks its place alone is a broken slice."""
    placed = [image for image in images if image.has_place]
    types = {(image.image_type, image.size) for image in placed}
    pages = [
        image
        for image in images
        if placed and not image.has_place and (image.image_type, image.size) not in types
    ]
    return [part for part in ([image for image in images if image not in pages], pages) if part]


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
    every = [] if why_not else [frame for image in images for frame in image.frames()]
    frames = [frame for frame in every if not frame.shows]
    if every and not frames:
        why_not = f"{every[0].name}: a {every[0].shows}, no slice of intensities"
    return Series(label, tuple(images), tuple(frames), why_not or _why_no_stack(frames))


def _why_no_image_of_a_volume(images: Sequence[Image]) -> str:
    first = images[0]
    if first.kind not in VOLUMES:
        return _why_no_volume(first)
    # Of what only some images are, the series is broken and not another kind (`slice_stack.ALIKE`).
    if all(image.samples > 1 or not image.photometric.startswith("MONOCHROME") for image in images):
        return f"{first.name}: colours, where intensities are needed"
    if first.shows:
        return f"{first.name}: a {first.shows}, no slice of intensities"
    for image in images:
        if image.num_frames > 1 and not image.has_frame_places:
            return f"{image.name}: {_without_places(image)}"
    reasons = [why_undecodable(image) for image in images]
    return f"{first.name}: {reasons[0]}" if all(reasons) else ""


def _why_no_volume(image: Image) -> str:
    if image.kind not in uid.UID_dictionary:
        return "an unknown kind of image holds no volume of intensities"
    if image.has_place and image.samples == 1 and "Secondary Capture" in image.kind.name:
        return (
            f"{image.kind.name} has a place, but holds what a screen showed and no measured "
            "intensities; export the series that it was made from"
        )
    run = A_RUN if image.kind == uid.EnhancedXAImageStorage else ""
    return f"{image.kind.name} holds no volume of intensities{run}"


def _without_places(image: Image) -> str:
    """What a file of several frames is that says nothing of each frame's place."""
    number = f"{image.num_frames}"
    run = A_RUN if image.kind == uid.XRayAngiographicImageStorage else ""
    if image.is_timed:
        return f"a cine, {number} images over time{run}"
    kind = f"{number} frames without a position for each (PerFrameFunctionalGroupsSequence)"
    if image.kind == uid.XRayAngiographicImageStorage:
        lost = "a cine, or a volume that lost its geometry; export a volume as CT slices"
        return f"{kind}: {lost}{run}"
    multi_frame = "Enhanced MR" if image.modality == "MR" else "Enhanced CT"
    return (
        f"{kind}, so their order and distance are unknown; export it as one file for each slice, "
        f"or as {multi_frame}"
    )


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
        run = A_RUN if frames[0].image.kind == uid.XRayAngiographicImageStorage else ""
        return f"{frames[0].name}: no place in the patient: a 2D image, or one of a cine{run}"
    directions = np.array([f.orientation for f in placed if len(f.orientation) == 6])
    if len(directions) == len(frames):
        usual = np.median(directions, axis=0)
        parallel = np.abs(directions - usual).max(axis=1) < TURNED
        if parallel.sum() <= len(frames) / 2:
            return "its slices lie in many directions: a localizer or turned projections"
    return ""
