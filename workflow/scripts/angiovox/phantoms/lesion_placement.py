"""What all lesions share: their truth, where they fit, and how they join the arteries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..vessels.graph import Arteries, Pose
from .cortical_arteries import level

CENTRELINE = "centreline"  # what the arteries of a file are called, which names none
SCATTER = 0.5  # of directions around the usual one


@dataclass(frozen=True)
class Lesion:
    """What was planted and where. Lengths in mm; position (3,) from the isocentre, in DICOM's axes.

    site : in a clinician's words. artery : the one that begins where an aneurysm sits, that is
        narrowed, or that feeds a malformation.
    measures : of an aneurysm size_mm (width of its dome) and neck_mm (diameter); of a stenosis
        degree (share of the diameter that is lost), length_mm and healthy_radius_mm; of a
        malformation size_mm (diameter of the nidus) and vein_radius_mm.
    """

    kind: str
    site: str
    artery: str
    position: tuple[float, float, float]
    measures: dict[str, float]


def drawn(limits: list[float], rng: np.random.Generator) -> float:
    """A size between two, small ones as likely as large ones by their ratio."""
    return float(np.exp(rng.uniform(*np.log(limits))))


def attach(
    arteries: Arteries,
    start: int,
    points: np.ndarray,
    radii: np.ndarray,
    strength: float,
    name: str,
) -> Arteries:
    """The arteries with one more tube from a point on, filled by a share of what is there."""
    count = len(arteries.points)
    numbers = np.concatenate([[start], np.arange(count, count + len(points))])
    names = arteries.names if name in arteries.names else (*arteries.names, name)
    contrast = np.full(len(points), strength * arteries.contrast[start])
    return Arteries(
        points=np.concatenate([arteries.points, points]),
        radii=np.concatenate([arteries.radii, radii]),
        contrast=np.concatenate([arteries.contrast, contrast]),
        segments=np.concatenate([arteries.segments, np.stack([numbers[:-1], numbers[1:]], 1)]),
        artery=np.concatenate([arteries.artery, np.full(len(points), names.index(name))]),
        names=names,
    )


def freest_direction(
    arteries: Arteries,
    base: np.ndarray,
    far: float,
    rng: np.random.Generator,
    reach: float,
    usual: np.ndarray | None = None,
    depth: tuple[Pose, float] | None = None,
) -> np.ndarray | None:
    """Of some random directions that stay in view, the one that leads farthest from arteries.

    usual : direction around which they are drawn. depth : pose of the head, and how deep in the
    brain, mm, the end must lie. None where no direction will do.
    """
    ways = rng.standard_normal((24, 3))
    ways = unit(ways if usual is None else usual + SCATTER * ways)
    ends = base + far * ways
    fits = inside(ends, reach)
    if depth is not None:
        pose, least = depth
        fits &= level(pose.locate(ends), cerebellar=False) < 1 - least / 60
    ways, ends = ways[fits], ends[fits]
    if not len(ways):
        return None
    others = arteries.points[np.linalg.norm(arteries.points - base, axis=1) < 3 * far]
    gaps = np.linalg.norm(ends[:, None] - others[None], axis=2).min(axis=1)
    return ways[np.argmax(gaps)]


def inside(points: np.ndarray, reach: float) -> np.ndarray:
    """Which points (n, 3) lie in the cylinder of the field of view, `reach` mm from its centre."""
    return (np.hypot(points[:, 0], points[:, 1]) < reach) & (np.abs(points[:, 2]) < reach)


def perpendicular(way: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    other = rng.standard_normal(3)
    return unit(other - way * np.dot(other, way))


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def as_tuple(point: np.ndarray) -> tuple[float, float, float]:
    return tuple(round(float(value), 3) for value in point)
