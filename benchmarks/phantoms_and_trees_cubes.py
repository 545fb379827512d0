"""Cubes for `phantoms_and_trees.py`: phantoms and traced human arteries, by one scanner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from angiovox.geometry.parallel_beam import projection_angles
from angiovox.io.quantization import quantize, requantize
from angiovox.masks.otsu import otsu_mask
from angiovox.phantoms.acquisition import apply_random_pose
from angiovox.phantoms.arterial_tree import grow
from angiovox.phantoms.contrast import inject, thinned
from angiovox.phantoms.scanner import image
from angiovox.phantoms.tortuosity import STEP
from angiovox.projectors import mip
from angiovox.vessels.graph import Arteries
from angiovox.vessels.swc import read_swc, swc_files

EDGE, VOXEL_MM = 64, 0.75
FIRST_SEED = 2001
TERRITORIES = ((2, 3), (4, 5))  # SWC types of the anterior and middle cerebral artery, by side
PATIENT_AXES = [0, 2, 1]  # the files' x left or right, y up and z back as (x, y, z) of a patient
ANGLES = projection_angles(90)


@dataclass(frozen=True)
class Cube:
    """One angiogram, and what is known of it.

    person : number of the phantom or of the human being; the two carotids of one are one person.
    is_tree : whether the arteries were traced in a human being.
    whole : the filled arteries around the isocentre, beyond the field of view as well.
    volume, share : (x, y, z), as of `Acquisition`. mask : Otsu's. threshold : of that mask.
    projections : (views, detector, z) maxima, as a share of the largest code.
    """

    person: int
    is_tree: bool
    whole: Arteries
    volume: np.ndarray
    share: np.ndarray
    mask: np.ndarray
    threshold: float
    projections: np.ndarray

    @property
    def is_mirrored(self) -> bool:
        """Whether the filled side is the one of smaller x."""
        middle = self.whole.points[self.whole.segments].mean(axis=1)
        return bool(np.sum(middle[:, 0] * self.whole.lengths) < 0)


def phantom_cubes(count: int, first_seed: int = FIRST_SEED) -> Iterator[Cube]:
    """Phantoms of the package as it is, around the carotid's end, wherever a scanner aims."""
    for number in range(count):
        patient = grow(first_seed + number)
        posed, pose = apply_random_pose(*inject(patient, "carotid"), patient.seed, patient.size)
        volume, share = image(posed, pose, (EDGE,) * 3, VOXEL_MM, patient.seed)
        yield _cube(number, False, posed, volume, share)


def tree_cubes(folder: str | Path) -> Iterator[Cube]:
    """Both carotids of each person of a folder, posed and imaged as phantoms are."""
    for number, path in enumerate(swc_files(folder)):
        sides = [_tree(path, territory) for territory in TERRITORIES]
        ends = [_first_fork(arteries) for arteries in sides]
        for side, (arteries, end) in enumerate(zip(sides, ends, strict=True)):
            seed = 9000 + 2 * number + side
            # A head's origin lies between the ends of its carotids.
            posed, pose = apply_random_pose(arteries.moved(-end), np.mean(ends, axis=0) - end, seed)
            volume, share = image(posed, pose, (EDGE,) * 3, VOXEL_MM, seed)
            yield _cube(number, True, posed, volume, share)


def _tree(path: Path, territory: tuple[int, ...]) -> Arteries:
    arteries = read_swc(path, territory).finer(STEP)
    arteries = replace(arteries, points=arteries.points[:, PATIENT_AXES])
    return replace(arteries, contrast=thinned(arteries))


def _first_fork(arteries: Arteries) -> np.ndarray:
    """Where the feeding artery ends; contrast only thins along the flow."""
    forks = np.flatnonzero(np.bincount(arteries.segments[:, 0]) > 1)
    return arteries.points[forks[np.argmax(arteries.contrast[forks])]]


def _cube(
    person: int, is_tree: bool, arteries: Arteries, volume: np.ndarray, share: np.ndarray
) -> Cube:
    coded = quantize(np.rint(volume).astype(np.float32))
    mask, threshold = otsu_mask(coded)
    seen = requantize(coded, mip.project_max(coded.codes, ANGLES, 1))
    projections = seen.codes.astype(np.float32) / np.float32(np.iinfo(seen.codes.dtype).max)
    return Cube(person, is_tree, arteries, volume, share, mask, threshold, projections)
