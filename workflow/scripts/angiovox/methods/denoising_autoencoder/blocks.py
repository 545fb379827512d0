"""The network's blocks slab by slab, so that no tensor has channels at full resolution.

Activations are (batch, x, y, z, channels), contiguous. What lies between two blocks is a
convolution's output before batch norm and ReLU: both are cheap to do again and costly to keep.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from ...training.learner import fractions

TEMPORARY = {"cpu": 1 << 26, "cuda": 1 << 29}  # bytes of what a slab needs at a time
ROWS = 1 << 14  # that float32 adds up without losing digits
OFFSETS = [(i, j, k) for i in range(2) for j in range(2) for k in range(2)]  # within a window


def slabs(length: int, bytes_each: int, device: torch.device) -> Iterator[tuple[int, int]]:
    """Ranges of planes or rows, each as long as the memory for temporaries allows."""
    step = max(1, TEMPORARY.get(device.type, TEMPORARY["cuda"]) // max(1, bytes_each))
    for start in range(0, length, step):
        yield start, min(start + step, length)


def affine(x: Tensor, mean: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """(x - mean) scale + shift for each channel; batch norm's kernel computes half precision in
    float32 and is several times faster than the operations one by one."""
    flat = x.reshape(-1, x.shape[-1])
    one = torch.ones_like(mean)
    return torch.batch_norm(flat, scale, shift, mean, one, False, 0.0, 0.0, False).view(x.shape)


def batchnorm_relu(x: Tensor, norm: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Batch norm, given as mean, scale and shift, and ReLU."""
    return affine(x, *norm).relu_()


def batchnorm_relu_backward(
    grad: Tensor, active: Tensor, x: Tensor, norm: tuple[Tensor, Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, scale and shift from that of `active`, `batchnorm_relu(x, norm)`."""
    mean, scale, _ = norm
    channels = x.shape[-1]
    grad = torch.ops.aten.threshold_backward(grad, active, 0).reshape(-1, channels)
    one = torch.ones_like(mean)
    flat = x.reshape(-1, channels)
    args = (grad, flat, scale, mean, one, mean, one, False, 0.0, [True, True, True])
    to_x, to_scale, to_shift = torch.ops.aten.native_batch_norm_backward(*args)
    return to_x.view(x.shape), to_scale, to_shift


class Statistics:
    """Mean and variance of each channel, slab after slab, without cancellation."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, x: Tensor) -> None:
        """Take in a slab; its last dimension is the channels."""
        flat = x.reshape(-1, x.shape[-1])
        if x.is_cuda:
            for start, stop in slabs(len(flat), 12 * x.shape[-1], x.device):
                exact = flat[start:stop].to(torch.promote_types(x.dtype, torch.float32))
                mean = exact.mean(0)
                self._add(len(exact), mean, (exact - mean).square_().sum(0))
        else:
            # Batch norm's own kernel takes a tenth of the time of mean and squares one by one; the
            # running statistics that it wants decide the results' type.
            unused = flat.new_zeros(
                flat.shape[1], dtype=torch.promote_types(x.dtype, torch.float32)
            )
            for part in flat.split(ROWS):
                mean, var = torch.ops.aten.batch_norm_update_stats(part, unused, unused, 0.0)
                self._add(len(part), mean, len(part) * var.double())

    def _add(self, count: int, mean: Tensor, squares: Tensor) -> None:
        mean, squares = mean.double(), squares.double()
        total, apart = self.count + count, mean - self.mean
        self.squares = self.squares + squares + apart.square() * (self.count * count / total)
        self.mean = self.mean + apart * (count / total)
        self.count = total

    def result(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Mean and biased variance."""
        return self.mean.to(dtype), (self.squares / self.count).to(dtype)


# Pooling


def windows(x: Tensor) -> list[Tensor]:
    """The eight voxels of each pooling window, each (batch, x/2, y/2, z/2, channels), no copies."""
    return [x[:, i::2, j::2, k::2] for i, j, k in OFFSETS]


def largest(parts: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The first largest of some tensors at each place, and as uint8 which one that was."""
    if parts[0].is_cuda:
        best, which = torch.stack(parts).max(0)
        return best, which.to(torch.uint8)
    # On a CPU numbers as masks take a tenth of the time that booleans or indices do.
    best = parts[0].clone()
    which, larger = torch.zeros_like(best), torch.empty_like(best)
    for index, part in enumerate(parts[1:], start=1):
        torch.gt(part, best, out=larger)
        torch.maximum(best, part, out=best)
        torch.maximum(which, larger.mul_(index), out=which)
    return best, which.to(torch.uint8)


def chosen(grad: Tensor, which: Tensor, index: int) -> Tensor:
    """The gradient where a window's largest was this one, else 0; `which` in grad's dtype."""
    return torch.eq(which, index, out=torch.empty_like(grad)).mul_(grad)


# The first convolution: one input channel, as products of matrices


def padded(volume: Tensor, stride: int) -> Tensor:
    """(batch, x, y, z) with edges repeated to multiples of the stride, in the volume's own type."""
    kind = volume.dtype
    if kind is torch.uint16:  # which few operations on a GPU know; the bits are the same
        volume = volume.view(torch.int16)
    for axis in (1, 2, 3):
        if margin := -volume.shape[axis] % stride:
            last = volume.narrow(axis, volume.shape[axis] - 1, 1)
            volume = torch.cat([volume, *[last] * margin], dim=axis)
    return volume.view(kind)


def patches(volume: Tensor, start: int, stop: int, dtype: torch.dtype) -> Tensor:
    """(4, 4, 4, windows): what the eight outputs of each pooling window see, zeros outside.

    start, stop : range of the pooled planes.
    """
    batch, length, *edges = volume.shape
    exact = torch.promote_types(dtype, torch.float32)
    first, last = 2 * start - 1, 2 * stop + 1
    inside = slice(max(first, 0), min(last, length))
    slab = volume.new_zeros((batch, last - first, *(edge + 2 for edge in edges)), dtype=dtype)
    at = slice(inside.start - first, inside.stop - first)
    slab[:, at, 1:-1, 1:-1] = fractions(volume[:, inside], exact)
    seen = slab.unfold(1, 4, 2).unfold(2, 4, 2).unfold(3, 4, 2)
    return seen.permute(4, 5, 6, 0, 1, 2, 3).reshape(4, 4, 4, -1)


def spread(weight: Tensor, span: int) -> Tensor:
    """Kernels (channels, 1, 3, 3, 3) at each of span^3 offsets: (taps, offsets, channels)."""
    offsets = [(i, j, k) for i in range(span) for j in range(span) for k in range(span)]
    last = span - 1
    at = [(k, last - k, j, last - j, i, last - i) for i, j, k in offsets]
    moved = torch.stack([functional.pad(weight[:, 0], margins) for margins in at])
    return moved.flatten(2).permute(2, 0, 1)


def span_on(device: torch.device) -> int:
    """How many outputs of a window along each axis are one product: on a GPU all eight, which
    reads the patches once; on a CPU one, which multiplies no zeros."""
    return 1 if device.type == "cpu" else 2


def groups(span: int) -> list[tuple[tuple[slice, ...], list[int]]]:
    """Which of the 4^3 taps and of the eight outputs belong to each product."""
    if span == 2:
        return [((slice(None),) * 3, list(range(8)))]
    return [(tuple(slice(o, o + 3) for o in offset), [n]) for n, offset in enumerate(OFFSETS)]


def first_outputs(seen: Tensor, weight: Tensor, span: int) -> list[Tensor]:
    """The eight outputs of each window, each (windows, channels), without bias."""
    kernel = spread(weight, span)
    taps, matrix = len(kernel), kernel.flatten(1)
    outputs = []
    for where, _ in groups(span):
        products = seen[where].reshape(taps, -1).t() @ matrix
        outputs += products.view(len(products), *kernel.shape[1:]).unbind(1)
    return outputs


def first_planes(volume: Tensor, channels: int, dtype: torch.dtype) -> Iterator[tuple[int, int]]:
    """Slabs of pooled planes for the first convolution."""
    batch, x, y, z = volume.shape
    each = batch * (y // 2) * (z // 2) * (10 * channels + 128) * dtype.itemsize
    return slabs(x // 2, each, volume.device)


# The other convolutions


def planes(x: Tensor, channels: int) -> Iterator[tuple[int, int]]:
    """Slabs of pooled planes for a convolution of x."""
    each = 2 * x[:, 0].numel() // x.shape[-1] * (2 * x.shape[-1] + 3 * channels) * x.itemsize
    # a slab computes two planes of its neighbours again, so it is thick
    return slabs(x.shape[1] // 2, each // 8, x.device)


def with_neighbours(start: int, stop: int, length: int) -> tuple[slice, list[int]]:
    """Planes that a slab of outputs sees, and how many of zeros on its two sides."""
    inside = slice(max(start - 1, 0), min(stop + 1, length))
    return inside, [int(start == 0), int(stop == length)]


def channels_first(x: Tensor) -> Tensor:
    """The view that PyTorch's convolutions want, which is contiguous as channels_last_3d."""
    return x.permute(0, 4, 1, 2, 3)


def convolution_input(active: Tensor, sides: list[int]) -> tuple[Tensor, list[int]]:
    """Channels first and with planes of zeros where the volume ends, and the padding left to do."""
    if sides == [1, 1]:
        return channels_first(active), [1, 1, 1]
    return functional.pad(channels_first(active), (0, 0, 0, 0, *sides)), [0, 1, 1]
