"""Sizes of the paper's network, for those who draw it; free of torch, which takes seconds."""

from __future__ import annotations

STRIDE = 8  # three poolings


def padded(edge: int) -> int:
    """The next multiple of the stride."""
    return edge + -edge % STRIDE


def layer_sizes(edge: int) -> list[tuple[str, int, int]]:
    """Name, channels and edge of each block's output for a cube with this edge, in order."""
    whole = padded(edge)
    encoder = [("Conv, pool", c, whole // s) for c, s in ((32, 2), (64, 4), (128, 8))]
    decoder = [("Transposed conv", c, whole // s) for c, s in ((64, 4), (32, 2), (1, 1))]
    return encoder + decoder
