"""Simulated X-ray angiography: frames of a C-arm while contrast comes and goes.

Frames are beam intensities behind the head, with the noise of counted photons: mask frames before
the contrast arrives, then frames with it. Between the two the head may move, and the C-arm may
stand otherwise than its angles say, so that what a reader computes from the angles is as wrong as
it is of a patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..geometry.cone_beam import CArm, c_arm_rotation
from ..geometry.grid import Grid
from ..geometry.views import Views
from ..projectors.line_integral import line_integral
from ..vessels.graph import Arteries, Pose
from . import filling
from .background import Background, phantom_head, water_head
from .bolus import Bolus
from .filling import Filling

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
    """What is seen, a head and its vessels, and when contrast is in them; seen from anywhere.

    arteries : filled ones about the isocentre, contrast where it is undiluted. pose : of the head.
    seed : of the head.
    """

    def __init__(self, arteries: Arteries, pose: Pose, seed: int) -> None:
        self.background = phantom_head(pose, seed)
        self.contrast = filling.of_arteries(arteries)

    @classmethod
    def of_volume(cls, share: np.ndarray, mask: np.ndarray, grid: Grid) -> Scene:
        """A volume that shows contrast, in a head of water; arguments and errors are those of
        `filling.of_volume`."""
        return cls._of(water_head(), filling.of_volume(share, mask, grid))

    @classmethod
    def of_surface(cls, vertices: np.ndarray, triangles: np.ndarray) -> Scene:
        """A closed surface full of contrast, in a head of water; arguments and errors are those of
        `filling.of_surface`."""
        return cls._of(water_head(), filling.of_surface(vertices, triangles))

    @classmethod
    def _of(cls, background: Background, contrast: Filling) -> Scene:
        scene = cls.__new__(cls)
        scene.background, scene.contrast = background, contrast
        return scene

    def attenuation(
        self, views: Views, time: float | None, bolus: Bolus, threads: int = 1
    ) -> np.ndarray:
        """Attenuation (views, i, j) of the head, and of contrast where a time (s) is given."""
        seen = line_integral(self.background.volume, self.background.grid, views, threads)
        if time is not None:
            volume = self.contrast.at(time, bolus)
            seen += line_integral(volume, self.contrast.grid, views, threads)
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
