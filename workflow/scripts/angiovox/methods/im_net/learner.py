"""IM-NET as it is trained: on cells of the visual hull, from a coarse grid to the finest.

A stage's grid has cells of several voxels; a cell is vessel, or within the hull, where one of its
voxels is.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.amp import GradScaler
from torch.nn import functional
from torch.optim import Optimizer

from ...method import Training
from ...training.learner import Learner, autocast, drawn, fractions, iou_of
from .network import SEEN, ImplicitField, centres, resampled

STAGES = 3  # of which each doubles the resolution of the one before


class Sampled(Learner):
    """The network on points of some patients.

    points : of each patient in a step. support : the least minimum that a vessel has. steps : of
    the whole training, a third of them for each stage. resolution : see `network.ImplicitField`.
    """

    betas = (0.5, 0.999)

    def __init__(
        self, network: ImplicitField, points: int, support: float, steps: int, resolution: int
    ):
        self.network, self.points, self.support = network, points, support
        self.steps, self.resolution = steps, resolution
        network.register_buffer("steps_taken", torch.zeros((), dtype=torch.int64))

    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Back-projections (batch, 2, x, y, z), masks (batch, x, y, z), and a seed for each."""
        pairs = [drawn(patients, index, rng) for index in batch]
        volumes = np.stack([[known.inputs[kind] for kind in SEEN] for known, _ in pairs])
        masks = np.stack([mask for _, mask in pairs])
        return volumes, masks, rng.integers(2**62, size=len(pairs))

    @property
    def coarsening(self) -> int:
        """Voxels along the edge of a cell in the present stage: 4, 2, then 1."""
        stage = min(STAGES * int(self.network.steps_taken) // self.steps, STAGES - 1)
        return 2 ** (STAGES - 1 - stage)

    def step(
        self,
        given: tuple[Tensor, ...],
        dtype: torch.dtype,
        optimizers: dict[str, Optimizer],
        scaler: GradScaler,
    ) -> tuple[Tensor, Tensor, Tensor]:
        found = super().step(given, dtype, optimizers, scaler)
        self.network.steps_taken += 1
        return found

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        volume, mask, seeds = fractions(given[0]), given[1], given[2].tolist()
        hull = volume[:, SEEN.index("min")] >= self.support
        chosen = map(self.sampled, hull, mask, seeds)
        places, truth = (torch.stack(one) for one in zip(*chosen, strict=True))
        with autocast(volume, dtype):
            found = self.network(resampled(volume, self.resolution), places)
        predicted, vessel = found >= 0.5, truth > 0
        loss = functional.mse_loss(found, truth)
        return loss, (predicted & vessel).sum(), (predicted | vessel).sum()

    # ASSUME: the source samples its cells near the surface; here they are drawn among the cells of
    # the visual hull, with replacement, as the decoder is asked nowhere else.
    def sampled(self, hull: Tensor, mask: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Places (points, 3) and occupancy (points,) of cells of one patient's hull.

        hull, mask : (x, y, z) bool. Where the hull is empty, cells are drawn from the whole grid.
        """
        factor = self.coarsening
        within, vessel = (coarsened(one, factor) for one in (hull, mask))
        cells = (within if within.any() else torch.ones_like(within)).nonzero()
        chance = torch.Generator().manual_seed(seed)
        some = torch.randint(len(cells), (self.points,), generator=chance).to(cells.device)
        chosen = cells[some]
        return centres(chosen, hull.shape, factor), vessel[tuple(chosen.T)].float()

    @torch.no_grad()
    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        found = occupancy(self.network, given[0][:1], self.support, self.resolution) >= 0.5
        truth = given[1][0] > 0
        return iou_of((found & truth).sum(), (found | truth).sum())


def coarsened(mask: Tensor, factor: int) -> Tensor:
    """Cells of `factor` voxels along each edge in which a mask (x, y, z) has a voxel.

    An edge that is no multiple of the factor ends in a cell that is cut off.
    """
    if factor == 1:
        return mask > 0
    pooled = functional.max_pool3d(mask[None, None].float(), factor, ceil_mode=True)
    return pooled[0, 0] > 0


@torch.no_grad()
def occupancy(
    network: ImplicitField, stored: Tensor, support: float, resolution: int, at_once: int = 1 << 15
) -> Tensor:
    """Occupancy in [0, 1], (x, y, z) float32, of a patient's voxels; 0 outside the hull.

    stored : (1, 2, x, y, z) fractions or codes of them. at_once : voxels decoded at a time.
    """
    volume = fractions(stored)
    encoded = network.encode(resampled(volume, resolution))
    hull = volume[0, SEEN.index("min")] >= support
    result = torch.zeros(hull.shape, device=volume.device)
    for cells in hull.nonzero().split(at_once):
        found = network.occupancy(encoded, centres(cells, hull.shape)[None])
        result[tuple(cells.T)] = found[0].clamp(0, 1)
    return result
