"""Reconstruction from angiograms: a network, then steps towards the line integrals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..geometry.grid import Grid
from ..projectors import line_integral as by_numba
from ..projectors.differentiable import line_integral
from ..projectors.voxel_backprojection import back_project
from .channels import COARSE, Prepared, channels, part, prepare
from .measurement import Angiograms
from .network import load

TILE, OVERLAP = 96, 12  # voxels along an edge; on either side, that another tile gives
EMPTY_LOGIT = -12.0  # where a view shows no contrast nearby
# ASSUME: what the network is as sure of as this to be empty, no line integral fills.
FIXED_LOGIT = -7.0
# ASSUME: a part of vessel that touches no other and is smaller than this is noise.
SPECK_MM3 = 3.0
VESSEL, BELOW = 0.5, np.float32(0.49)
# ASSUME: contrast is about the same within such a window; one ray through this much vessel in it
# weighs as much as the average does.
WINDOW_MM, LITTLE_MM = 6.0, 10.0  # standard deviation; mm
STEPS, RATE = 25, 0.1  # of Adam, in logits
# Weights beside the mean squared misfit, in noise: of what changes at all, and of changes that
# differ between neighbours. Both by voxel for each pixel that was measured.
PROXIMITY, CONTINUITY = 0.1, 0.3


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What is found.

    probability : (x, y, z) float32 of vessel, on `grid`. contrast : (views,) attenuation per mm of
    a voxel that is vessel, in the unit of each view. misfit : (views,) root mean square of what
    line integrals differ by from those of the probability, in standard deviations of the noise;
    before : the same before the steps.
    """

    probability: np.ndarray
    grid: Grid
    contrast: np.ndarray
    misfit: np.ndarray
    before: np.ndarray

    def fit_rows(self, labels: Sequence[str]) -> list[dict[str, str | float]]:
        """A row for each view: its label, and the misfit before and after the steps."""
        both = self.before.tolist(), self.misfit.tolist()
        return [
            {"view": label, "before_the_fit": before, "after_the_fit": after}
            for label, before, after in zip(labels, *both, strict=True)
        ]


def reconstruct(
    angiograms: Angiograms,
    grid: Grid,
    model: dict,
    log: Callable[[str], None] = str,
    threads: int = 1,
    steps: int = STEPS,
) -> Reconstruction:
    """Apply a network and fit its result to the line integrals.

    model : state that `network.fit` gives. steps : towards the line integrals; 0 for none.
    """
    torch.set_num_threads(threads)
    log("preparing the views")
    prepared = prepare(angiograms, grid, threads)
    logits = apply(model, prepared, grid, log, threads)
    contrast, before = _fitted(logits.sigmoid().numpy(), grid, angiograms, threads)
    log("fitting to the line integrals")
    found = refine(logits, grid, angiograms, contrast, steps, threads) if steps else logits
    probability = without_specks(found.sigmoid().numpy(), grid)
    contrast, misfit = _fitted(probability, grid, angiograms, threads)
    return Reconstruction(probability, grid, contrast, misfit, before)


def without_specks(probability: np.ndarray, grid: Grid) -> np.ndarray:
    """Probabilities (x, y, z), below that of vessel in parts too small to be told from noise."""
    labels, count = ndimage.label(probability >= VESSEL, np.ones((3, 3, 3)))
    volumes = np.bincount(labels.ravel(), minlength=count + 1) * np.prod(grid.voxel_size)
    small = volumes < SPECK_MM3
    small[0] = False
    return np.where(small[labels], np.minimum(probability, BELOW), probability)


@torch.inference_mode()
def apply(
    model: dict,
    prepared: Prepared,
    grid: Grid,
    log: Callable[[str], None] = str,
    threads: int = 1,
) -> Tensor:
    """Logits (x, y, z) of vessel, tile by tile; tiles that no view shows filled are left out.

    What fewer than two views see is empty: a single view says nothing of where on its rays a vessel
    lies.
    """
    network = load(model)
    logits = torch.full(grid.shape, EMPTY_LOGIT)
    tiles = [tile for tile in _tiles(grid.shape) if _may_be_filled(prepared, *tile)]
    half = torch.cpu.get_capabilities().get("avx512_bf16", False)
    for number, (start, shape) in enumerate(tiles):
        log(f"network: part {number + 1} of {len(tiles)}")
        place = part(grid, start, shape)
        seen = torch.from_numpy(channels(prepared, place, threads))[None]
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            found = network(seen.contiguous(memory_format=torch.channels_last_3d))[0, 0]
        views = back_project(prepared.seen, place, prepared.views, "sum", threads)
        found[torch.from_numpy(views < 1.5)] = EMPTY_LOGIT
        own, within = _inner(start, shape, grid.shape)
        logits[own] = found[within]
    return logits


def _tiles(shape: tuple[int, ...]) -> Iterator[tuple[np.ndarray, tuple[int, int, int]]]:
    """First voxel and shape of each tile."""
    firsts = [_firsts(edge) for edge in shape]
    sizes = tuple(min(edge, TILE) for edge in shape)
    for x in firsts[0]:
        for y in firsts[1]:
            for z in firsts[2]:
                yield np.array([x, y, z]), sizes


def _firsts(edge: int) -> list[int]:
    """Evenly spread along an axis, so that two neighbours share `OVERLAP` twice or more."""
    if edge <= TILE:
        return [0]
    count = -(-(edge - 2 * OVERLAP) // (TILE - 2 * OVERLAP))
    return np.linspace(0, edge - TILE, count).round().astype(int).tolist()


def _inner(
    start: np.ndarray, shape: tuple[int, ...], whole: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """What a tile gives: all but the overlap, where the volume goes on."""
    own, within = [], []
    for first, edge, end in zip(start.tolist(), shape, whole, strict=True):
        low = OVERLAP if first else 0
        high = edge - (OVERLAP if first + edge < end else 0)
        own.append(slice(first + low, first + high))
        within.append(slice(low, high))
    return tuple(own), tuple(within)


def _may_be_filled(prepared: Prepared, start: np.ndarray, shape: tuple[int, ...]) -> bool:
    within = tuple(
        slice(first // COARSE, -(-(first + edge) // COARSE))
        for first, edge in zip(start.tolist(), shape, strict=True)
    )
    return bool(prepared.coarse[within].any())


def _fitted(
    probability: np.ndarray, grid: Grid, angiograms: Angiograms, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Contrast (views,) by least squares, and what remains in standard deviations (views,)."""
    seen = by_numba.line_integral(probability, grid, angiograms.views, threads)
    contrast, misfit = np.ones(len(angiograms)), np.zeros(len(angiograms))
    for view, (own, given, measured) in enumerate(
        zip(seen, angiograms.line_integrals, angiograms.measured, strict=True)
    ):
        own, given = own[measured], given[measured]
        square = float(np.vdot(own, own))
        contrast[view] = float(np.vdot(own, given)) / square if square else 0.0
        apart = given - contrast[view] * own
        misfit[view] = float(np.sqrt(np.mean(apart**2))) / angiograms.noise[view]
    return contrast, misfit


def refine(
    logits: Tensor,
    grid: Grid,
    angiograms: Angiograms,
    contrast: np.ndarray,
    steps: int,
    threads: int = 1,
) -> Tensor:
    """Logits (x, y, z) after some steps towards the line integrals.

    contrast : (views,) of a voxel that is vessel, on average; see `_contrast_maps`. Voxels that are
    empty to the network stay so. Changes are held small, and alike in neighbours: a vessel is
    filled or empty over some length.
    """
    noise = angiograms.noise[:, None, None]
    maps = _contrast_maps(logits.sigmoid().numpy(), grid, angiograms, contrast, threads)
    scale = torch.from_numpy(maps / noise).float()
    weight = torch.from_numpy(angiograms.measured).float()
    pixels = weight.sum()
    given = torch.from_numpy(angiograms.line_integrals / noise).float()
    active = logits > FIXED_LOGIT
    start, rest = logits[active], logits.sigmoid()
    pairs = _neighbours(active.numpy())
    change = torch.zeros_like(start, requires_grad=True)
    optimizer = torch.optim.Adam([change], lr=RATE)
    for _ in range(steps):
        volume = rest.masked_scatter(active, (start + change).sigmoid())
        found = scale * line_integral(volume, grid, angiograms.views, threads)
        loss = (weight * (found - given).square()).sum() / pixels
        apart = change[pairs[0]] - change[pairs[1]]
        held = PROXIMITY * change.square().sum() + CONTINUITY * apart.square().sum()
        (change.grad,) = torch.autograd.grad(loss + held / pixels, change)
        optimizer.step()
    return logits.masked_scatter(active, start + change.detach())


def _contrast_maps(
    probability: np.ndarray,
    grid: Grid,
    angiograms: Angiograms,
    contrast: np.ndarray,
    threads: int,
) -> np.ndarray:
    """Attenuation per mm of vessel by place in each view, (views, i, j).

    Contrast thins along the arteries and arrives at them one after the other, so that it is fitted
    in a window about each pixel, to the average where the window shows little vessel.
    """
    seen = by_numba.line_integral(probability, grid, angiograms.views, threads)
    maps = np.empty_like(seen)
    for view, arm in enumerate(angiograms.arms):
        inside, given = seen[view] * angiograms.measured[view], angiograms.line_integrals[view]
        pixels = WINDOW_MM * arm.magnification / np.array(arm.pixel_size)
        both, square = (ndimage.gaussian_filter(inside * each, pixels) for each in (given, inside))
        little = LITTLE_MM**2 / (2 * np.pi * np.prod(pixels))
        local = (both + little * contrast[view]) / (square + little)
        maps[view] = np.clip(local, 0.1 * contrast[view], 3 * contrast[view])
    return maps


def _neighbours(active: np.ndarray) -> tuple[Tensor, Tensor]:
    """Numbers, among active voxels (x, y, z), of both of each two that share a face."""
    number = np.full(active.shape, -1, np.int32)
    number[active] = np.arange(active.sum(), dtype=np.int32)
    pairs = []
    for axis in range(3):
        one, other = (np.moveaxis(number, axis, 0)[part] for part in (np.s_[:-1], np.s_[1:]))
        both = (one >= 0) & (other >= 0)
        pairs.append(np.stack([one[both], other[both]]))
    first, second = np.concatenate(pairs, axis=1).astype(np.int64)
    return torch.from_numpy(first), torch.from_numpy(second)
