"""The encoder's part of `fused`: convolutions and pooling in slabs, with their gradients.

Outputs are pooled before batch norm and ReLU, so that an eighth of them is kept, with the place of
each window's largest.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from . import blocks
from .blocks import batchnorm_relu, batchnorm_relu_backward


class FirstConvolution(Function):
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


class Convolution(Function):
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
