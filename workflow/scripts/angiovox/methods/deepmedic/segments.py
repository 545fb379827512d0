"""Segments of volumes: how they are drawn, cut out, and put together again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch

from ...training.learner import fractions
from .network import DeepMedic, context_edge, output_edge

SEEN = ("sum", "min")
FOREGROUND = 0.5  # part of the segments that are centred on a vessel


def crop(volume: np.ndarray, first: np.ndarray, edge: int) -> np.ndarray:
    """A cube (channels, *3 * [edge]) of (channels, x, y, z), 0 where it lies outside.

    first : (3,) its first voxel, which may be negative.
    """
    cube = np.zeros((len(volume), edge, edge, edge), dtype=volume.dtype)
    start, stop = np.maximum(first, 0), np.minimum(first + edge, volume.shape[1:])
    if (start < stop).all():
        source, target = (
            (slice(None), *map(slice, start - away, stop - away)) for away in (0, first)
        )
        cube[target] = volume[source]
    return cube


def drawn_block(mask: np.ndarray, edge: int, rng: np.random.Generator) -> np.ndarray:
    """First voxel (3,) of a block, centred on a vessel or anywhere with equal chances.

    Blocks lie within the volume where they fit into it.
    """
    # ASSUME: segments that are not centred on a vessel are centred on any voxel, vessels included.
    vessel = np.flatnonzero(mask) if rng.random() < FOREGROUND else ()
    number = vessel[rng.integers(len(vessel))] if len(vessel) else rng.integers(mask.size)
    first = np.array(np.unravel_index(number, mask.shape)) - edge // 2
    return first.clip(0, np.maximum(np.subtract(mask.shape, edge), 0))


def context(volume: np.ndarray, block: np.ndarray, segment: int) -> np.ndarray:
    """All that the network sees of the segment whose output has its first voxel at `block`."""
    edge = context_edge(segment)
    return crop(volume, block - (edge - output_edge(segment)) // 2, edge)


def channels(inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Back-projected sum and minimum as stored, (2, x, y, z)."""
    return np.stack([inputs[kind] for kind in SEEN])


def blocks(shape: tuple[int, ...], edge: int) -> Iterator[np.ndarray]:
    """First voxels of the blocks that fill a volume."""
    return map(np.array, itertools.product(*(range(0, size, edge) for size in shape)))


@torch.no_grad()
def probabilities(network: DeepMedic, inputs: dict[str, np.ndarray], segment: int) -> np.ndarray:
    """Vessel probabilities (x, y, z) float32, segment by segment."""
    device = next(network.parameters()).device
    volume, edge = channels(inputs), output_edge(segment)
    result = np.empty(volume.shape[1:], dtype=np.float32)
    for block in blocks(result.shape, edge):
        seen = fractions(torch.from_numpy(context(volume, block, segment)).to(device))
        found = network(seen[None], segment)[0, 0].sigmoid().cpu().numpy()
        inside = result[tuple(slice(first, first + edge) for first in block)]
        inside[:] = found[tuple(map(slice, inside.shape))]
    return result
