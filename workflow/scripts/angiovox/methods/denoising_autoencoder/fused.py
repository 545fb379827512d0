"""The training loss of the paper's network with its gradients, in a fraction of the memory.

The same mathematics as the plain network, in another order. Batch norm is monotone in each channel
and ReLU everywhere, so pooling a convolution's output first (of flipped sign where batch norm's
weight is negative) leaves an eighth to keep. What batch norm needs of the first convolution, which
has one input channel, follows from the moments of its input's patches. A transposed convolution
whose stride is its kernel is a product of matrices for each voxel; its outputs stay in that order,
and the target is brought into it.

`torch.utils.checkpoint` around the plain network's blocks takes twice the memory and three times as
long at 128^3, around the decoder's alone 1.3 times the memory at 384^3
(benchmarks/training_step.md).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.autograd import Function

from . import blocks
from .fused_decoder import Loss, Transposed, in_order_of_blocks
from .fused_encoder import Convolution, FirstConvolution
from .layer_sizes import STRIDE
from .network import DenoisingAutoencoder

REFERENCE = 2**18  # voxels; gradients within the network are as large as with so many


def training_loss(
    network: DenoisingAutoencoder,
    volume: Tensor,
    target: Tensor,
    alpha: float,
    gamma: float,
    dtype: torch.dtype | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Focal loss in training mode, and the voxels in both, and in either, of mask and prediction.

    Equals `focal_loss(network(volume), target, alpha, gamma)` and updates batch norm's running
    statistics likewise. No gradient reaches the volume.

    Parameters
    ----------
    volume : (batch, 1, x, y, z) fractions, or 8-bit or 16-bit codes of them.
    target : of the same shape, 0 and 1.
    dtype : of activations and products; the parameters' own by default.
    """
    dtype = dtype or next(network.parameters()).dtype
    # A power of two, so that half precision does not underflow under the mean over many voxels.
    loss_scale = 2.0 ** round(math.log2(target.numel() / REFERENCE))
    layers = [
        _Parameters(layer, loss_scale) for layer in network.layers if list(layer.parameters())
    ]
    encoder, decoder = [*zip(layers[:6:2], layers[1:6:2], strict=True)], layers[6:]
    kept, norm = _first_block(blocks.padded(volume[:, 0], STRIDE), *encoder[0], dtype)
    for convolution, batch_norm in encoder[1:]:
        signs = _signs(batch_norm.weight)
        weight, bias = _flipped(convolution, signs)
        count = kept[..., 0].numel()
        kept, mean, var = Convolution.apply(kept, *norm, weight, bias)
        norm = batch_norm.normalise(mean, var, signs, count)
    kept = kept.flatten(0, 3)
    for convolution, batch_norm in zip(decoder[:4:2], decoder[1:4:2], strict=True):
        kept, mean, var = Transposed.apply(kept, *norm, *convolution.matrix())
        norm = batch_norm.normalise(mean, var, torch.ones_like(mean), len(kept))
    truth = in_order_of_blocks(target[:, 0])
    how = (alpha, gamma, loss_scale, target.numel())
    return Loss.apply(kept, *norm, *decoder[4].matrix(), truth, *how)


class _Parameters:
    """A layer's weight and bias; `loss_scale`, by which their gradients come, is divided out."""

    def __init__(self, layer: nn.Module, loss_scale: float):
        self.layer = layer
        self.weight = _ScaleGradient.apply(layer.weight, loss_scale)
        self.bias = _ScaleGradient.apply(layer.bias, loss_scale)

    def matrix(self) -> tuple[Tensor, Tensor]:
        """Of a transposed convolution: (inputs, 8 outputs) and its bias, repeated."""
        weight = self.weight.permute(0, 2, 3, 4, 1).flatten(1)
        return weight, self.bias.repeat(8)

    def normalise(self, mean: Tensor, var: Tensor, signs: Tensor, count: int) -> tuple:
        """Batch norm's mean, scale and shift, its running statistics brought up to date.

        mean, var : of the convolution's outputs times signs, which make all scales positive.
        """
        layer = self.layer
        with torch.no_grad():
            share = layer.momentum
            layer.running_mean.lerp_((mean * signs).to(layer.running_mean.dtype), share)
            unbiased = var * (count / (count - 1))
            layer.running_var.lerp_(unbiased.to(layer.running_var.dtype), share)
            layer.num_batches_tracked += 1
        scale = self.weight * signs * (var + layer.eps).rsqrt()
        return mean, scale.to(mean.dtype), self.bias.to(mean.dtype)


class _ScaleGradient(Function):
    """The same tensor; its gradient divided."""

    @staticmethod
    def forward(ctx, tensor, divisor):
        ctx.divisor = divisor
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx, grad):
        return grad / ctx.divisor, None


def _signs(weight: Tensor) -> Tensor:
    return torch.where(weight.detach() < 0, -1.0, 1.0).to(weight.dtype)


def _flipped(convolution: _Parameters, signs: Tensor) -> tuple[Tensor, Tensor]:
    return convolution.weight * signs[:, None, None, None, None], convolution.bias * signs


def _first_block(volume, convolution, batch_norm, dtype):
    signs = _signs(batch_norm.weight)
    weight, bias = (p.to(dtype) for p in _flipped(convolution, signs))
    kept, sums, products = FirstConvolution.apply(volume, weight, bias)
    count = kept[..., 0].numel()
    # In float64: kernels that find edges leave little of the moments of a smooth volume.
    kernel = blocks.spread(weight.double(), 2)
    mean = torch.tensordot(sums / count, kernel, 1).mean(0)
    second = (kernel * torch.tensordot(products / count, kernel, 1)).sum(0).mean(0)
    exact = torch.promote_types(dtype, torch.float32)
    moments = (mean + bias.double()).to(exact), (second - mean.square()).to(exact)
    return kept, batch_norm.normalise(*moments, signs, 8 * count)
