"""One phantom patient through the scanner: grow, inject, plant lesions, image."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from ..vessels.graph import Arteries, Pose
from ..vessels.swc import LPS, read_swc
from .arterial_tree import Patient, grow
from .circle_of_willis import Variant
from .contrast import inject, thinned
from .lesion_placement import Lesion
from .lesions import plant
from .scanner import image, scanner_named
from .tortuosity import STEP

MIDDLE = np.array([0.0, 17.0, 15.5])  # mm, of all grown arteries, from the head's origin
# ASSUME: how heads lie and where scanners aim: standard deviations over patients and axes.
TILT, OFFSET = 10.0, 3.0  # degrees, mm
MAX_TILT = 25.0  # degrees
AIM = 8.0  # mm from the circle, at which 61 % of the chance is left that an artery is aimed at


@dataclass(frozen=True)
class Settings:
    """What to fill, where to look and what to plant.

    injection, centre, scanner : as in `contrast.inject` and `scanner.image`.
    lesions : by kind, as in `lesions.plant`; empty for healthy arteries.
    earlier : share of their size that aneurysms had when an earlier scan was made, which this is;
        None for today's.
    """

    injection: str = "carotid"
    centre: str = "circle"
    scanner: str = "3dra"
    lesions: dict[str, dict[str, Any]] = field(default_factory=dict)
    earlier: float | None = None


@dataclass(frozen=True)
class Acquisition:
    """An angiogram with its truth.

    volume, share : (x, y, z) float32 intensities, and the exact share of artery in each voxel.
    arteries : the filled ones around the isocentre, in DICOM's patient axes.
    variant : of the circle of Willis; None where centrelines were given.
    """

    volume: np.ndarray
    share: np.ndarray
    arteries: Arteries
    lesions: list[Lesion]
    variant: Variant | None


@dataclass(frozen=True)
class Filled:
    """A patient with contrast in the arteries, in the scanner and not yet imaged.

    arteries : around the isocentre, in DICOM's patient axes. pose : of the head. lesions, variant :
    as `Acquisition` has them.
    """

    arteries: Arteries
    pose: Pose
    lesions: list[Lesion]
    variant: Variant | None


def acquire(
    seed: int,
    shape: tuple[int, int, int],
    voxel_size: float,
    settings: Settings = Settings(),
    centreline: str | None = None,
    **how: Any,
) -> Acquisition:
    """The angiogram of one phantom patient; the same arguments, the same bytes.

    Parameters
    ----------
    shape : (x, y, z) of the grid, centred on the isocentre.
    voxel_size : mm.
    seed, settings, centreline, how : as `fill` takes them.

    Raises
    ------
    ValueError : settings that cannot be met (see `inject`, `plant` and `image`).
    InputError : a broken SWC file.
    """
    # About 10 s at 384^3, no part above 2: growth, sample points, background, blur, noise, files.
    # It stands for a scanner, so no patient's processing waits for it.
    filled = fill(seed, voxel_size * min(shape), settings, centreline, **how)
    head = filled.arteries, filled.pose
    scan = int(settings.earlier is not None)
    volume, share = image(*head, shape, voxel_size, seed, settings.scanner, scan)
    return Acquisition(volume, share, filled.arteries, filled.lesions, filled.variant)


def fill(
    seed: int,
    field_mm: float,
    settings: Settings = Settings(),
    centreline: str | None = None,
    territory: Collection[int] | None = None,
    axes: str = LPS,
    random_pose: bool = False,
    patient: Patient | None = None,
) -> Filled:
    """Grow a patient, inject contrast, lay the head into the scanner and plant lesions.

    Parameters
    ----------
    seed : the patient.
    field_mm : edge of the field of view, in which lesions lie.
    centreline : SWC file with the arteries that contrast fills, in place of grown ones.
    territory, axes : of that file, as in `vessels.swc.read_swc`.
    random_pose : whether arteries of a file lie as grown ones do (`apply_random_pose`) and not
        straight.
    patient : whose arteries, variant and size are taken in place of the seed's own; without effect
        beside `centreline`.

    Raises
    ------
    ValueError : settings that cannot be met (see `inject` and `plant`).
    InputError : a broken SWC file.
    """
    variant, size = None, 1.0
    thins = scanner_named(settings.scanner).thins
    if centreline is None:
        patient = grow(seed) if patient is None else replace(patient, seed=seed)
        variant, size = patient.variant, patient.size
        arteries, origin = inject(patient, settings.injection, settings.centre, thins)
    else:
        tree = read_swc(centreline, territory, axes)
        arteries, origin = _injected_tree(tree, settings.centre, thins)
    pose = Pose(origin)
    if centreline is None or random_pose:
        if settings.centre == "circle":
            arteries, origin = aim(arteries, origin, seed)
        arteries, pose = apply_random_pose(arteries, origin, seed, size)
    grown = 1.0 if settings.earlier is None else settings.earlier
    arteries, truth = plant(arteries, settings.lesions, field_mm, seed, pose, grown)
    return Filled(arteries, pose, truth, variant)


def aim(arteries: Arteries, origin: np.ndarray, seed: int) -> tuple[Arteries, np.ndarray]:
    """Move the isocentre onto an artery near the circle, a thick and near one more often.

    arteries, origin : as `inject` returns them.
    """
    rng = np.random.default_rng([seed, 6])
    chance = arteries.radii**2 * np.exp(-np.sum(arteries.points**2, axis=1) / (2 * AIM**2))
    place = arteries.points[rng.choice(len(chance), p=chance / chance.sum())]
    return arteries.moved(-place), origin - place


def apply_random_pose(
    arteries: Arteries, origin: np.ndarray, seed: int, size: float = 1.0
) -> tuple[Arteries, Pose]:
    """No head is positioned to the millimetre: it lies tilted and off the isocentre.

    origin : (3,) mm of the head's origin while it lies straight, as `inject` returns it. size : of
    the patient.
    """
    rng = np.random.default_rng([seed, 5])
    tilt = np.clip(rng.normal(0, TILT, 3), -MAX_TILT, MAX_TILT)
    rotation = Rotation.from_euler("xyz", tilt, degrees=True).as_matrix()
    offset = rng.normal(0, OFFSET, 3)
    lain = replace(arteries, points=arteries.points @ rotation.T + offset)
    return lain, Pose(rotation @ origin + offset, rotation, size)


def _injected_tree(tree: Arteries, centre: str, thins: bool) -> tuple[Arteries, np.ndarray]:
    """Given arteries around their first fork or ("head") their middle, and the head's origin."""
    arteries = tree.finer(STEP)
    left = thinned(arteries)
    forks = np.flatnonzero(np.bincount(arteries.segments[:, 0]) > 1)
    isocentre = np.zeros(3)
    if centre == "circle" and len(forks):
        # Contrast only thins along the flow: the first fork is the one with most of it.
        isocentre = arteries.points[forks[np.argmax(left[forks])]]
    arteries = replace(arteries, contrast=left) if thins else arteries
    return arteries.moved(-isocentre), -isocentre - MIDDLE
