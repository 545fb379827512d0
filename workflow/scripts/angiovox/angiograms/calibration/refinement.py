"""Poses near those of the header at which views agree: a search, then Gauss-Newton.

The residual is that of `consistency.Pair`. What is minimised is half its sum of squares, over the
variance that a correct geometry leaves and with outliers weighted down, plus half the squared
distance from the header in standard deviations of a prior. Where views say nothing, a pose stays;
and so it does along motions of all views together, which no view can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .consistency import NORMAL, Pair
from .epipolar import BIN

# ASSUME: how far planes of a correct geometry differ, in root mean squares of their derivative:
# contrast that arrives at other times, arteries beside one of the detectors, noise.
MISMATCH = 0.5
OUTLIER = 2.0  # mismatches from which on a plane loses its weight
SEARCHED, REFINED = 3.0, (1.5, 1.0)  # mm of smoothing across the planes
ITERATIONS = 4
SAMPLES, KEPT, THINNING = 1500, 6, 4  # poses, poses, rays
SPREAD = 1.5  # standard deviations of the prior that samples have
STEPS = np.r_[np.full(3, np.radians(0.05)), np.full(3, 0.1)]  # of differences, radians and mm


@dataclass(frozen=True)
class Prior:
    """How far views may stand from their header: standard deviations about and along each axis."""

    # ASSUME: of C-arms, whose angles are whole degrees and whose table moves between runs.
    degrees: float = 1.5
    mm: float = 3.0

    @property
    def sizes(self) -> np.ndarray:
        """Of a pose (6,), radians and mm."""
        return np.r_[np.full(3, np.radians(self.degrees)), np.full(3, self.mm)]


def energy(pairs: Sequence[Pair], poses: np.ndarray, prior: Prior, scale_mm: float) -> float:
    """What is minimised, at poses (views, 6) in radians and mm."""
    off_header = ((poses / prior.sizes) ** 2).sum() / 2
    return float(off_header + sum(disagreement(p, poses[[*p.views]], scale_mm) for p in pairs))


def disagreement(pair: Pair, poses: np.ndarray, scale_mm: float) -> float:
    """Negative log-likelihood of two poses (2, 6), with Cauchy's tails."""
    limit = OUTLIER * MISMATCH
    squares = np.log1p((pair.residual(poses, scale_mm) / limit) ** 2).sum()
    return float(_precision(scale_mm) * limit**2 * squares / 2)


def gauss_newton(
    pairs: Sequence[Pair], poses: np.ndarray, prior: Prior, scales_mm: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Refine poses at one smoothing after the other.

    poses : (views, 6) radians and mm, to start from.

    Returns
    -------
    Poses (views, 6); and the data's part of the Hessian (6 views, 6 views), in units of the prior's
    standard deviations, so that the prior's part is the identity.
    """
    x = poses / prior.sizes
    trusts = [pair.window.astype(float) for pair in pairs]
    hessian = np.zeros((x.size, x.size))
    for scale in np.repeat(scales_mm, ITERATIONS):
        hessian, gradient = np.zeros((x.size, x.size)), x.ravel().copy()
        for number, pair in enumerate(pairs):
            own = _places(pair)
            trust = trusts[number]
            residual, jacobian = _linearised(pair, x[[*pair.views]], prior, scale, trust)
            trusts[number] = trust = pair.window * _trust(residual, pair.window)
            weighted = _precision(scale) * trust[:, None] * jacobian
            hessian[np.ix_(own, own)] += jacobian.T @ weighted
            gradient[own] += weighted.T @ residual
        x = x - np.linalg.solve(hessian + np.eye(x.size), gradient).reshape(x.shape)
    return x * prior.sizes, hessian


def search(pair: Pair, prior: Prior, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Find two views' poses (2, 6), however many minima there are, and their Hessian.

    The best of random poses, and the header's, are refined on some of the rays, and the best of
    those is returned.
    """
    first, second = (rays.thinned(THINNING) for rays in pair.rays)
    two = Pair((0, 1), (first, second), pair.centre, pair.window)
    drawn = np.random.default_rng(seed).normal(0, SPREAD, (SAMPLES, 2, 6)) * prior.sizes
    costs = [disagreement(two, poses, SEARCHED) for poses in drawn]
    starts = [np.zeros((2, 6)), *drawn[np.argsort(costs)[:KEPT]]]
    found = [gauss_newton([two], start, prior, (SEARCHED, REFINED[0])) for start in starts]
    return min(found, key=lambda one: energy([two], one[0], prior, REFINED[0]))


def fused(
    pairs: Sequence[Pair],
    estimates: Sequence[tuple[np.ndarray, np.ndarray]],
    count: int,
    prior: Prior,
) -> np.ndarray:
    """Poses (count, 6) of all views nearest to what each pair says, as far as it says it.

    estimates : poses and Hessian of each pair, as `search` returns them.
    """
    hessian, target = np.eye(6 * count), np.zeros(6 * count)
    for pair, (poses, own_hessian) in zip(pairs, estimates, strict=True):
        own = _places(pair)
        hessian[np.ix_(own, own)] += own_hessian
        target[own] += own_hessian @ (poses / prior.sizes).ravel()
    return np.linalg.solve(hessian, target).reshape(count, 6) * prior.sizes


def _places(pair: Pair) -> np.ndarray:
    """Of the parameters (12,) of a pair's poses among those of all views."""
    return np.concatenate([np.arange(6 * view, 6 * view + 6) for view in pair.views])


def _precision(scale_mm: float) -> float:
    """One over the variance of a residual, shared between planes that smoothing joins."""
    return BIN / (2 * np.sqrt(np.pi) * scale_mm) / MISMATCH**2


def _trust(residual: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Weights (planes,) of Cauchy's distribution, at least as wide as the mismatch."""
    spread = NORMAL * np.median(np.abs(residual[window])) if window.any() else 0.0
    return 1 / (1 + (residual / (OUTLIER * max(spread, MISMATCH))) ** 2)


def _linearised(
    pair: Pair, x: np.ndarray, prior: Prior, scale: float, trust: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Residual (planes,) at x (2, 6) in standard deviations, and its Jacobian (planes, 12)."""
    poses = x * prior.sizes
    columns = []
    for parameter in range(12):
        step = np.zeros(12)
        step[parameter] = STEPS[parameter % 6]
        ahead, behind = (
            pair.residual(poses + sign * step.reshape(2, 6), scale, trust) for sign in (1, -1)
        )
        columns.append((ahead - behind) / (2 * STEPS[parameter % 6]))
    jacobian = np.stack(columns, axis=1) * np.tile(prior.sizes, 2)
    return pair.residual(poses, scale, trust), jacobian
