"""The decoder's part of `fused`: transposed convolutions as products of matrices, and the loss.

Eight outputs of each input stand in a row; the target is brought into that order, not they into
the volume's.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from . import blocks
from .blocks import batchnorm_relu, batchnorm_relu_backward
from .focal_loss import focal_terms
from .layer_sizes import padded

OUTSIDE = 2  # in the target: a voxel of the padding


def in_order_of_blocks(target: Tensor) -> Tensor:
    """(batch, x, y, z) as rows of 8 uint8, in the order of the decoder's outputs."""
    batch, *shape = target.shape
    whole = [padded(edge) for edge in shape]
    truth = torch.full((batch, *whole), OUTSIDE, dtype=torch.uint8, device=target.device)
    x, y, z = shape
    truth[:, :x, :y, :z] = target > 0
    halves = [part for edge in whole for part in (edge // 8, 2, 2, 2)]
    order = [0, 1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12]
    return truth.view(batch, *halves).permute(order).reshape(-1, 8)


def _rows(kept: Tensor, outputs: int):
    each = (3 * kept.shape[1] + 2 * outputs) * kept.itemsize
    return blocks.slabs(len(kept), each, kept.device)


class Transposed(Function):
    """Batch norm and ReLU of rows (voxels, channels), then a product: eight voxels from each."""

    @staticmethod
    def forward(ctx, kept, mean, scale, shift, weight, bias):
        norm, statistics = (mean, scale, shift), blocks.Statistics()
        half, offset = weight.to(kept.dtype), bias.to(kept.dtype)
        outputs = kept.new_empty((len(kept), weight.shape[1]))
        for start, stop in _rows(kept, weight.shape[1]):
            active = batchnorm_relu(kept[start:stop], norm)
            torch.addmm(offset, active, half, out=outputs[start:stop])
            statistics.add(outputs[start:stop].view(-1, weight.shape[1] // 8))
        outputs = outputs.view(8 * len(kept), -1)
        moments = statistics.result(mean.dtype)
        ctx.save_for_backward(kept, *norm, weight, outputs, moments[0])
        return outputs, *moments

    @staticmethod
    @once_differentiable
    def backward(ctx, grad, to_mean, to_var):
        kept, mean, scale, shift, weight, outputs, centre = ctx.saved_tensors
        count, channels = outputs.shape
        dense = (centre, 2 * to_var / count, to_mean / count)
        sums = _Sums(weight, scale)
        to_kept = torch.empty_like(kept)
        for start, stop in _rows(kept, weight.shape[1]):
            slope = blocks.affine(outputs[8 * start : 8 * stop], *dense)
            slope = slope.add_(grad[8 * start : 8 * stop]).view(stop - start, 8 * channels)
            to_kept[start:stop] = sums.back(slope, kept[start:stop], (mean, scale, shift), weight)
        return to_kept, -scale * sums.shift, sums.scale, sums.shift, sums.weight, sums.bias


class _Sums:
    """Gradients of what all rows of a product share."""

    def __init__(self, weight: Tensor, scale: Tensor):
        self.weight, self.bias = torch.zeros_like(weight), weight.new_zeros(weight.shape[1])
        self.scale, self.shift = torch.zeros_like(scale), torch.zeros_like(scale)

    def back(self, slope: Tensor, kept: Tensor, norm: tuple, weight: Tensor) -> Tensor:
        """The gradient of kept rows, from that of the product's."""
        active = batchnorm_relu(kept, norm)
        self.weight += active.t() @ slope
        self.bias += slope.sum(0, dtype=self.bias.dtype)
        below = slope @ weight.to(kept.dtype).t()
        below, scale, shift = batchnorm_relu_backward(below, active, kept, norm)
        self.scale += scale
        self.shift += shift
        return below


class Loss(Function):
    """Batch norm, ReLU, the last product and the loss; with the voxels that agree."""

    @staticmethod
    def forward(
        ctx, kept, mean, scale, shift, weight, bias, truth, alpha, gamma, loss_scale, count
    ):
        half, offset = weight.to(kept.dtype), bias.to(kept.dtype)
        slopes = kept.new_empty(truth.shape)
        loss = torch.zeros((), dtype=torch.float64, device=kept.device)
        hits, union = (torch.zeros((), dtype=torch.int64, device=kept.device) for _ in range(2))
        for start, stop in blocks.slabs(len(kept), 8 * 50 + 4 * kept.shape[1], kept.device):
            active = batchnorm_relu(kept[start:stop], (mean, scale, shift))
            logits, target = torch.addmm(offset, active, half), truth[start:stop]
            inside = target != OUTSIDE
            terms, slope = focal_terms(logits, target == 1, alpha, gamma)
            slopes[start:stop] = slope * inside
            loss += (terms * inside).sum(dtype=torch.float64)
            predicted = (logits >= 0) & inside
            hits += (predicted & (target == 1)).sum()
            union += (predicted | (target == 1)).sum()
        ctx.save_for_backward(kept, mean, scale, shift, weight, slopes)
        ctx.factor = loss_scale / count
        ctx.mark_non_differentiable(hits, union)
        return (loss / count).to(torch.promote_types(kept.dtype, torch.float32)), hits, union

    @staticmethod
    @once_differentiable
    def backward(ctx, grad, *_):
        kept, mean, scale, shift, weight, slopes = ctx.saved_tensors
        sums, factor = _Sums(weight, scale), grad * ctx.factor
        to_kept = torch.empty_like(kept)
        for start, stop in _rows(kept, 8):
            slope = (slopes[start:stop] * factor.to(mean.dtype).view(1, 1)).to(kept.dtype)
            to_kept[start:stop] = sums.back(slope, kept[start:stop], (mean, scale, shift), weight)
        shared = (-scale * sums.shift, sums.scale, sums.shift, sums.weight, sums.bias)
        return to_kept, *shared, *[None] * 5
