"""A 3D CNN without pooling and without skip connections, and how it is applied to volumes."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor, nn

from ...training.learner import fractions

SEEN = ("sum", "min")
# ASSUME: nothing is known to us of the network of Lu 2019; here six convolutions of 3^3 at full
# resolution, dilated so that a voxel is judged by the 35^3 around it.
DILATIONS = (1, 1, 2, 4, 8, 1)
INITIAL_LOGIT = -3.0  # of the first guess: few voxels are vessel


class PlainCNN(nn.Module):
    """Convolutions with batch norm and ReLU, then one of 1^3.

    Fractions (batch, 2, x, y, z) of any size give float32 logits (batch, 1, x, y, z).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = [len(SEEN), *[channels] * len(DILATIONS)]
        pairs = zip(itertools.pairwise(widths), DILATIONS, strict=True)
        self.layers = nn.Sequential(*(_layer(*both, dilation) for both, dilation in pairs))
        self.head = nn.Conv3d(channels, 1, 1)
        nn.init.constant_(self.head.bias, INITIAL_LOGIT)

    def forward(self, seen: Tensor) -> Tensor:
        return self.head(self.layers(seen)).float()


def _layer(inputs: int, outputs: int, dilation: int) -> nn.Sequential:
    convolution = nn.Conv3d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm3d(outputs), nn.ReLU())


def channels(inputs: dict[str, np.ndarray], levels: slice = np.s_[:]) -> np.ndarray:
    """Back-projected sum and minimum of some axial slices as stored, (2, x, y, z)."""
    return np.stack([inputs[kind][:, :, levels] for kind in SEEN])


@torch.no_grad()
def probabilities(network: PlainCNN, inputs: dict[str, np.ndarray], slab: int) -> np.ndarray:
    """Vessel probabilities (x, y, z) float32, by overlapping slabs where there are more slices."""
    device = next(network.parameters()).device
    seen = fractions(torch.from_numpy(channels(inputs)).to(device))[None]
    *edges, depth = seen.shape[2:]
    if depth <= slab:
        logits = network(seen)
    else:
        from monai.inferers import sliding_window_inference  # seconds to import

        how = {"sw_batch_size": 1, "predictor": network, "overlap": 0.5, "mode": "gaussian"}
        logits = sliding_window_inference(seen, (*edges, slab), **how)
    return logits[0, 0].sigmoid().cpu().numpy()
