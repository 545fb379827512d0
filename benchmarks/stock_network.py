"""The paper's network with PyTorch's own means to save memory, which ours is measured against.

Training recomputes each block in the backward pass (`torch.utils.checkpoint`); inference folds
batch norm into the convolutions, pools before ReLU and takes the volume in tiles.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from angiovox.methods.denoising_autoencoder.focal_loss import focal_loss
from angiovox.methods.denoising_autoencoder.learner import PlainDenoising
from angiovox.methods.denoising_autoencoder.network import DenoisingAutoencoder
from angiovox.training.learner import agreement, fractions
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.checkpoint import checkpoint

MARGIN, TILE = 8, 96  # voxels; of tiles of 64 and 96 this was the faster one


class CheckpointedDenoising(PlainDenoising):
    """Blocks of the plain network that keep their inputs only.

    Batch norm's running statistics are updated twice a step, once by the recomputation.
    """

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        volume, target = given
        half = dtype is not torch.float32
        with torch.autocast(volume.device.type, dtype if half else None, enabled=half):
            kept = fractions(volume)
            for block in blocks(self.network):
                kept = checkpoint(block, kept, use_reentrant=False)
        loss = checkpoint(focal_loss, kept, target, self.alpha, self.gamma, use_reentrant=False)
        return loss, *agreement(kept, target)


def blocks(network: DenoisingAutoencoder) -> Iterator[nn.Sequential]:
    """The network's layers, each convolution with those up to the next."""
    starts = [n for n, layer in enumerate(network.layers) if hasattr(layer, "kernel_size")
              and list(layer.parameters())]  # fmt: skip
    for first, last in itertools.pairwise([*starts, len(network.layers)]):
        yield network.layers[first:last]


def folded(network: DenoisingAutoencoder) -> nn.Sequential:
    """The network for inference, with batch norm in the convolutions and pooling before ReLU."""
    layers: list[nn.Module] = []
    for block in blocks(network.eval()):
        convolution, *others = block
        transposed = isinstance(convolution, nn.ConvTranspose3d)
        if others:
            convolution = fuse_conv_bn_eval(convolution, others[0], transpose=transposed)
            others = [*([] if transposed else [nn.MaxPool3d(2)]), nn.ReLU(inplace=True)]
        layers += [convolution, *others]
    return nn.Sequential(*layers)


@torch.no_grad()
def probabilities(network: nn.Module, volume: Tensor) -> Tensor:
    """Probabilities of a volume whose edges are multiples of 8, tile by tile."""
    result = torch.empty_like(volume)
    for start in itertools.product(*(range(0, edge, TILE) for edge in volume.shape)):
        first = [max(at - MARGIN, 0) for at in start]
        seen = volume[tuple(slice(a, s + TILE + MARGIN) for a, s in zip(first, start, strict=True))]
        found = network(seen[None, None])[0, 0].sigmoid_()
        target = result[tuple(slice(at, at + TILE) for at in start)]
        own = zip(start, first, target.shape, strict=True)
        target.copy_(found[tuple(slice(s - a, s - a + n) for s, a, n in own)])
    return result
