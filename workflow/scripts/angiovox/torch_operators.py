"""The projectors of `projection` and `backprojection` in torch: for GPUs and for gradients.

They take tensors of any floating type on any device that has float64 for the geometry, and carry
gradients, of any order, to their tensor. Besides tensor and results no more than `BUDGET` bytes
are held at a time, in either direction; a graph keeps one small integer for each maximum or
minimum, and nothing for a sum.

Weights and sums are float32 where the tensor is shorter, so that a float16 or bfloat16 result is
the float32 one rounded once. A sum that float16 cannot hold (65504) becomes infinite.

Results do not depend on the number of threads. On a GPU the gradients of maxima and minima are
scattered, and may differ in their last bits from run to run; nothing else does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from .geometry import rotation_table

# Half of it for a slab of levels; a quarter for geometry, a quarter for the lines being blended.
BUDGET = 256 << 20
POINT_BYTES = 160  # what geometry takes for a point of a plane, while it is worked out


def project_max(volume: Tensor, angles: np.ndarray) -> Tensor:
    """Rotate about z, then take the maximum along the second axis, for each angle.

    Parameters
    ----------
    volume : (x, y, z) floating-point tensor of finite numbers.
    angles : (views,) degrees; see `geometry.rotation_table` for the sense of rotation.

    Returns
    -------
    (views, detector, z) tensor like `volume`, as `projection.project_max` gives it. The gradient
        of a maximum flows to the voxels around the place on its ray that gives it.

    Raises
    ------
    ValueError : the tensor is not three-dimensional, or not of a floating type.
    """
    _check(volume, "volume has 3 axes (x, y, z)")
    return _largest(volume, _rays(angles, *volume.shape[:2], volume.device), sign=1)


def project_sum(volume: Tensor, angles: np.ndarray) -> Tensor:
    """Split each voxel by linear weights over its two detector bins, and sum, for each angle.

    This is the exact adjoint of the sum that `back_project` gives: for any volume and projections
    `(project_sum(volume) * projections).sum() == (volume * back_project(projections)[0]).sum()`.

    Parameters
    ----------
    volume : (x, y, z) floating-point tensor.
    angles : (views,) degrees.

    Returns
    -------
    (views, detector, z) tensor like `volume`, in its units times voxels.

    Raises
    ------
    ValueError : the tensor is not three-dimensional, or not of a floating type.
    """
    _check(volume, "volume has 3 axes (x, y, z)")
    voxels = _voxels(angles, *volume.shape[:2], volume.device)
    return _Linear.apply(volume, _scatter, _gather, voxels, None)


def back_project(projections: Tensor, angles: np.ndarray, depth: int) -> tuple[Tensor, Tensor]:
    """Repeat each projection along depth, rotate it back, and combine all views.

    Parameters
    ----------
    projections : (views, detector, z) floating-point tensor.
    angles : (views,) degrees, the same as those projected at.
    depth : length of the y axis of the volume; x is as long as the detector.

    Returns
    -------
    total, bound : (x, y, z) tensors like `projections`, the sum and the minimum over views, as
        `backprojection.back_project` gives them. The gradient of the minimum flows to the view
        that gives it.

    Raises
    ------
    ValueError : as many angles as projections are needed; the tensor is not three-dimensional, or
        not of a floating type.
    """
    _check(projections, "stack of projections has 3 axes (views, detector, z)")
    if len(projections) != len(angles):
        raise ValueError(f"{len(projections)} projections but {len(angles)} angles")
    voxels = _voxels(angles, projections.shape[1], depth, projections.device)
    total = _Linear.apply(projections, _gather, _scatter, voxels, None)
    return total, _largest(projections, voxels, sign=-1)


@dataclass(frozen=True)
class _Samples:
    """Where each target is sampled among the source's lines, which run along z.

    A sample blends the lines `first + offsets` by weights; `places` gives both for steps of
    targets, either of them a number or a tensor. Samples outside the source lie on the lines after
    its last one.
    """

    source: tuple[int, int]
    target: tuple[int, int]
    steps: int  # samples of each target
    offsets: tuple[int, ...]
    places: Callable[[Tensor, Tensor, torch.dtype], tuple[Tensor, list[Tensor]]]

    @property
    def lines(self) -> int:
        return math.prod(self.source)

    @property
    def targets(self) -> int:
        return math.prod(self.target)

    @property
    def beyond(self) -> int:
        """How many lines after the last one samples outside may touch."""
        return self.offsets[-1] + 1

    def bags(self, target: Tensor, step: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Lines and weights (..., offsets) of samples."""
        first, weights = self.places(target, step, dtype)
        rows = torch.stack([first + offset for offset in self.offsets], dim=-1)
        return rows, torch.stack(weights, dim=-1)


def _rays(angles: np.ndarray, nx: int, ny: int, device: torch.device) -> _Samples:
    """Rays (views, detector) through a plane (x, y): bilinear, a sample at each depth."""
    table = torch.as_tensor(rotation_table(angles), device=device)

    def places(target, step, dtype):
        cos, sin = table[target // nx].unbind(-1)
        x, y, visible = _turn(nx, ny, cos, sin, target % nx, step)
        (x0, fx), (y0, fy) = _below(x, nx, dtype), _below(y, ny, dtype)
        weights = [(1 - fx) * (1 - fy), (1 - fx) * fy, fx * (1 - fy), fx * fy]
        return torch.where(visible, x0 * ny + y0, nx * ny), weights

    across, along = ny * (nx > 1), int(ny > 1)
    offsets = (0, along, across, across + along)
    return _Samples((nx, ny), (len(table), nx), ny, offsets, places)


def _voxels(angles: np.ndarray, nx: int, ny: int, device: torch.device) -> _Samples:
    """Voxels (x, y) on lines of detectors (views, detector): linear, a sample in each view."""
    table = torch.as_tensor(rotation_table(angles), device=device)

    def places(target, step, dtype):
        cos, sin = table[step].unbind(-1)
        u, _, visible = _turn(nx, ny, cos, -sin, target // ny, target % ny)
        u0, fraction = _below(u, nx, dtype)
        return torch.where(visible, step * nx + u0, len(table) * nx), [1 - fraction, fraction]

    return _Samples((len(table), nx), (nx, ny), len(table), (0, int(nx > 1)), places)


def _turn(
    nx: int, ny: int, cos: Tensor, sin: Tensor, first: Tensor, second: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Where points of a plane (nx, ny) fall once turned, and which of them inside it.

    Rotated frame to patient's; with `-sin` it is the way back.
    """
    # In float64 whatever the volume is in: the edge must fall as it does in the numba kernels.
    first, second = first.double() - (nx - 1) / 2, second.double() - (ny - 1) / 2
    x = (nx - 1) / 2 + cos * first + sin * second
    y = (ny - 1) / 2 - sin * first + cos * second
    return x, y, (x >= 0) & (x <= nx - 1) & (y >= 0) & (y <= ny - 1)


def _below(position: Tensor, count: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Index below each position of an axis, and the linear weight of the one above."""
    position = position.clamp(0, count - 1)
    lower = position.long().clamp_(max=max(count - 2, 0))
    return lower, (position - lower).to(dtype)


class _Linear(torch.autograd.Function):
    """A linear map and its adjoint: the gradient of either is the other, as often as one asks."""

    @staticmethod
    def forward(ctx, tensor, operate, adjoint, samples, known, *kept):
        """`known` is the map's result, where there is one already."""
        ctx.maps = operate, adjoint, samples
        ctx.save_for_backward(*kept)
        return operate(tensor, samples, *kept) if known is None else known

    @staticmethod
    def backward(ctx, gradient):
        operate, adjoint, samples = ctx.maps
        result = _Linear.apply(gradient, adjoint, operate, samples, None, *ctx.saved_tensors)
        return result, *[None] * (4 + len(ctx.saved_tensors))


def _gather(tensor: Tensor, samples: _Samples) -> Tensor:
    """Sum of each target's samples."""
    result = tensor.new_empty(samples.targets, tensor.shape[2])
    step = torch.arange(samples.steps, device=tensor.device)
    for levels in _slabs(tensor, samples):
        lines = _lines(tensor, levels, samples.beyond)
        for block in _blocks(samples.targets, _points() // samples.steps):
            rows, weights = samples.bags(_range(block, tensor)[:, None], step, lines.dtype)
            result[block, levels] = _blend(lines, rows.flatten(1), weights.flatten(1))
    return result.view(*samples.target, -1)


def _scatter(tensor: Tensor, samples: _Samples) -> Tensor:
    """The adjoint of `_gather`. What falls on a line is sorted first: no race, on any device."""
    result = tensor.new_empty(samples.lines, tensor.shape[2])
    for levels in _slabs(tensor, samples):
        lines = _lines(tensor, levels)
        sums = lines.new_zeros(samples.lines, lines.shape[1])
        for block in _blocks(samples.steps * samples.targets, _points()):
            point = _range(block, tensor)
            step, target = point // samples.targets, point % samples.targets
            rows, weights = samples.bags(target, step, lines.dtype)
            rows, order = rows.flatten().sort(stable=True)
            order = order[: (rows < samples.lines).sum()]
            used, counts = rows[: len(order)].unique_consecutive(return_counts=True)
            shares = target[order // weights.shape[-1]], weights.flatten()[order]
            sums[used] += _blend(lines, *shares, counts.cumsum(0) - counts)
        result[:, levels] = sums
    return result.view(*samples.source, -1)


def _largest(tensor: Tensor, samples: _Samples, sign: int) -> Tensor:
    """The largest (sign 1) or smallest (sign -1) sample of each target.

    A target without any takes the least or the greatest value of the tensor, in this order.
    """
    wanted = tensor.requires_grad and torch.is_grad_enabled()
    with torch.no_grad():
        outside = _place_of_least(tensor, sign)
        value, winner = _search(tensor, samples, sign, outside, wanted)
    if not wanted:
        return value
    return _Linear.apply(tensor, _pick, _put, samples, value, winner, outside)


def _search(
    tensor: Tensor, samples: _Samples, sign: int, outside: Tensor, wanted: bool
) -> tuple[Tensor, Tensor | None]:
    """Value of each target's largest or smallest sample, and its number where that is wanted."""
    value = tensor.new_empty(samples.targets, tensor.shape[2])
    winner = torch.empty_like(value, dtype=_count_type(samples.steps)) if wanted else None
    floor = sign * tensor[tuple(outside)].to(_working_type(tensor))
    # Below any sample from inside, and finite, since its weight may be 0.
    beyond = torch.finfo(floor.dtype).min
    for levels in _slabs(tensor, samples):
        lines = _lines(tensor, levels, samples.beyond, beyond, sign)
        for block in _blocks(samples.targets, BUDGET // 16 // lines[0].nbytes):
            best, number = _best(lines, samples, _range(block, tensor), wanted)
            value[block, levels] = torch.maximum(best, floor).mul_(sign).to(value.dtype)
            if wanted:
                winner[block, levels] = number.to(winner.dtype)
    return value.view(*samples.target, -1), winner


def _best(lines: Tensor, samples: _Samples, target: Tensor, wanted: bool) -> tuple[Tensor, Tensor]:
    """Largest sample of some targets, and its number as a float."""
    best = lines.new_full((len(target), lines.shape[1]), -torch.inf)
    winner = torch.zeros_like(best)
    for block in _blocks(samples.steps, _points() // len(target)):
        steps = _range(block, lines)
        rows, weights = samples.bags(target, steps[:, None], lines.dtype)
        for number, *bags in zip(range(block.start, block.stop), rows, weights, strict=True):
            sample = _blend(lines, *bags)
            higher = torch.maximum(best, sample, out=sample)
            if wanted:
                # Comparing into floats: into masks took three times as long on a CPU.
                torch.maximum(winner, best.lt_(higher).mul_(number), out=winner)
            best = higher
    return best, winner


def _pick(tensor: Tensor, samples: _Samples, winner: Tensor, outside: Tensor) -> Tensor:
    """Value of the sample that `winner` numbers, for each target and level."""
    result = tensor.new_empty(samples.targets, tensor.shape[2])
    for levels in _slabs(tensor, samples):
        lines = _lines(tensor, levels, samples.beyond, tensor[tuple(outside)])
        for block in _blocks(samples.targets, _points() // lines.shape[1]):
            parts = _parts(samples, block, winner[block, levels], lines.dtype)
            values = sum(weight * lines.gather(0, row) for row, weight in parts)
            result[block, levels] = values.to(result.dtype)
    return result.view(*samples.target, -1)


def _put(tensor: Tensor, samples: _Samples, winner: Tensor, outside: Tensor) -> Tensor:
    """The adjoint of `_pick`."""
    result = tensor.new_empty(samples.lines, tensor.shape[2])
    away = 0
    for levels in _slabs(tensor, samples):
        lines = _lines(tensor, levels)
        sums = lines.new_zeros(samples.lines + samples.beyond, lines.shape[1])
        for block in _blocks(samples.targets, _points() // lines.shape[1]):
            for row, weight in _parts(samples, block, winner[block, levels], lines.dtype):
                sums.scatter_add_(0, row, weight * lines[block])
        result[:, levels] = sums[: samples.lines].to(result.dtype)
        away = away + sums[samples.lines :].sum()
    result = result.view(*samples.source, -1)
    result[tuple(outside)] += away
    return result


def _parts(
    samples: _Samples, block: slice, winner: Tensor, dtype: torch.dtype
) -> Iterator[tuple[Tensor, Tensor]]:
    """Lines and weights that a block's winning samples are made of, offset by offset."""
    first, weights = samples.places(_range(block, winner)[:, None], winner.long(), dtype)
    return zip((first + offset for offset in samples.offsets), weights, strict=True)


def _blend(lines: Tensor, rows: Tensor, weights: Tensor, starts: Tensor | None = None) -> Tensor:
    """Weighted sum of the lines in each row of `rows`, or in each part of it that starts there."""
    return embedding_bag(rows, lines, starts, mode="sum", per_sample_weights=weights)


def _lines(
    tensor: Tensor, levels: slice, beyond: int = 0, fill: float | Tensor = 0.0, sign: int = 1
) -> Tensor:
    """Some levels of a tensor as lines to blend, times `sign`, and lines beyond the last one."""
    part = tensor[:, :, levels]
    count = part.shape[0] * part.shape[1]
    lines = part.new_empty(count + beyond, part.shape[2], dtype=_working_type(tensor))
    lines[:count].view(part.shape).copy_(part).mul_(sign)
    lines[count:] = fill
    return lines


def _place_of_least(tensor: Tensor, sign: int) -> Tensor:
    """Indices (3,) of the least (sign 1) or greatest (sign -1) value."""
    extreme = torch.amin if sign > 0 else torch.amax
    x = (sign * extreme(tensor, dim=(1, 2))).argmin()
    plane = sign * tensor[x]
    return torch.stack([x, *torch.unravel_index(plane.argmin(), plane.shape)])


def _slabs(tensor: Tensor, samples: _Samples) -> list[slice]:
    """Levels to hold at a time, both as source and as target."""
    lines = samples.lines + samples.beyond + samples.targets
    return _blocks(tensor.shape[2], BUDGET // 2 // (lines * _working_type(tensor).itemsize))


def _points() -> int:
    """Points of a plane to work out at a time."""
    return BUDGET // 4 // POINT_BYTES


def _blocks(count: int, size: int) -> list[slice]:
    """Even parts of a range, of at most `size` and at least 1."""
    num_blocks = math.ceil(count / max(size, 1))
    bounds = [count * block // num_blocks for block in range(num_blocks + 1)]
    return [slice(*pair) for pair in pairwise(bounds)]


def _range(block: slice, like: Tensor) -> Tensor:
    return torch.arange(block.start, block.stop, device=like.device)


def _working_type(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32)


def _count_type(count: int) -> torch.dtype:
    """The smallest integer that can number `count` things from 0."""
    types = (torch.uint8, torch.int16, torch.int32)
    return next(dtype for dtype in types if count <= torch.iinfo(dtype).max + 1)


def _check(tensor: Tensor, kind: str) -> None:
    if tensor.ndim != 3:
        raise ValueError(f"a {kind}, this tensor has shape {tuple(tensor.shape)}")
    if not tensor.is_floating_point():
        raise ValueError(f"a tensor of {tensor.dtype}: convert it to a floating type first")
