"""The paper's network with PyTorch's own means to save memory, which ours is measured against.

Training recomputes each block in the backward pass (`torch.utils.checkpoint`); inference folds
batch norm into the convolutions, pools before ReLU and takes the volume in tiles.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from angiovox.methods.denoising_autoencoder import fused
from angiovox.methods.denoising_autoencoder.focal_loss import focal_loss
from angiovox.methods.denoising_autoencoder.fused_decoder import in_order_of_blocks
from angiovox.methods.denoising_autoencoder.fused_encoder import Convolution
from angiovox.methods.denoising_autoencoder.learner import Denoising, PlainDenoising
from angiovox.methods.denoising_autoencoder.network import DenoisingAutoencoder
from angiovox.training.learner import agreement, fractions
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.checkpoint import checkpoint

ROWS = 1 << 18  # of the loss at a time
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


class CheckpointedDecoder(Denoising):
    """Our encoder; a decoder of matrix products whose blocks keep their inputs only.

    Batch norm's running statistics are those of the encoder only.
    """

    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        volume, target = given
        layers = [fused._Parameters(x, 1.0) for x in self.network.layers if list(x.parameters())]
        kept, norm = fused._first_block(volume[:, 0], *layers[:2], dtype)
        for layer, batch_norm in zip(layers[2:6:2], layers[3:6:2], strict=True):
            signs, count = fused._signs(batch_norm.weight), kept[..., 0].numel()
            kept, *moments = Convolution.apply(kept, *norm, *fused._flipped(layer, signs))
            norm = batch_norm.normalise(*moments, signs, count)
        kept, *norms = kept.flatten(0, 3), norm, layers[7], layers[9]
        for layer, batch_norm in zip(layers[6::2], norms, strict=True):
            kept = checkpoint(_decode, kept, batch_norm, layer, use_reentrant=False)
        truth = in_order_of_blocks(target[:, 0])
        parts = zip(kept.view(-1, 8).split(ROWS), truth.split(ROWS), strict=True)
        sums = [checkpoint(self._sum, *part, use_reentrant=False) for part in parts]
        return torch.stack(sums).sum() / target.numel(), *agreement(kept.view(-1, 8), truth)

    def _sum(self, logits: Tensor, truth: Tensor) -> Tensor:
        return focal_loss(logits, truth, self.alpha, self.gamma) * truth.numel()


def _decode(kept: Tensor, norm: fused._Parameters | tuple, layer: fused._Parameters) -> Tensor:
    """Eight rows of outputs for each row, after batch norm and ReLU."""
    if isinstance(norm, tuple):  # of the encoder's last block: mean, scale and shift
        mean, scale, shift = norm
        active = ((kept.float() - mean) * scale + shift).relu().to(kept.dtype)
    else:
        active = functional.batch_norm(kept, None, None, norm.weight, norm.bias, True).relu_()
    weight, bias = (parameter.to(kept.dtype) for parameter in layer.matrix())
    return torch.addmm(bias, active, weight).view(8 * len(kept), -1)


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
