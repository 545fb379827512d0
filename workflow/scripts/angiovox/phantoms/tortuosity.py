"""The winding way of an artery between its forks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import CubicSpline

from ..vessels.graph import along

STEP = 0.7  # mm between the points of a centreline
# ASSUME: path over chord of a branch is 1 plus a lognormal; its median and spread are chosen so
# that the cohort meets the published tortuosity (median 1.44, 90th percentile 2.3).
EXCESS_MEDIAN, EXCESS_SPREAD = 0.56, 0.72
# Of that excess: the trunks in the cisterns run straighter than cortical branches.
TRUNK_SHARE = 0.35
CALM_LENGTH = 10.0  # mm; shorter branches wind less, as they have no room to
WAVELENGTHS = (9.0, 28.0)  # mm
# ASSUME: a branch begins by this share in the direction of its parent, over some mm.
LEAVING_SHARE, LEAVING_LENGTH = 0.65, 8.0
WIDEST = 10.0  # mm, root mean square of the sway


def add_tortuosity(
    way: np.ndarray,
    target: float,
    rng: np.random.Generator,
    confine: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Smooth a coarse way (n, 3) and let it meander until path over chord is `target`.

    Its first and last points stay. A way that already winds more is only smoothed.
    """
    base = _evenly(_smooth(way))
    chord = np.linalg.norm(way[-1] - way[0])
    sway = _sway(base, rng)
    if chord == 0 or along(base)[-1] >= target * chord:
        return base

    def winding(amplitude: float) -> np.ndarray:
        return _smooth(confine(base + amplitude * sway, base))

    low, high = 0.0, WIDEST
    for _ in range(8):
        middle = (low + high) / 2
        if along(winding(middle))[-1] < target * chord:
            low = middle
        else:
            high = middle
    return _evenly(winding(low))


def leave_along(
    way: np.ndarray,
    direction: np.ndarray,
    confine: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Bend the beginning of a way (n, 3) towards where its parent was heading, (3,).

    Arteries fork at acute angles. The last point stays.
    confine : keeps points (first) that were moved off a way (second) where arteries run.
    """
    far = along(way)
    straight = way[0] + far[:, None] * direction / np.linalg.norm(direction)
    share = LEAVING_SHARE * np.exp(-((far / LEAVING_LENGTH) ** 2))
    share[-1] = 0.0
    return _evenly(confine(way + share[:, None] * (straight - way), way))


def draw_tortuosity(
    length: float, is_trunk: bool, winding: float, rng: np.random.Generator
) -> float:
    """Path over chord of a branch whose coarse way is `length` mm long.

    winding : factor of the patient on what is above 1.
    """
    excess = winding * EXCESS_MEDIAN * float(np.exp(EXCESS_SPREAD * rng.standard_normal()))
    return 1 + excess * min(1.0, length / CALM_LENGTH) * (TRUNK_SHARE if is_trunk else 1.0)


def _sway(base: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Smooth random displacement (n, 3) of about unit size across a curve, none at its ends."""
    far = np.arange(len(base)) * STEP
    waves = np.zeros_like(base)
    longest = max(4.0, min(WAVELENGTHS[1], far[-1]))
    shortest = min(WAVELENGTHS[0], 0.7 * longest)
    for _ in range(3):
        length = np.exp(rng.uniform(np.log(shortest), np.log(longest)))
        phase = rng.uniform(0, 2 * np.pi)
        waves += rng.standard_normal(3) * np.sin(2 * np.pi * far / length + phase)[:, None]
    tangent = np.gradient(base, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    waves -= tangent * np.sum(waves * tangent, axis=1, keepdims=True)
    ends = np.minimum(far, far[::-1])
    window = 1 - np.exp(-((ends / 3.0) ** 2))
    waves *= window[:, None]
    return waves / max(np.sqrt(np.mean(np.sum(waves**2, axis=1))), 1e-9)


def _smooth(way: np.ndarray) -> np.ndarray:
    for _ in range(3):
        inner = 0.25 * way[:-2] + 0.5 * way[1:-1] + 0.25 * way[2:]
        way = np.concatenate([way[:1], inner, way[-1:]])
    return way


def _evenly(points: np.ndarray) -> np.ndarray:
    """Points about STEP apart on the curve through the given ones."""
    far = along(points)
    count = max(3, round(far[-1] / STEP) + 1)
    if len(points) < 3:
        return np.linspace(points[0], points[-1], count)
    return CubicSpline(far, points)(np.linspace(0, far[-1], count))
