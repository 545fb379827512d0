"""Sizes of the paper's network, for those who draw it; free of torch, which takes seconds."""

from __future__ import annotations

STRIDE = 8  # three poolings


def layer_sizes(edge: int) -> list[tuple[str, int, int]]:
    """Name, channels and edge of each block's output for a cube with this edge, in order."""
    padded = edge + -edge % STRIDE
    encoder = [("Conv, pool", c, padded // s) for c, s in ((32, 2), (64, 4), (128, 8))]
    decoder = [("Transposed conv", c, padded // s) for c, s in ((64, 4), (32, 2), (1, 1))]
    return encoder + decoder
