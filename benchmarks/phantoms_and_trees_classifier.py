"""Can phantoms be told from traced arteries, and by what? Nobody is in training and in test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from torch import nn

FOLDS, SEED = 10, 1
STEPS, BATCH = 150, 8
PATCH_STEPS, PATCH_BATCH = 600, 16
PATCH, MIN_FILLED = 24, 40  # voxels: edge of a patch, and vessel in it
MAX_SHIFT = 3  # voxels, of a cube in training
Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]  # numbers to train on, to test: logits


@dataclass(frozen=True)
class Told:
    """How well phantoms are told from trees; logits (n,) are positive for trees."""

    logits: np.ndarray
    is_tree: np.ndarray
    person: np.ndarray

    def row(self) -> dict[str, float]:
        """Balanced accuracy with its interval of 95 %, and the area under the ROC curve.

        The interval is of Jeffreys' posteriors of both shares, the person as the unit.
        """
        right = (self.logits > 0) == self.is_tree
        rng, draws, means = np.random.default_rng(SEED), [], []
        for kind in (True, False):
            by_person = pd.Series(right[self.is_tree == kind]).groupby(
                self.person[self.is_tree == kind]
            )
            hits = by_person.mean()
            means.append(hits.mean())
            draws.append(rng.beta(hits.sum() + 0.5, (1 - hits).sum() + 0.5, 20_000))
        low, high = np.percentile(np.mean(draws, axis=0), [2.5, 97.5])
        trees, phantoms = self.logits[self.is_tree], self.logits[~self.is_tree]
        higher = np.mean(np.sign(trees[:, None] - phantoms) / 2 + 0.5)
        return {
            "balanced_accuracy": float(np.mean(means)),
            "low": float(low),
            "high": float(high),
            "auc": float(higher),
        }


def tell(predict: Predict, is_tree: np.ndarray, person: np.ndarray) -> Told:
    """Logits of every cube by what was trained without its person, or phantom."""
    logits = np.empty(len(is_tree))
    for fold in range(FOLDS):
        test = np.flatnonzero(person % FOLDS == fold)
        train = np.flatnonzero(person % FOLDS != fold)
        logits[test] = predict(train, test)
    return Told(logits, is_tree, person)


def by_measures(values: np.ndarray, is_tree: np.ndarray) -> Predict:
    """Logistic regression with a ridge on standardised measures (cubes, measures)."""

    def predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        middle = np.nanmedian(values[train], axis=0)
        filled = np.where(np.isnan(values), middle, values)
        spread = filled[train].std(axis=0)
        scaled = (filled - filled[train].mean(axis=0)) / np.where(spread > 0, spread, 1)
        weights = _ridge(scaled[train], is_tree[train])
        return scaled[test] @ weights[1:] + weights[0]

    return predict


def _ridge(values: np.ndarray, is_tree: np.ndarray, ridge: float = 0.05) -> np.ndarray:
    inputs = torch.tensor(values, dtype=torch.float64)
    truth = torch.tensor(is_tree, dtype=torch.float64)
    balance = torch.where(truth > 0, 0.5 / truth.sum(), 0.5 / (1 - truth).sum())
    weights = torch.zeros(values.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        logits = inputs @ weights[1:] + weights[0]
        errors = nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
        total = torch.sum(balance * errors) + ridge * torch.sum(weights[1:] ** 2) / 2
        total.backward()
        return total

    optimiser.step(loss)
    return weights.detach().numpy()


class Network(nn.Sequential):
    """Convolutions with stride, then the mean and the maximum of each channel."""

    def __init__(self, levels: int) -> None:
        widths = [1, 8, 16, 32, 32][: levels + 1]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv3d(before, after, 3, stride=2, padding=1), nn.GroupNorm(4, after)]
            layers += [nn.ReLU()]
        super().__init__(*layers, _Pooled(), nn.Dropout(0.2), nn.Linear(2 * widths[-1], 1))


class _Pooled(nn.Module):
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.cat([features.mean(dim=(2, 3, 4)), features.amax(dim=(2, 3, 4))], dim=1)


class _Layout(nn.Sequential):
    """Sees how much vessel is where, and no shape: 8 x 8 x 8 means of 8 voxels' edge."""

    def __init__(self) -> None:
        super().__init__(nn.AvgPool3d(8), nn.Flatten(), nn.Dropout(0.2), nn.Linear(512, 1))
        nn.init.zeros_(self[-1].weight)


class WholeCubes:
    """A network that sees whole masks, shifted at random in training; keeps what it looks at.

    attention : (cubes, x, y, z) gradient times input of each cube's logit when it is in the test.
    """

    def __init__(self, masks: np.ndarray, is_tree: np.ndarray, layout_only: bool = False) -> None:
        self.masks, self.is_tree, self.layout_only = masks, is_tree, layout_only
        self.attention = np.zeros(masks.shape, dtype=np.float32)

    def __call__(self, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        torch.manual_seed(SEED)
        network = _Layout() if self.layout_only else Network(levels=4)
        # Means of masks are some per mille: they are brought to about 1.
        scale = 50.0 if self.layout_only else 1.0

        def draw(rng: np.random.Generator, number: int) -> np.ndarray:
            shift = tuple(rng.integers(-MAX_SHIFT, MAX_SHIFT + 1, 3))
            return scale * np.roll(self.masks[number], shift, axis=(0, 1, 2))

        _train(network, draw, train, self.is_tree, rate=0.02 if self.layout_only else 0.003)
        inputs = torch.tensor(scale * self.masks[test].astype(np.float32)).unsqueeze(1)
        inputs.requires_grad_()
        logits = network(inputs)[:, 0]
        (gradient,) = torch.autograd.grad(logits.sum(), inputs)
        self.attention[test] = (gradient * inputs).detach()[:, 0].numpy()
        return logits.detach().numpy()


def by_patches(masks: np.ndarray, is_tree: np.ndarray) -> Predict:
    """A network that sees patches of 18 mm and not where they are; a cube has their mean logit."""
    starts = [_filled_patches(mask) for mask in masks]

    def predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        torch.manual_seed(SEED)
        network = Network(levels=3)

        def draw(rng: np.random.Generator, number: int) -> np.ndarray:
            patch = _patch(masks[number], starts[number][rng.integers(len(starts[number]))])
            patch = patch.transpose(rng.permutation(3))  # nor how they lie
            return np.flip(patch, np.flatnonzero(rng.integers(2, size=3))).copy()

        _train(network, draw, train, is_tree, 0.003, PATCH_STEPS, PATCH_BATCH)
        found = []
        for number in test:
            chosen = starts[number][:: max(1, len(starts[number]) // 40)]
            patches = np.stack([_patch(masks[number], start) for start in chosen])
            with torch.no_grad():
                logits = network(torch.tensor(patches.astype(np.float32)).unsqueeze(1))
            found.append(float(logits.mean()))
        return np.array(found)

    return predict


def _filled_patches(mask: np.ndarray) -> list[tuple[int, ...]]:
    grid = range(0, mask.shape[0] - PATCH + 1, 8)
    starts = [(x, y, z) for x in grid for y in grid for z in grid]
    return [start for start in starts if _patch(mask, start).sum() >= MIN_FILLED]


def _patch(mask: np.ndarray, start: Sequence[int]) -> np.ndarray:
    return mask[tuple(slice(begin, begin + PATCH) for begin in start)]


def _train(
    network: nn.Module,
    draw: Callable[[np.random.Generator, int], np.ndarray],
    train: np.ndarray,
    is_tree: np.ndarray,
    rate: float,
    steps: int = STEPS,
    batch: int = BATCH,
) -> None:
    """As many trees as phantoms in each batch; one cycle of the learning rate."""
    rng = np.random.default_rng(SEED)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    kinds = [train[is_tree[train]], train[~is_tree[train]]]
    truth = torch.tensor([1.0] * (batch // 2) + [0.0] * (batch // 2))
    for _ in range(steps):
        numbers = np.concatenate([rng.choice(kind, batch // 2) for kind in kinds])
        inputs = np.stack([draw(rng, number) for number in numbers]).astype(np.float32)
        logits = network(torch.tensor(inputs).unsqueeze(1))[:, 0]
        loss = nn.functional.binary_cross_entropy_with_logits(logits, truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    network.eval()
