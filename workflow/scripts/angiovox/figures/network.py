"""Figure 3: a real example on its way through the network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..geometry.affine import voxel_sizes
from .drawing import DEPTH, Box, arrow, box_for, caption, draw_block, draw_volume
from .style import DOUBLE_COLUMN, MUTED, OKABE_ITO, add_note, canvas, new_figure, styled

EDGE = 24.0  # mm on the page, of the patient's grid
THINNEST = 0.4  # mm on the page, of a block of very few channels
ENCODER, DECODER = OKABE_ITO[0], OKABE_ITO[2]


@styled
def figure3(
    backprojection: np.ndarray,
    probability: np.ndarray,
    truth: np.ndarray,
    layers: Sequence[tuple[str, int, int]],
    affine: np.ndarray,
    note: str = "",
) -> Figure:
    """Input, feature maps drawn to scale, predicted probability, ground truth of one patient.

    Parameters
    ----------
    backprojection, probability, truth : (x, y, z) arrays on one grid.
    layers : name, channels and edge in voxels of each feature map, in order.
    affine : (4, 4) voxel indices to RAS mm.
    note : small remark at the bottom.

    Raises
    ------
    ValueError : the arrays disagree in shape, or there are no layers.
    """
    if not backprojection.shape == probability.shape == truth.shape:
        raise ValueError(
            f"input {backprojection.shape}, output {probability.shape} and truth {truth.shape} "
            "must have one shape"
        )
    if not layers:
        raise ValueError("a network has at least one layer")
    sizes = voxel_sizes(affine)
    names = 1.3 * max(len(name) for name, _, _ in layers)  # mm that the longest name takes
    level = names + 29.0  # height on the page of the middle of everything
    figure = new_figure(DOUBLE_COLUMN, level + 28)
    page = canvas(figure)
    (width, depth, height), _ = box_for(truth.shape, sizes, EDGE)
    cube = Box(0, 0, width, height, depth)
    bottom = level - cube.top / 2
    right = DOUBLE_COLUMN - 2 - cube.right
    middle = right - cube.right - 7
    volumes = [
        (backprojection, 2.0, "Input", "back-projection", None),
        (probability, middle, "Output", "probability", (0.0, 1.0)),
        (truth, right, "Truth", "Otsu mask", (0.0, 1.0)),
    ]
    boxes = []
    for volume, left, title, remark, limits in volumes:
        boxes.append(draw_volume(page, volume, sizes, left, bottom, EDGE, limits))
        caption(page, boxes[-1].middle[0], boxes[-1].top + 8, title, remark)
    blocks = _draw_layers(page, layers, boxes[0].right + 4, middle - 4, level)
    _draw_passes(page, boxes, blocks)
    remark = "channels above each block, voxels below"
    page.text(DOUBLE_COLUMN - 1, 1, remark, size=6, color=MUTED, ha="right", va="bottom")
    add_note(figure, note)
    return figure


def _draw_layers(
    page: Axes, layers: Sequence[tuple[str, int, int]], start: float, stop: float, level: float
) -> list[Box]:
    """Feature maps between two places on the page; edges and channels each have one scale."""
    largest = max(edge for _, _, edge in layers)
    edges = [EDGE * edge / largest for _, _, edge in layers]
    free = stop - start - sum(edges) * DEPTH[0]
    gap = min(3.0, 0.35 * free / len(layers))
    per_channel = (free - gap * (len(layers) - 1)) / sum(channels for _, channels, _ in layers)
    narrowest = int(np.argmin([edge for _, _, edge in layers]))
    blocks, left = [], start
    for number, ((name, channels, edge), side) in enumerate(zip(layers, edges, strict=True)):
        thickness = max(THINNEST, channels * per_channel)
        block = Box(left, level - side * (1 + DEPTH[1]) / 2, thickness, side, side)
        draw_block(page, block, ENCODER if number <= narrowest else DECODER)
        page.text(block.middle[0], block.top + 0.8, f"{channels}", size=6, ha="center")
        page.text(block.middle[0], block.bottom - 1.0, f"{edge}³", size=6, ha="center", va="top")
        foot = level - EDGE * (1 + DEPTH[1]) / 2 - 4.5
        page.text(block.middle[0], foot, name, size=6, ha="center", va="top", rotation=90)
        blocks.append(block)
        left = block.right + gap
    return blocks


def _draw_passes(page: Axes, boxes: list[Box], blocks: list[Box]) -> None:
    """Arrows of the forward pass between the parts, and of the backward pass below them."""
    given, output, truth = boxes
    level = given.middle[1]
    arrow(page, (given.right + 0.5, level), (blocks[0].left - 0.5, level))
    arrow(page, (blocks[-1].right + 0.5, level), (output.left - 0.5, level))
    start, stop = (output.right + 0.8, level), (truth.left - 0.8, level)
    arrow(page, start, stop, "loss", arrowstyle="<|-|>")
    top = level + 23.5
    arrow(page, (blocks[0].left, top), (blocks[-1].right, top), "forward pass", (0, 0.6))
    for text, colour, x in (
        ("encoder", ENCODER, (blocks[0].right + blocks[-1].left) / 2 - 8),
        ("decoder", DECODER, (blocks[0].right + blocks[-1].left) / 2 + 8),
    ):
        page.text(x, top - 1.2, text, color=colour, weight="bold", size=6.5, ha="center", va="top")
    low = 5.5
    arrow(page, (blocks[-1].right, low), (blocks[0].left, low), "backward pass", (0, 0.6))
