"""Bounded windows: the samples of a regular lattice that each Gaussian is evaluated at.

Gaussians are taken in groups whose windows have the same size, so that a window's axes are
broadcast and no list of pairs is needed.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

REACH = 3.0  # standard deviations, as in the rasterisers of Gaussian splatting
SAMPLES = 1 << 22  # of a group that are held at a time
OUTSIDE = 1e4  # added to a quadratic form where a window leaves the lattice: a factor of 0


def groups(
    centre: Tensor, half: Tensor, shape: tuple[int, ...]
) -> Iterator[tuple[Tensor, list[Tensor]]]:
    """Groups of Gaussians with windows of one size, as their numbers and indices on each axis.

    Parameters
    ----------
    centre, half : (n, axes) in samples: where they are, and how far their windows reach.
    shape : samples of the lattice. Windows that do not meet it are left out.

    Yields
    ------
    chosen : (m,) numbers of Gaussians. index : for each axis (m, width) indices, which may lie
        outside of the lattice.
    """
    centre, half, shape_ = centre.detach(), half.detach(), centre.new_tensor(shape)
    low = (centre - half).ceil().clamp(min=0)
    high = torch.minimum((centre + half).floor(), shape_ - 1)
    width = (high - low + 1).long()
    met = (width > 0).all(dim=1).nonzero()[:, 0]
    width = _rounded(width[met])
    sizes, group = width.unique(dim=0, return_inverse=True)
    for number, size in enumerate(sizes.tolist()):
        members = met[group == number]
        for chosen in members.split(max(1, SAMPLES // _product(size))):
            yield (
                chosen,
                [
                    low[chosen, axis, None] + torch.arange(count, device=low.device)
                    for axis, count in enumerate(size)
                ],
            )


def scatter_add(
    memory: Tensor, values: Tensor, index: list[Tensor], shape: tuple[int, ...]
) -> Tensor:
    """Add values (m, *widths) of windows to the flat memory (samples,) of the lattice."""
    place: Tensor | int = 0
    for axis, (numbers, count) in enumerate(zip(index, shape, strict=True)):
        inside = numbers.clamp(max=count - 1).long()
        place = place * count + along(inside, axis, len(shape))
    return memory.index_add(0, place.reshape(-1), values.reshape(-1))


def outside(index: list[Tensor], shape: tuple[int, ...]) -> list[Tensor]:
    """`OUTSIDE` where indices (m, width) of an axis leave the lattice, else 0."""
    return [
        OUTSIDE * (numbers > count - 1).to(numbers.dtype)
        for numbers, count in zip(index, shape, strict=True)
    ]


def along(values: Tensor, axis: int, axes: int) -> Tensor:
    """Values (m, width) of an axis, to be broadcast over windows (m, *widths)."""
    shape = [len(values)] + [1] * axes
    shape[axis + 1] = values.shape[1]
    return values.view(shape)


def _rounded(width: Tensor) -> Tensor:
    """Widths up to the next of few: whole up to 4, then four for each doubling."""
    step = 2.0 ** (width.clamp(min=4).double().log2().floor() - 2)
    return ((width / step).ceil() * step).long()


def _product(size: list[int]) -> int:
    return int(torch.tensor(size).prod())
