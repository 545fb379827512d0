"""Lines along z sampled from one another: sums, extremes and their adjoints, in bounded memory.

A tensor (a, b, z) is a * b lines. `Samples` says where a projector samples them; the work goes slab
of levels by slab and block of lines by block, so that besides what comes in and goes out no more
than `BUDGET` bytes are held at a time, whatever the size, down to one level and one line. Each
slab is widened to at least float32 as it is read, and results are rounded as they are written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

# Half of it for a slab, a quarter for the geometry of points, some sixteenths for lines in work.
BUDGET = 256 << 20
POINT_BYTES = 160  # of a point while its lines and weights are worked out


@dataclass(frozen=True)
class Samples:
    """Where each target line is sampled among the source's lines.

    A sample blends the lines `first + offsets` by weights; `places` gives both for steps of
    targets and a type of weights. What is outside the source lies on the lines after its last one.
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
        """How many lines after the last one are touched by samples outside."""
        return self.offsets[-1] + 1

    def bags(self, target: Tensor, step: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Lines and weights (..., offsets) of samples."""
        first, weights = self.places(target, step, dtype)
        rows = torch.stack([first + offset for offset in self.offsets], dim=-1)
        return rows, torch.stack(weights, dim=-1)

    def parts(
        self, block: slice, step: Tensor, dtype: torch.dtype
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Lines and weights of one sample for each target of a block and level, by offset."""
        first, weights = self.places(_range(block, step)[:, None], step.long(), dtype)
        return zip((first + offset for offset in self.offsets), weights, strict=True)


def gather(tensor: Tensor, samples: Samples) -> Tensor:
    """Sum of each target's samples; nothing is outside."""
    result, flat = _result(tensor, samples.target)
    step = torch.arange(samples.steps, device=tensor.device)
    for levels in _slabs(tensor, samples):
        lines = _lines(tensor, levels, samples.beyond)
        for block in _blocks(samples.targets, min(_points() // samples.steps, _work(lines))):
            rows, weights = samples.bags(_range(block, tensor)[:, None], step, lines.dtype)
            flat[block, levels] = _blend(lines, rows.flatten(1), weights.flatten(1))
    return result


def scatter(tensor: Tensor, samples: Samples) -> Tensor:
    """The adjoint of `gather`. What falls on a line is sorted first: no race, on any device."""
    result, flat = _result(tensor, samples.source)
    count = samples.steps * samples.targets
    for levels in _slabs(tensor, samples):
        lines = _lines(tensor, levels)
        sums = lines.new_zeros(samples.lines, lines.shape[1])
        for block in _blocks(count, min(_points(), _work(lines) * count // max(samples.lines, 1))):
            point = _range(block, tensor)
            step, target = point // samples.targets, point % samples.targets
            rows, weights = samples.bags(target, step, lines.dtype)
            rows, order = rows.flatten().sort(stable=True)
            order = order[: (rows < samples.lines).sum()]
            used, counts = rows[: len(order)].unique_consecutive(return_counts=True)
            shares = target[order // weights.shape[-1]], weights.flatten()[order]
            sums[used] += _blend(lines, *shares, counts.cumsum(0) - counts)
        flat[:, levels] = sums
    return result


def search(
    tensor: Tensor, samples: Samples, sign: int, wanted: bool
) -> tuple[Tensor, Tensor | None, Tensor]:
    """The largest (sign 1) or smallest (sign -1) sample of each target, and where it is.

    Returns the values; the number of each one's sample, if that is `wanted`; and the indices (3,)
    of the tensor's extreme at the other end, which is the value of targets without a sample.
    """
    result, flat = _result(tensor, samples.target)
    winner = torch.empty_like(flat, dtype=_count_type(samples.steps)) if wanted else None
    outside = _place_of_least(tensor, sign)
    floor = sign * tensor[tuple(outside)].to(_working_type(tensor))
    # Below any sample from inside, so that a tie goes to one of those; finite times weight 0 is 0.
    below = torch.finfo(floor.dtype).min
    for levels in _slabs(tensor, samples):
        lines = _lines(tensor, levels, samples.beyond, below, sign)
        for block in _blocks(samples.targets, _work(lines)):
            best, number = _best(lines, samples, _range(block, tensor), wanted)
            flat[block, levels] = torch.maximum(best, floor).mul_(sign)
            if wanted:
                winner[block, levels] = number
    return result, winner, outside


def _best(lines: Tensor, samples: Samples, target: Tensor, wanted: bool) -> tuple[Tensor, Tensor]:
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


def pick(tensor: Tensor, samples: Samples, winner: Tensor, outside: Tensor) -> Tensor:
    """Value of the sample that `winner` numbers, for each target and level."""
    result, flat = _result(tensor, samples.target)
    for levels in _slabs(tensor, samples):
        lines = _lines(tensor, levels, samples.beyond, tensor[tuple(outside)])
        for block in _blocks(samples.targets, _points() // lines.shape[1]):
            parts = samples.parts(block, winner[block, levels], lines.dtype)
            values = sum(weight * lines.gather(0, row) for row, weight in parts)
            flat[block, levels] = values
    return result


def put(tensor: Tensor, samples: Samples, winner: Tensor, outside: Tensor) -> Tensor:
    """The adjoint of `pick`."""
    result, flat = _result(tensor, samples.source)
    away = 0
    for levels in _slabs(tensor, samples):
        lines = _lines(tensor, levels)
        sums = lines.new_zeros(samples.lines + samples.beyond, lines.shape[1])
        for block in _blocks(samples.targets, _points() // lines.shape[1]):
            for row, weight in samples.parts(block, winner[block, levels], lines.dtype):
                sums.scatter_add_(0, row, weight * lines[block])
        flat[:, levels] = sums[: samples.lines]
        away = away + sums[samples.lines :].sum()
    result[tuple(outside)] += away
    return result


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


def _result(tensor: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Room for a result like a tensor, and its lines."""
    result = tensor.new_empty(*shape, tensor.shape[2])
    return result, result.view(-1, tensor.shape[2])


def _place_of_least(tensor: Tensor, sign: int) -> Tensor:
    """Indices (3,) of the least (sign 1) or greatest (sign -1) value."""
    extreme = torch.amin if sign > 0 else torch.amax
    x = (sign * extreme(tensor, dim=(1, 2))).argmin()
    plane = sign * tensor[x]
    return torch.stack([x, *torch.unravel_index(plane.argmin(), plane.shape)])


def _slabs(tensor: Tensor, samples: Samples) -> list[slice]:
    """Levels to hold at a time, both as source and as target."""
    lines = samples.lines + samples.beyond + samples.targets
    return _blocks(tensor.shape[2], BUDGET // 2 // (lines * _working_type(tensor).itemsize))


def _points() -> int:
    """Points of a plane to work out at a time."""
    return BUDGET // 4 // POINT_BYTES


def _work(lines: Tensor) -> int:
    """Lines to work on at a time: 4 MB of them stay in a CPU's cache."""
    return BUDGET // 64 // lines[0].nbytes


def _blocks(count: int, size: int) -> list[slice]:
    """Even parts of a range, of at most `size` and at least 1."""
    num_blocks = math.ceil(count / max(size, 1))
    bounds = [count * block // max(num_blocks, 1) for block in range(num_blocks + 1)]
    return [slice(*pair) for pair in pairwise(bounds)]


def _range(block: slice, like: Tensor) -> Tensor:
    return torch.arange(block.start, block.stop, device=like.device)


def _working_type(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32)


def _count_type(count: int) -> torch.dtype:
    """The smallest integer that can number `count` things from 0."""
    types = (torch.uint8, torch.int16, torch.int32)
    return next(dtype for dtype in types if count <= torch.iinfo(dtype).max + 1)
