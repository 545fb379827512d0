"""Points with values, rasterised into images of several scales."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def canvas(detector: Sequence[int], halvings: int) -> tuple[int, int]:
    """A detector (i, j) enlarged so that it can be halved, and leaves at least 2 x 2 pixels."""
    unit = 2**halvings
    i, j = (max(2, -(-size // unit)) * unit for size in detector)
    return i, j


def point_images(
    values: Tensor, columns: Tensor, rows: Tensor, shape: Sequence[int], scale: int = 1
) -> Tensor:
    """Images in which each pixel has the largest values of the points in it.

    Parameters
    ----------
    values : (c, n) of n points, or (views, c, n). columns : (views, n) places on the first axis in
        pixels. rows : (n,) whole pixels on the second.
    shape : of the image at scale 1, (i, j), multiples of the scale. scale : pixels of scale 1 that
        are one along each axis.

    Returns
    -------
    (views, c, i / scale, j / scale); 0 where no point is. Points beyond the image are left out. The
    gradient of a pixel is shared by the points that have its value.
    """
    # ASSUME: points do not hide each other: a pixel has the maximum over its points, as an X-ray
    # image has here, where the sources' images have the nearest point.
    width, height = (size // scale for size in shape)
    pixels = torch.floor(columns + 0.5).long()
    seen = (pixels >= 0) & (pixels < shape[0])
    places = (pixels // scale) * height + (rows // scale)
    places = torch.where(seen, places, width * height)  # a pixel of its own for all that is unseen
    if values.ndim == 2:
        values = values.expand(len(columns), -1, -1)
    images = values.new_zeros(*values.shape[:2], width * height + 1)
    places = places[:, None].expand(values.shape)
    images = images.scatter_reduce(2, places, values, "amax", include_self=False)
    return images[..., :-1].unflatten(2, (width, height))


def image_pyramid(
    values: Tensor, columns: Tensor, rows: Tensor, shape: Sequence[int], levels: int
) -> list[Tensor]:
    """`point_images` at scales 1, 2, 4 ... of a number of levels."""
    return [point_images(values, columns, rows, shape, 2**level) for level in range(levels)]
