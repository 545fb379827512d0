"""The head around the arteries: what subtraction leaves of it, and what plain CT shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..vessels.graph import Pose

SKULL_CENTRE = np.array([0.0, 17.0, 8.0])  # mm from the anatomy's origin
SKULL_INSIDE = np.array([74.0, 91.0, 77.0])  # mm, semi-axes of the inner table
SKULL_THICKNESS, SCALP_THICKNESS = 7.0, 6.0  # mm
# Where bone is dense at the base, left half: petrous, sphenoid, orbit, occiput; mm.
BASE_BONES = (
    (30, 28, -22),
    (18, 12, -26),
    (12, -8, -20),
    (28, -38, -8),
    (14, -30, -24),
    (20, 60, -50),
)
AIR_SPACES = (
    (0, -18, -22, 10),
    (0, -58, -6, 8),
    (0, -40, -32, 12),
    (34, 30, -30, 7),
    (-34, 30, -30, 7),
)


VENTRICLES = ((-9, 22, 22), (9, 22, 22))  # centres, mm


@dataclass(frozen=True)
class Head:
    """One patient's head where it lies in the scanner; what is random in it is drawn once.

    Its methods take positions in mm on the grid's axes as broadcastable arrays.
    """

    pose: Pose
    bones: np.ndarray  # (n, 5): place in mm, spread in mm, strength with its sign
    waves: np.ndarray  # (n, 5): wave vector in 1/mm, phase, amplitude

    @classmethod
    def draw(cls, rng: np.random.Generator, pose: Pose) -> Head:
        left = np.array(BASE_BONES, dtype=float)
        places = np.concatenate([left, left * [-1, 1, 1]]) + rng.normal(0, 3, (2 * len(left), 3))
        spread = pose.size * rng.uniform(3, 8, len(places))
        # Between mask and contrast runs the head moves a little: residues of both signs.
        strength = rng.uniform(0.3, 1.0, len(places)) * rng.choice([1, 1, -0.6], len(places))
        bones = np.column_stack([pose.place(places), spread, strength])
        direction = rng.standard_normal((8, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        vectors = direction * (2 * np.pi / rng.uniform(14, 60, 8))[:, None]
        phase, size = rng.uniform(0, 2 * np.pi, 8), rng.uniform(0.5, 1.0, 8) / 4
        return cls(pose, bones, np.column_stack([vectors @ pose.rotation.T, phase, size]))

    def texture(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Slow variation over the brain, about in [-1, 1]: a sum of plane waves."""
        ox, oy, oz = self.pose.origin.astype(np.float32)
        total = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), dtype=np.float32)
        for kx, ky, kz, phase, size in self.waves.astype(np.float32):
            plane = kx * (x - ox) + ky * (y - oy) + phase
            height = kz * (z - oz)
            # The cosine of a sum: two planes instead of a cosine per voxel.
            total += size * (np.cos(plane) * np.cos(height) - np.sin(plane) * np.sin(height))
        return total

    def depth(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Distance in mm to the inner table of the skull, about; positive outside."""
        cx, cy, cz = self.pose.place(SKULL_CENTRE).astype(np.float32)
        x, y, z = x - cx, y - cy, z - cz
        # The ellipsoid as a quadratic form, its mixed terms from how the head is turned.
        inside = self.pose.size * SKULL_INSIDE
        form = self.pose.rotation @ np.diag(inside**-2) @ self.pose.rotation.T
        form = form.astype(np.float32)
        plane = form[0, 0] * x**2 + form[1, 1] * y**2 + 2 * form[0, 1] * x * y
        squares = plane + 2 * (form[0, 2] * x + form[1, 2] * y) * z + form[2, 2] * z**2
        return (np.sqrt(squares) - 1) * np.float32(inside.mean())

    def base(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Clouds of bone at the base of the skull, each up to about 1."""
        total = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), dtype=np.float32)
        for px, py, pz, spread, strength in self.bones.astype(np.float32):
            scale = np.float32(-0.5 / spread**2)
            plane = strength * np.exp(scale * ((x - px) ** 2 + (y - py) ** 2))
            total += plane * np.exp(scale * (z - pz) ** 2)
        return total


def residue(head: Head, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """What subtraction leaves: faint brain, thin edges of skull, clouds at its base."""
    depth = head.depth(x, y, z)
    brain = np.float32(8) + 3 * head.texture(x, y, z)
    tables = np.exp(-((depth / 1.5) ** 2)) - 0.6 * np.exp(-(((depth - SKULL_THICKNESS) / 1.5) ** 2))
    return (depth < 0) * brain + np.float32(25) * tables + np.float32(40) * head.base(x, y, z)


def plain_ct(head: Head, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Hounsfield units of a head in air: brain, ventricles, skull of two tables, base, sinuses."""
    depth = head.depth(x, y, z)
    volume = np.full(depth.shape, -1000.0, dtype=np.float32)
    volume[depth < SKULL_THICKNESS + SCALP_THICKNESS] = 20.0
    volume[depth < SKULL_THICKNESS] = 1100.0
    volume[(depth > 2) & (depth < SKULL_THICKNESS - 2)] = 600.0
    volume = np.where(depth < 0, np.float32(35) + 6 * head.texture(x, y, z), volume)
    for centre in VENTRICLES:
        vx, vy, vz = head.pose.place(np.array(centre))
        reach = ((x - vx) / 6) ** 2 + ((y - vy) / 30) ** 2 + ((z - vz) / 9) ** 2
        volume[reach < 1] = 8.0
    bone = np.abs(head.base(x, y, z))
    volume = np.where(bone > 0.25, np.float32(300) + 900 * np.minimum(bone, 1), volume)
    for *centre, radius in AIR_SPACES:
        ax, ay, az = head.pose.place(np.array(centre))
        reach = (x - ax) ** 2 + (y - ay) ** 2 + (z - az) ** 2
        volume[(reach < radius**2) & (depth < 2)] = -950.0
    return volume.astype(np.float32)
