"""Angiograms of phantoms as C-arms take them, from which a network learns.

Everything about an example follows from its seed: arteries, injection, from where it is seen, how
full its vessels are, noise, motion, and how far poses are off after a calibration. A whole run is
one image here, the mean of its filled frames over the mean of its mask frames, and what arrives in
each phase of the filling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..geometry.cone_beam import CArm, c_arm_rotation
from ..geometry.grid import Grid
from ..geometry.views import Views
from ..phantoms import acquisition
from ..phantoms.angiography import Scene
from ..phantoms.bolus import Bolus
from ..projectors.line_integral import line_integral
from ..vessels.voxelize import occupancy
from .measurement import Angiograms
from .motion import without_motion
from .phases import phase_weights

# ASSUME: what C-arms reach and departments choose; of two views most are about a right angle apart.
PRIMARY, SECONDARY = 110.0, 45.0  # degrees to either side
VIEW_COUNTS, CHANCES = (2, 3, 4, 5, 6), (0.6, 0.2, 0.1, 0.05, 0.05)
BIPLANE_CHANCE, BIPLANE_SPREAD = 0.6, 15.0  # degrees, standard deviation of each angle
LEAST_APART = 25.0  # degrees between any two views' directions
SOURCE_DETECTOR, SOURCE_ISOCENTRE = (900.0, 1300.0), (620.0, 820.0)  # mm
DETECTOR = 384  # pixels along each edge
FIELD = (130.0, 200.0)  # mm that a detector's edge sees in the isocentre
PHOTONS = (5e4, 1e6)  # of a frame, in a pixel of 0.6 mm before which there is nothing
# ASSUME: how much of a disturbance is left after a calibration, standard deviations: views miss one
# another by 0.1 mm after it (docs/calibration.md), and by more where little holds it.
ANGLE_LEFT, SHIFT_LEFT, MOTION = 0.15, 0.2, 0.3  # degrees, mm, mm
UNDISTURBED_CHANCE = 0.25
INJECTIONS = {"carotid": 0.75, "vertebral": 0.25}
DILUTION, IMBALANCE = (0.5, 1.0), 0.15  # of the injection; from view to view, standard deviation
FRAMES = np.array([0.0, 0.5, 1.0, 1.5])  # s, of the filled frames from the first of them
FILLED_FROM = (1.0, 2.0)  # s, when the first of them is taken
FRAME_SECONDS = (0.15, 0.6)  # between two frames of a run
BLUR = 0.3  # mm at the detector
LESIONS = {
    "aneurysm": {"share": 0.35, "size_mm": [3, 10]},
    "stenosis": {"share": 0.25, "degree": [0.4, 0.8], "length_mm": [3, 8]},
    "malformation": {"share": 0.05, "size_mm": [8, 14]},
}
VOXEL = (0.4, 0.55)  # mm
SHAPE = (192, 192, 192)
INSIDE = 0.5  # share of a voxel from which on it is artery
CENTRE_SPREAD = 8.0  # mm


@dataclass(frozen=True, eq=False)
class Example:
    """Angiograms of a phantom, and its arteries on a grid, (x, y, z) bool."""

    angiograms: Angiograms
    grid: Grid
    mask: np.ndarray


def simulate(seed: int, threads: int = 1) -> Example:
    """Draw a phantom, a C-arm and its disturbances, and take the angiograms.

    The arteries are where the views, moved together, have them: what all views are wrong by alike
    cannot be seen.
    """
    rng = np.random.default_rng([seed, 21])
    injection = str(rng.choice([*INJECTIONS], p=[*INJECTIONS.values()]))
    settings = acquisition.Settings(injection=injection, lesions=LESIONS)
    filled = acquisition.fill(seed, 100.0, settings)
    scene = Scene(filled.arteries, filled.pose, seed)
    arms, angles = draw_arms(rng)
    disturbed = rng.uniform() >= UNDISTURBED_CHANCE
    poses = draw_poses(len(angles), rng) * disturbed
    angiograms = take(scene, arms, angles, poses, rng, threads)
    voxel = float(rng.uniform(*VOXEL))
    grid = Grid(SHAPE, (voxel,) * 3, tuple(rng.normal(0, CENTRE_SPREAD, 3).tolist()))
    share, _ = occupancy(filled.arteries.moved(-np.asarray(grid.centre)), SHAPE, voxel)
    return Example(angiograms, grid, share >= INSIDE)


def draw_arms(rng: np.random.Generator) -> tuple[tuple[CArm, ...], np.ndarray]:
    """Draw C-arms and their primary and secondary angles (views, 2) in degrees."""
    count = int(rng.choice(VIEW_COUNTS, p=CHANCES))
    field = rng.uniform(*FIELD)
    distances = rng.uniform(*SOURCE_DETECTOR), rng.uniform(*SOURCE_ISOCENTRE)
    pixel = field / DETECTOR * distances[0] / distances[1]
    arm = CArm(*distances, (DETECTOR,) * 2, (pixel,) * 2)
    return (arm,) * count, _draw_angles(count, rng)


def _draw_angles(count: int, rng: np.random.Generator) -> np.ndarray:
    if rng.uniform() < BIPLANE_CHANCE:
        first = rng.uniform(-PRIMARY, PRIMARY - 90)
        angles = [[first, 0.0], [first + 90, 0.0]] + rng.normal(0, BIPLANE_SPREAD, (2, 2))
        angles = [*np.clip(angles, [-PRIMARY, -SECONDARY], [PRIMARY, SECONDARY])]
    else:
        angles = []
    while len(angles) < count:
        angle = rng.uniform(-1, 1, 2) * [PRIMARY, SECONDARY]
        if all(apart(angle, other) >= LEAST_APART for other in angles):
            angles.append(angle)
    return np.array(angles[:count])


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Degrees between the lines along which two views look."""
    towards = [c_arm_rotation(*angles)[:, 1] for angles in (one, other)]
    return float(np.degrees(np.arccos(np.clip(abs(towards[0] @ towards[1]), 0, 1))))


def draw_poses(count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw how far views stand from where they are said to, (views, 6) as `Views.moved` has it.

    On average over the views, they do not.
    """
    scale = rng.exponential() * np.repeat([np.radians(ANGLE_LEFT), SHIFT_LEFT], 3)
    poses = rng.normal(0, scale, (count, 6))
    return poses - poses.mean(axis=0)


def take(
    scene: Scene,
    arms: tuple[CArm, ...],
    angles: np.ndarray,
    poses: np.ndarray,
    rng: np.random.Generator,
    threads: int = 1,
) -> Angiograms:
    """Take one image of each view; its views are those of the angles, without the poses."""
    stated = Views.join([arm.views(*angle) for arm, angle in zip(arms, angles, strict=True)])
    true = stated.moved(poses)
    motion = rng.normal(0, MOTION, (1, 3))
    photons = 10 ** rng.uniform(*np.log10(PHOTONS))
    dilution = rng.uniform(*DILUTION)
    amounts = dilution * np.exp(rng.normal(0, IMBALANCE, len(true))).astype(np.float32)
    still = np.zeros((len(true), 3))
    head = scene.background.volume, scene.background.grid
    before = line_integral(*head, true.moved(np.hstack([still, still - motion])), threads)
    behind = line_integral(*head, true, threads)
    # Of the filled frames' mean, then of each phase.
    contrast, weights = _contrast(scene, rng)
    of_each = [line_integral(one, scene.contrast.grid, true, threads) for one in contrast]
    images, phases, noise = [], [], []
    for view, arm in enumerate(arms):
        filled, *arriving = (amounts[view] * one[view] for one in of_each)
        per_pixel = photons * (arm.pixel_size[0] / 0.6) ** 2
        exposures = before[view], behind[view] + filled
        counts = [_counted(one, arm, per_pixel * len(FRAMES), rng) for one in exposures]
        logs = [np.log(np.maximum(count, 1)) for count in counts]
        images.append(without_motion(logs[0] - logs[1], logs[0]))
        noise.append(float(np.sqrt(np.mean(sum(1 / np.maximum(one, 1) for one in counts)))))
        left = images[-1] - _blurred(filled, arm)
        frame = per_pixel * np.exp(-exposures[1])
        phases.append(
            [_phase(*one, left, frame, arm, rng) for one in zip(arriving, weights, strict=True)]
        )
    integrals = np.array(images, dtype=np.float32)
    labels = tuple(f"{primary:.0f}, {secondary:.0f}" for primary, secondary in angles)
    everywhere = np.ones(integrals.shape, bool)
    known = {"phases": np.array(phases, dtype=np.float32)} if len(weights) else {}
    return Angiograms(integrals, everywhere, np.array(noise), stated, angles, arms, labels, **known)


def _contrast(scene: Scene, rng: np.random.Generator) -> tuple[list[np.ndarray], np.ndarray]:
    """Attenuation per mm (x, y, z), mean of the filled frames, and what arrives in each phase.

    The filled frames begin when the arteries are filling. Also gives the weights (phases, frames)
    of the phases' frames, none where the frames do not show how contrast came.
    """
    bolus, first = Bolus(), rng.uniform(*FILLED_FROM)
    mean = np.mean([scene.contrast.at(first + time, bolus) for time in FRAMES], axis=0)
    apart = rng.uniform(*FRAME_SECONDS)
    times = np.arange(bolus.start + rng.uniform(0, apart), first + FRAMES[-1], apart)
    frames = [scene.contrast.at(time, bolus) for time in times]
    weights = phase_weights(np.array([one.sum(dtype=np.float64) for one in frames]))
    if weights is None:
        return [mean], np.empty((0, len(times)))
    return [mean, *np.tensordot(weights.astype(np.float32), frames, axes=1)], weights


def _phase(
    arriving: np.ndarray,
    weights: np.ndarray,
    left: np.ndarray,
    photons: np.ndarray,
    arm: CArm,
    rng: np.random.Generator,
) -> np.ndarray:
    """Line integrals (i, j) of a phase, a sum of frames by weights (frames,).

    left : (i, j) what a motion and the noise of the mask leave in a whole image. photons : (i, j)
    expected in a frame.
    """
    noise = np.sqrt(np.square(weights).sum() / np.maximum(photons, 1))
    return _blurred(arriving, arm) + weights.sum() * left + rng.normal(0, noise)


def _blurred(image: np.ndarray, arm: CArm) -> np.ndarray:
    return ndimage.gaussian_filter(image, np.divide(BLUR, arm.pixel_size))


def _counted(
    attenuation: np.ndarray, arm: CArm, photons: float, rng: np.random.Generator
) -> np.ndarray:
    expected = photons * np.exp(-attenuation.astype(np.float64))
    return rng.poisson(_blurred(expected, arm))
