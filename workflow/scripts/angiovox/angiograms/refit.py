"""Whether a place can be empty and can be vessel without any view noticing: both are tried.

All candidates are fitted to the line integrals within the box of nothing and full vessel, once
freely, once with blocks of voxels held empty and once with their middles held full. What such a fit
misses where a view sees a block says whether that state is possible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry.grid import Grid
from ..geometry.views import Views
from ..projectors.line_integral import line_integral, line_integral_adjoint
from .measurement import Angiograms

# ASSUME: a misfit is noise up to this many standard deviations of the mean square of so many
# pixels; free fits that are worse, as by poses that are off, allow as much to others.
SURE_Z = 3.0
HALO = 2  # pixels around what a block's corners span, in which misfits count


@dataclass(frozen=True, eq=False)
class Refit:
    """Mean squares of misfits by noise variance where views see blocks, (blocks, views).

    free : of the fit that holds nothing. empty : with the block held empty. full : with its middle
    voxel held full. limit : what noise explains.
    """

    free: np.ndarray
    empty: np.ndarray
    full: np.ndarray
    limit: np.ndarray

    @property
    def can_be_empty(self) -> np.ndarray:
        """(blocks,) bool, no view notices."""
        return (self.empty <= self.limit).all(axis=1)

    @property
    def can_be_full(self) -> np.ndarray:
        """(blocks,) bool, no view notices."""
        return (self.full <= self.limit).all(axis=1)


@dataclass(frozen=True, eq=False)
class Part:
    """Voxels that contrast may be in: a grid and which of its voxels, (x, y, z) bool."""

    grid: Grid
    support: np.ndarray


def both_states_fit(
    angiograms: Angiograms,
    parts: Sequence[Part],
    contrast: np.ndarray,
    blocks: np.ndarray,
    half: int = 1,
    iterations: int = 25,
    held_iterations: int = 15,
    threads: int = 1,
) -> Refit:
    """Fit the views with blocks of voxels held empty, and with their middles held full.

    A block is the harder to do without; a full one would be a vessel as wide, where a view may show
    a thin one.

    Parameters
    ----------
    parts : the grid that blocks lie on with its candidates, and others beside it, as of what is
        around it; their candidates do not overlap.
    contrast : (views,) attenuation per mm of full vessel.
    blocks : (n, 3) indices of their middle voxels on the first grid; a block is what of its
        2 half + 1 voxels along each axis are candidates. All are held at the same time, which is
        harder to fit than each by itself: give some that lie apart (`apart`).
    iterations, held_iterations : of the free fit, and from there of it and of those with blocks
        held.
    """
    fit = _Fit(angiograms, parts, contrast, threads)
    low, high = np.zeros_like(fit.start()[0]), parts[0].support.astype(np.float32)
    free = fit.run(fit.start(), low, high, iterations)
    without = np.where(block_voxels(blocks, half, parts[0]), np.float32(0), high)
    filled = np.where(block_voxels(blocks, 0, parts[0]), np.float32(1), low)
    # The free fit goes on as long as the others: what is left of it is what no state explains.
    misfits = [
        fit.misfit(fit.run(free, *bounds, held_iterations))
        for bounds in ((low, high), (low, without), (filled, high))
    ]
    windows = [_windows(angiograms.views, parts[0].grid, block, half) for block in blocks]
    means, counts = _means(misfits, windows, angiograms.measured)
    limit = np.maximum(1, means[0]) + SURE_Z * np.sqrt(2 / np.maximum(counts, 1))
    return Refit(*means, limit)


def block_voxels(blocks: np.ndarray, half: int, part: Part) -> np.ndarray:
    """Candidates (x, y, z) bool within blocks."""
    inside = np.zeros(part.grid.shape, bool)
    for block in blocks:
        inside[tuple(slice(max(0, k - half), k + half + 1) for k in block)] = True
    return inside & part.support


def apart(blocks: np.ndarray, grid: Grid, views: Views, pixels: float) -> np.ndarray:
    """Choose of blocks (n, 3), in their order, those that no view sees near another chosen one.

    pixels : least distance along either axis of each detector. Returns indices.
    """
    seen = views.project(grid.to_mm(blocks)).transpose(1, 0, 2)
    chosen: list[int] = []
    for number, place in enumerate(seen):
        distances = np.abs(seen[chosen] - place).max(axis=2)
        if not len(chosen) or (distances >= pixels).all():
            chosen.append(number)
    return np.array(chosen, dtype=int)


class _Fit:
    """Projected gradient descent with momentum (Beck and Teboulle 2009, FISTA) on shares of full
    vessel, each voxel's step the reciprocal of its row sum of A'A, which bounds the curvature."""

    def __init__(
        self, angiograms: Angiograms, parts: Sequence[Part], contrast: np.ndarray, threads: int
    ) -> None:
        self.parts, self.views, self.threads = parts, angiograms.views, threads
        noise = np.asarray(angiograms.noise, np.float32)[:, None, None]
        self.weight = angiograms.measured / np.maximum(noise, np.finfo(np.float32).tiny)
        self.weight = self.weight.astype(np.float32)
        self.contrast = np.asarray(contrast, np.float32)[:, None, None]
        self.aim = np.where(angiograms.measured, angiograms.line_integrals, 0)
        ones = [part.support.astype(np.float32) for part in parts]
        sums = self.adjoint(self.forward(ones) * self.weight**2)
        self.steps = [np.divide(1, s, out=np.zeros_like(s), where=s > 0) for s in sums]
        self.highest = ones[1:]

    def start(self) -> list[np.ndarray]:
        """Nothing anywhere."""
        return [np.zeros(part.grid.shape, np.float32) for part in self.parts]

    def forward(self, shares: Sequence[np.ndarray]) -> np.ndarray:
        seen = [
            line_integral(share, part.grid, self.views, self.threads)
            for share, part in zip(shares, self.parts, strict=True)
        ]
        return sum(seen[1:], seen[0]) * self.contrast

    def adjoint(self, values: np.ndarray) -> list[np.ndarray]:
        values = (values * self.contrast).astype(np.float32)
        return [
            line_integral_adjoint(values, part.grid, self.views, self.threads) * part.support
            for part in self.parts
        ]

    def run(
        self, first: list[np.ndarray], low: np.ndarray, high: np.ndarray, iterations: int
    ) -> list[np.ndarray]:
        """Fit from a first volume on, between bounds of the first part's shares."""
        lows, highs = [low, *[np.float32(0)] * len(self.highest)], [high, *self.highest]
        before = [np.clip(*part) for part in zip(first, lows, highs, strict=True)]
        ahead, momentum = before, 1.0
        for _ in range(iterations):
            missing = (self.aim - self.forward(ahead)) * self.weight**2
            now = [
                np.clip(share + step * part, lowest, highest)
                for share, step, part, lowest, highest in zip(
                    ahead, self.steps, self.adjoint(missing), lows, highs, strict=True
                )
            ]
            after = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            pace = np.float32((momentum - 1) / after)
            ahead = [new + pace * (new - old) for new, old in zip(now, before, strict=True)]
            before, momentum = now, after
        return before

    def misfit(self, shares: list[np.ndarray]) -> np.ndarray:
        """Squared misfit (views, i, j) by the noise's variance, 0 where nothing was measured."""
        return ((self.aim - self.forward(shares)) * self.weight) ** 2


def _windows(views: Views, grid: Grid, block: np.ndarray, half: int) -> list[tuple[slice, slice]]:
    """Where each view sees a block, and a halo of it."""
    corners = np.stack(np.meshgrid(*[[-half - 0.5, half + 0.5]] * 3), axis=-1).reshape(-1, 3)
    seen = views.project(grid.to_mm(block + corners))
    low, high = np.floor(seen.min(axis=1)) - HALO, np.ceil(seen.max(axis=1)) + HALO + 1
    bounds = np.clip(np.stack([low, high]), 0, None).astype(int)
    return [tuple(slice(*ends) for ends in bounds[:, view].T) for view in range(len(views))]


def _means(
    misfits: list[np.ndarray], windows: list[list[tuple[slice, slice]]], measured: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Means (misfits, blocks, views) over measured pixels of windows, and how many there are."""

    def total(image: np.ndarray) -> np.ndarray:
        return np.array(
            [[image[view][place].sum() for view, place in enumerate(block)] for block in windows]
        )

    counts = total(measured)
    return np.stack([total(misfit) for misfit in misfits]) / np.maximum(counts, 1), counts
