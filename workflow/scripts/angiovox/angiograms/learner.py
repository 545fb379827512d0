"""Training of the network that reconstructs from angiograms, on parts of simulated examples."""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..training.learner import Learner, agreement, autocast, iou_of
from .channels import FIRST_MOMENT, FIRST_PHASE, MOMENTS, channels, part
from .examples import Examples, Learnt
from .phases import PHASES

EDGE = 80  # voxels of a part
PARTS = 2  # of an example in a row: reading it takes as long as its channels do
AT_VESSEL = 0.85  # share of the parts that are around a vessel; others are anywhere
BCE_WEIGHT = 5.0
UPRIGHT = 0.5  # share of the parts that are turned no further than left to right
# ASSUME: runs of which one image is known, not how contrast came.
NO_PHASES = 0.15  # share of the parts


class Reconstructing(Learner):
    """A network on `channels.channels`, told from phantoms' arteries what is vessel."""

    weight_decay = 1e-2
    largest_gradient = 5.0

    def __init__(self, network: nn.Module, examples: Examples, edge: int = EDGE):
        self.network, self.edge = network, edge
        self._example = lru_cache(maxsize=2)(examples.__getitem__)

    def examples(self, patients: Examples) -> int:
        return PARTS * len(patients)

    def order(self, patients: Examples, rng: np.random.Generator) -> list[int]:
        return np.repeat(rng.permutation(len(patients)), PARTS).tolist()

    def read(
        self, patients: Examples, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Channels (batch, channels, x, y, z) and masks (batch, 1, x, y, z) of random parts."""
        parts = [self._part(self._example(index), rng) for index in batch]
        volumes, masks = zip(*parts, strict=True)
        return np.stack(volumes), np.stack(masks)[:, None]

    def _part(self, example: Learnt, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        shape = (self.edge,) * 3
        start = self._start(example.mask, rng)
        seen = channels(example.prepared, part(example.grid, start, shape))
        if rng.uniform() < NO_PHASES:
            seen[FIRST_PHASE : FIRST_PHASE + 2 * PHASES] = 0
        within = tuple(slice(first, first + self.edge) for first in start)
        axes, flips = random_symmetry(rng)
        return turned_channels(seen, axes, flips), turned(example.mask[within], axes, flips)

    def _start(self, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """First voxel of a part that lies in the volume as a whole."""
        last = np.array(mask.shape) - self.edge
        vessel = np.flatnonzero(mask)
        if len(vessel) and rng.uniform() < AT_VESSEL:
            place = np.array(np.unravel_index(rng.choice(vessel), mask.shape))
            jitter = rng.integers(-self.edge // 3, self.edge // 3 + 1, 3)
            return np.clip(place + jitter - self.edge // 2, 0, last)
        return rng.integers(0, last + 1)

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        volume, mask = given
        logits = self._logits(volume, dtype)
        target = mask.float()
        probability = logits.sigmoid()
        # 1 on both sides: an empty part that is found empty is no error
        dice = (2 * (probability * target).sum() + 1) / (probability.sum() + target.sum() + 1)
        entropy = functional.binary_cross_entropy_with_logits(logits, target)
        return 1 - dice + BCE_WEIGHT * entropy, *agreement(logits, mask)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        volume, mask = given
        return iou_of(*agreement(self._logits(volume, dtype), mask))

    def _logits(self, volume: Tensor, dtype: torch.dtype) -> Tensor:
        with autocast(volume, dtype):
            return self.network(volume.contiguous(memory_format=torch.channels_last_3d))


def random_symmetry(rng: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw one of the 48 symmetries of a cube: an order of axes, and those that are reversed."""
    if rng.uniform() < UPRIGHT:
        return (0, 1, 2), (0,) if rng.uniform() < 0.5 else ()
    axes = list(itertools.permutations(range(3)))[rng.integers(6)]
    return axes, tuple(np.flatnonzero(rng.integers(0, 2, 3)).tolist())


def turned(volume: np.ndarray, axes: tuple[int, ...], flips: tuple[int, ...]) -> np.ndarray:
    """A volume (..., x, y, z) whose axis k is the old axis axes[k], reversed if k is in flips."""
    lead = volume.ndim - 3
    order = [*range(lead), *(lead + axis for axis in axes)]
    moved = np.flip(volume.transpose(order), [lead + axis for axis in flips])
    return np.ascontiguousarray(moved)


def turned_channels(seen: np.ndarray, axes: tuple[int, ...], flips: tuple[int, ...]) -> np.ndarray:
    """Channels of an object and views that were turned together: moments turn like tensors."""
    result = turned(seen, axes, flips)
    old = {pair: result[FIRST_MOMENT + number].copy() for number, pair in enumerate(MOMENTS)}
    old[2, 2] = -old[0, 0] - old[1, 1]
    for number, (a, b) in enumerate(MOMENTS):
        moment = old[tuple(sorted((axes[a], axes[b])))]
        result[FIRST_MOMENT + number] = -moment if (a in flips) != (b in flips) else moment
    return result
