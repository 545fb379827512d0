"""X-ray angiography of a phantom: frames of a C-arm while contrast comes and goes.

Frames are beam intensities behind the head, with the noise of counted photons: mask frames before
the contrast arrives, then frames with it. Between the two the head may move, and the C-arm may
stand otherwise than its angles say, so that what a reader computes from the angles is as wrong as
it is of a patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ..geometry.cone_beam import CArm, c_arm_rotation
from ..geometry.grid import Grid
from ..geometry.views import Views
from ..projectors.attenuation import CONTRAST, WATER
from ..projectors.line_integral import line_integral
from ..vessels.graph import Arteries, Pose
from ..vessels.voxelize import occupancy
from .bolus import Bolus, arrival_times
from .head import Head, plain_ct

HEAD_MM, HEAD_VOXEL = 225.0, 1.5  # edge of the head's grid and of its voxels
HEAD_BLUR = 1.0  # voxels, standard deviation: steps of bone would show where the head moves
ARTERY_VOXEL = 0.5  # mm
OPEN_BEAM = 0.95  # of the highest grey


@dataclass(frozen=True)
class Beam:
    """Tube and detector.

    photons : of a frame that a pixel would count without a head. blur : mm at the detector,
    standard deviation. bits : of an image, whose brightest grey but 5 % is the beam without a head.
    """

    photons: float = 4e5
    blur: float = 0.3
    bits: int = 16

    @property
    def open_grey(self) -> float:
        """Of a pixel that nothing is before."""
        return OPEN_BEAM * (2**self.bits - 1)


@dataclass(frozen=True)
class Disturbance:
    """What a patient's run has and its header does not say.

    angle_deg, isocentre_mm : standard deviations of how far the C-arm stands from its angles and
    isocentre, for each run. motion_mm : of the head from mask to contrast, along each axis.
    """

    angle_deg: float = 0.0
    isocentre_mm: float = 0.0
    motion_mm: float = 0.0


BOLUS, BEAM, UNDISTURBED = Bolus(), Beam(), Disturbance()


@dataclass(frozen=True, eq=False)
class Frames:
    """A simulated run.

    greys : (frames, i, j) uint16 beam intensities, i and j along u and v of the detector.
    is_mask : (frames,) bool. times : (frames,) s. primary, secondary : (frames,) degrees that the
    header says. true_views : where the C-arm stood in the head's own axes.
    """

    greys: np.ndarray
    is_mask: np.ndarray
    times: np.ndarray
    primary: np.ndarray
    secondary: np.ndarray
    true_views: Views


class Scene:
    """A head and its arteries, ready to be seen from anywhere.

    arteries : filled ones about the isocentre, contrast where it is undiluted. pose : of the head.
    """

    def __init__(self, arteries: Arteries, pose: Pose, seed: int) -> None:
        self.head, self.head_grid = _head(pose, seed)
        self.grid = _grid_around(arteries)
        share, contrast = occupancy(
            arteries.moved(-np.asarray(self.grid.centre)), self.grid.shape, ARTERY_VOXEL
        )
        self.places = np.nonzero(share)
        self.amount = (share * contrast)[self.places] * np.float32(CONTRAST)
        fine = arteries.finer(ARTERY_VOXEL)
        _, nearest = cKDTree(fine.points).query(self.grid.to_mm(np.stack(self.places, axis=1)))
        self.arrival = arrival_times(fine)[nearest]

    def attenuation(
        self, views: Views, time: float | None, bolus: Bolus, threads: int = 1
    ) -> np.ndarray:
        """Attenuation (views, i, j) of the head, and of contrast where a time (s) is given."""
        seen = line_integral(self.head, self.head_grid, views, threads)
        if time is not None:
            volume = np.zeros(self.grid.shape, dtype=np.float32)
            volume[self.places] = self.amount * bolus.share(time, self.arrival)
            seen += line_integral(volume, self.grid, views, threads)
        return seen


def run(
    scene: Scene,
    arm: CArm,
    primary: np.ndarray,
    secondary: np.ndarray,
    times: np.ndarray,
    is_mask: np.ndarray,
    seed: int,
    bolus: Bolus = BOLUS,
    beam: Beam = BEAM,
    disturbance: Disturbance = UNDISTURBED,
    acquisition: int = 0,
    plane: int = 0,
    threads: int = 1,
) -> Frames:
    """Take the frames of a run; the same arguments, the same frames.

    Parameters
    ----------
    primary, secondary : (frames,) degrees. times : (frames,) s. is_mask : (frames,) without
        contrast, whatever their time.

    Raises
    ------
    ValueError : arrays of different lengths, or no frame.
    """
    primary, secondary, times, is_mask = map(np.asarray, (primary, secondary, times, is_mask))
    if not len(times) or len({len(a) for a in (primary, secondary, times, is_mask)}) > 1:
        raise ValueError("primary, secondary, times and is_mask need one entry for each frame")
    rng = np.random.default_rng([seed, 11, acquisition, plane])
    off = rng.normal(0, disturbance.angle_deg, 2)
    shift = rng.normal(0, disturbance.isocentre_mm, 3)
    head = np.random.default_rng([seed, 12, acquisition])
    motion = head.normal(0, disturbance.motion_mm, 3)
    rotations = c_arm_rotation(primary + off[0], secondary + off[1])
    # The head moves: in its own axes the C-arm moves the other way.
    isocentres = shift - np.where(is_mask[:, None], 0.0, motion)
    views = arm.views_at(rotations, isocentres)
    greys = np.empty(views.shape, dtype=np.uint16)
    for number, time in enumerate(times):
        when = None if is_mask[number] else float(time)
        seen = scene.attenuation(views[[number]], when, bolus, threads)[0]
        greys[number] = _detected(seen, arm, beam, rng)
    return Frames(greys, is_mask, times, primary, secondary, views)


def _detected(
    attenuation: np.ndarray, arm: CArm, beam: Beam, rng: np.random.Generator
) -> np.ndarray:
    """Greys of photons that come through, blurred by the detector and counted."""
    expected = beam.photons * np.exp(-attenuation.astype(np.float64))
    blurred = ndimage.gaussian_filter(expected, np.divide(beam.blur, arm.pixel_size))
    greys = np.rint(rng.poisson(blurred) * (beam.open_grey / beam.photons))
    return np.clip(greys, 0, 2**beam.bits - 1).astype(np.uint16)


def _head(pose: Pose, seed: int) -> tuple[np.ndarray, Grid]:
    """Attenuation per mm of a head without contrast."""
    count = int(HEAD_MM / HEAD_VOXEL)
    grid = Grid((count,) * 3, (HEAD_VOXEL,) * 3, tuple(map(float, pose.origin)))
    axes = [grid.first[axis] + HEAD_VOXEL * np.arange(count) for axis in range(3)]
    x, y, z = np.meshgrid(*[axis.astype(np.float32) for axis in axes], indexing="ij", sparse=True)
    units = plain_ct(Head.draw(np.random.default_rng([seed, 3]), pose), x, y, z)
    units = ndimage.gaussian_filter(np.maximum(units + 1000, 0), HEAD_BLUR)
    return units * np.float32(WATER / 1000), grid


def _grid_around(arteries: Arteries) -> Grid:
    low, high = arteries.points.min(axis=0), arteries.points.max(axis=0)
    margin = float(arteries.radii.max()) + ARTERY_VOXEL
    shape = np.ceil((high - low + 2 * margin) / ARTERY_VOXEL).astype(int) + 1
    return Grid(tuple(shape.tolist()), (ARTERY_VOXEL,) * 3, tuple(((low + high) / 2).tolist()))
