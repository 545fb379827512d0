"""Training of a U-Net that tells vessel from the rest, on slabs of axial slices.

The rays of a view lie in axial slices, so a slab of whole slices holds all that its own part of the
projections can say, whatever the size of the volume.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...geometry.imaging import LINE_INTEGRAL
from ...method import Measurement, Training
from ...projectors import imaging
from ...projectors.backprojection import angular_harmonics
from ...training.learner import Learner, agreement, autocast, drawn, fractions, iou_of
from .silhouettes import MAX_VIEWS, OUTSIDE_HULL_LOGIT, Silhouettes, silhouette_loss

FEW_VIEWS = 0.5  # an example's chance is its view count to minus this: few views are harder


@dataclass(frozen=True)
class Terms:
    """What the loss adds to Dice, each by its weight; 0 for none.

    bce : binary cross-entropy. consistency : `silhouettes.silhouette_loss` of projections.
    """

    bce: float
    consistency: float = 0.0


class Segmenting(Learner):
    """`network.ResidualUNet` on back-projections as channels, the last of them the minimum.

    terms : of the loss. slab : axial slices per example. counts : views of each example.
    support : by view count, the least minimum that a vessel has. silhouettes : needed where the
    loss compares projections. harmonics : see `channels`.

    Where the same patients are there with several view counts, an epoch goes through each patient
    once, at a count of its own.
    """

    weight_decay = 1e-2  # of AdamW, PyTorch's default
    largest_gradient = 5.0

    def __init__(
        self,
        network: nn.Module,
        terms: Terms,
        slab: int,
        support: Mapping[int, float],
        counts: Sequence[int],
        silhouettes: Silhouettes | None = None,
        harmonics: int = 0,
    ):
        self.network, self.terms, self.slab = network, terms, slab
        self.harmonics = harmonics
        self.support, self.silhouettes = support, silhouettes
        self.by_count = [np.flatnonzero(np.equal(counts, count)) for count in np.unique(counts)]
        self.chances = np.unique(counts) ** -FEW_VIEWS
        self.chances /= self.chances.sum()

    def examples(self, patients: Training) -> int:
        return max(map(len, self.by_count))

    def order(self, patients: Training, rng: np.random.Generator) -> list[int]:
        chosen = rng.choice(len(self.by_count), self.examples(patients), p=self.chances)
        places = rng.permutation(self.examples(patients))
        groups = (self.by_count[count] for count in chosen)
        return [int(group[i % len(group)]) for group, i in zip(groups, places, strict=True)]

    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Channels (batch, channels, x, y, z), masks (batch, 1, x, y, z), the support (batch,), and
        where projections are compared, those of each example, (views, x, z), and their angles."""
        volumes, masks, support, measured = [], [], [], []
        for index in batch:
            views, mask = drawn(patients, index, rng)
            first = int(rng.integers(max(mask.shape[2] - self.slab, 0) + 1))
            within = np.s_[..., first : first + self.slab]
            volumes.append(channels(views, self.harmonics, within))
            masks.append(mask[within][None])
            support.append(self.support[len(views.angles)])
            if self.terms.consistency:
                silhouettes, angles = self.silhouettes.silhouettes(views, MAX_VIEWS)
                measured += [silhouettes[within], angles]
        return np.stack(volumes), np.stack(masks), np.float32(support), *measured

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        volume, mask, support, *measured = given
        logits = self._logits(volume, support, dtype)
        probability = logits.sigmoid()
        loss = self._overlap(logits, probability, mask.float())
        if measured:
            seen = zip(probability[:, 0], measured[::2], measured[1::2], strict=True)
            each = [silhouette_loss(p, shown, angles.cpu().numpy()) for p, shown, angles in seen]
            loss = loss + self.terms.consistency * torch.stack(each).mean()
        return loss, *agreement(logits, mask)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        volume, mask, support = (array[:1] for array in given[:3])
        return iou_of(*agreement(self._logits(volume, support, dtype), mask))

    def _logits(self, volume: Tensor, support: Tensor, dtype: torch.dtype) -> Tensor:
        volume = fractions(volume)
        with autocast(volume, dtype):
            logits = self.network(volume.contiguous(memory_format=torch.channels_last_3d))
        return within_hull(logits, volume, support)

    def _overlap(self, logits: Tensor, probability: Tensor, target: Tensor) -> Tensor:
        """Soft Dice loss, and binary cross-entropy by its weight."""
        # 1 on both sides: an empty slab that is found empty is no error
        dice = (2 * (probability * target).sum() + 1) / (probability.sum() + target.sum() + 1)
        entropy = functional.binary_cross_entropy_with_logits(logits, target)
        return 1 - dice + self.terms.bce * entropy


def channels(views: Measurement, harmonics: int = 0, within: tuple = np.s_[...]) -> np.ndarray:
    """What a network sees, (channels, x, y, z): back-projections, the minimum last.

    Without harmonics they are as they are stored; with `backprojection.angular_harmonics` up to an
    order, of projections scaled to [0, 1], they are float32. Of few views, sum and minimum say
    what is bright, and not in which view.
    within : part of the axial slices.
    """
    stored = [views.inputs[kind][within] for kind in ("sum", "min") if kind in views.inputs]
    if not harmonics:
        return np.stack(stored)
    depth, levels = stored[0].shape[1:]
    shape = (harmonics + len(stored), levels, depth, len(stored[0]))
    seen = np.empty(shape, np.float32).transpose(0, 3, 2, 1)  # x innermost, as all of them are
    seen[:harmonics] = _harmonics(views, harmonics, depth, within)
    for channel, volume in zip(seen[harmonics:], stored, strict=True):
        largest = 65535 if volume.dtype == np.uint16 else 1
        np.divide(volume, np.float32(largest), out=channel)
    return seen


def _harmonics(views: Measurement, order: int, depth: int, within: tuple) -> np.ndarray:
    projections = views.inputs["projections"]
    if views.imaging is not None and views.imaging.kind == LINE_INTEGRAL:
        scaled = imaging.fractions(projections)
    else:
        low, high = projections.min(), projections.max()
        part = projections[within] if views.views is None else projections
        scaled = (part - low) / np.float32(max(high - low, 1e-6))
    if views.views is None:
        return angular_harmonics(scaled, views.angles, depth, order)
    return imaging.angular_harmonics(scaled, views.angles, views.grid, views.views, order)[within]


def within_hull(logits: Tensor, volume: Tensor, support: Tensor) -> Tensor:
    """Logits with all voxels ruled out whose minimum, the last channel, is below the support.

    logits, volume : (batch, channels, x, y, z). support : (batch,).
    """
    return logits.masked_fill(
        volume[:, -1:] < support[:, None, None, None, None], OUTSIDE_HULL_LOGIT
    )
