"""The training loss of the paper's network with its gradients, in a fraction of the memory.

The same mathematics as the plain network, in another order. Batch norm is monotone in each channel
and ReLU everywhere, so pooling a convolution's output first (of flipped sign where batch norm's
weight is negative) leaves an eighth to keep. What batch norm needs of the first convolution, which
has one input channel, follows from the moments of its input's patches. A transposed convolution
whose stride is its kernel is a product of matrices for each voxel; its outputs stay in that order,
and the target is brought into it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from . import blocks
from .blocks import batchnorm_relu, batchnorm_relu_backward
from .fused_decoder import Loss, Transposed, in_order_of_blocks
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
        kept, mean, var = _Convolution.apply(kept, *norm, weight, bias)
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


# First block


def _first_block(volume, convolution, batch_norm, dtype):
    signs = _signs(batch_norm.weight)
    weight, bias = (p.to(dtype) for p in _flipped(convolution, signs))
    kept, sums, products = _FirstConvolution.apply(volume, weight, bias)
    count = kept[..., 0].numel()
    # In float64: kernels that find edges leave little of the moments of a smooth volume.
    kernel = blocks.spread(weight.double(), 2)
    mean = torch.tensordot(sums / count, kernel, 1).mean(0)
    second = (kernel * torch.tensordot(products / count, kernel, 1)).sum(0).mean(0)
    exact = torch.promote_types(dtype, torch.float32)
    moments = (mean + bias.double()).to(exact), (second - mean.square()).to(exact)
    return kept, batch_norm.normalise(*moments, signs, 8 * count)


class _FirstConvolution(Function):
    """Pooled outputs of the first convolution, and the moments of the patches it sees."""

    @staticmethod
    def forward(ctx, volume, weight, bias):
        batch, *edges = volume.shape
        dtype, channels, device = weight.dtype, len(weight), volume.device
        shape = (batch, *(edge // 2 for edge in edges), channels)
        kept = torch.empty(shape, dtype=dtype, device=device)
        which = torch.empty(shape, dtype=torch.uint8, device=device)
        sums = torch.zeros(64, dtype=torch.float64, device=device)
        products = torch.zeros(64, 64, dtype=torch.float64, device=device)
        span = blocks.span_on(device)
        for start, stop in blocks.first_planes(volume, channels, dtype):
            seen = blocks.patches(volume, start, stop, dtype)
            best, index = blocks.largest(blocks.first_outputs(seen, weight, span))
            part = (batch, stop - start, *shape[2:])
            kept[:, start:stop] = best.add_(bias).view(part)
            which[:, start:stop] = index.view(part)
            _add_moments(seen, batch * (stop - start), sums, products)
        ctx.save_for_backward(volume, which, weight)
        ctx.mark_non_differentiable(sums, products)
        return kept, sums, products

    @staticmethod
    @once_differentiable
    def backward(ctx, grad, *_):
        volume, which, weight = ctx.saved_tensors
        dtype, channels = weight.dtype, len(weight)
        span = blocks.span_on(volume.device)
        taps = (2 + span) ** 3
        exact = torch.promote_types(dtype, torch.float32)
        total = torch.zeros(channels, 3, 3, 3, dtype=exact, device=grad.device)
        for start, stop in blocks.first_planes(volume, channels, dtype):
            seen = blocks.patches(volume, start, stop, dtype)
            slope = grad[:, start:stop].reshape(-1, channels)
            index = which[:, start:stop].reshape(-1, channels).to(dtype)
            for where, members in blocks.groups(span):
                parts = [blocks.chosen(slope, index, member) for member in members]
                slopes = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
                product = seen[where].reshape(taps, -1) @ slopes
                for part in _unspread(product.to(exact), span):
                    total += part
        flat = grad.reshape(-1, channels)
        return None, total[:, None].to(dtype), flat.sum(0, dtype=exact).to(dtype)


def _unspread(product: Tensor, span: int) -> list[Tensor]:
    """Of (taps, offsets x channels) the 3^3 taps of each offset: (channels, 3, 3, 3)."""
    edge = 2 + span
    cube = product.view(edge, edge, edge, span**3, -1)
    offsets = blocks.OFFSETS[: span**3]
    slices = [tuple(slice(o, o + 3) for o in offset) for offset in offsets]
    return [cube[where][..., n, :].permute(3, 0, 1, 2) for n, where in enumerate(slices)]


def _add_moments(seen: Tensor, parts: int, sums: Tensor, products: Tensor) -> None:
    """Sums of short float32 products in float64 are exact enough, and faster than all float64."""
    exact = seen.to(torch.promote_types(seen.dtype, torch.float32)).view(64, parts, -1)
    sums += exact.sum(2).sum(1, dtype=torch.float64)
    exact = exact.transpose(0, 1)
    products += torch.bmm(exact, exact.transpose(1, 2)).sum(0, dtype=torch.float64)


# Blocks two and three


class _Convolution(Function):
    """Batch norm and ReLU of what was kept, convolution, pooling; with the outputs' moments."""

    @staticmethod
    def forward(ctx, kept, mean, scale, shift, weight, bias):
        norm, dtype = (mean, scale, shift), kept.dtype
        batch, *edges, _ = kept.shape
        channels, statistics = len(weight), blocks.Statistics()
        shape = (batch, *(edge // 2 for edge in edges), channels)
        half = weight.to(dtype).contiguous(memory_format=torch.channels_last_3d)
        outputs = kept.new_empty((batch, *edges, channels))
        pooled = kept.new_empty(shape)
        which = torch.empty(shape, dtype=torch.uint8, device=kept.device)
        for start, stop in blocks.planes(kept, channels):
            inside, sides = blocks.with_neighbours(2 * start, 2 * stop, edges[0])
            active, padding = blocks.convolution_input(batchnorm_relu(kept[:, inside], norm), sides)
            result = nn.functional.conv3d(active, half, bias.to(dtype), padding=padding)
            result = result.permute(0, 2, 3, 4, 1).contiguous()
            outputs[:, 2 * start : 2 * stop] = result
            statistics.add(result)
            best, index = blocks.largest(blocks.windows(result))
            pooled[:, start:stop], which[:, start:stop] = best, index
        moments = statistics.result(mean.dtype)
        ctx.save_for_backward(kept, *norm, weight, outputs, which, moments[0])
        return pooled, *moments

    @staticmethod
    @once_differentiable
    def backward(ctx, grad, to_mean, to_var):
        kept, mean, scale, shift, weight, outputs, which, centre = ctx.saved_tensors
        norm, dtype, length = (mean, scale, shift), kept.dtype, kept.shape[1]
        channels, count = len(weight), outputs[..., 0].numel()
        half = weight.to(dtype).contiguous(memory_format=torch.channels_last_3d)
        dense = (centre, 2 * to_var / count, to_mean / count)
        to_kept = torch.zeros_like(kept)
        to_weight = torch.zeros_like(weight)
        to_bias, to_scale, to_shift = (torch.zeros_like(x) for x in (to_mean, scale, shift))
        for start, stop in blocks.planes(kept, channels):
            inside, sides = blocks.with_neighbours(2 * start, 2 * stop, length)
            slope = blocks.affine(outputs[:, 2 * start : 2 * stop], *dense)
            index = which[:, start:stop].to(dtype)
            for number, window in enumerate(blocks.windows(slope)):
                window += blocks.chosen(grad[:, start:stop], index, number)
            active, padding = blocks.convolution_input(batchnorm_relu(kept[:, inside], norm), sides)
            given = blocks.channels_first(slope), active, half
            how = ([channels], [1] * 3, padding, [1] * 3, False, [0] * 3, 1, [True] * 3)
            below, *parts = torch.ops.aten.convolution_backward(*given, *how)
            to_weight += parts[0]
            to_bias += parts[1]
            below = below.permute(0, 2, 3, 4, 1)
            if padding[0] == 0:  # the planes of zeros
                below = below[:, sides[0] : below.shape[1] - sides[1]]
            to_kept[:, inside] += below
        for start, stop in blocks.planes(kept, channels):
            part = kept[:, 2 * start : 2 * stop]
            slope = to_kept[:, 2 * start : 2 * stop]
            below, *sums = batchnorm_relu_backward(slope, batchnorm_relu(part, norm), part, norm)
            to_kept[:, 2 * start : 2 * stop] = below
            to_scale += sums[0]
            to_shift += sums[1]
        return to_kept, -scale * to_shift, to_scale, to_shift, to_weight, to_bias
