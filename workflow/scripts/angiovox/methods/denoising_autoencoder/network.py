"""The paper's 3D denoising autoencoder (section 2.2), recovered from its printed sizes."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from .layer_sizes import STRIDE


# ASSUME: the text pools after two convolutions, but only three poolings give back the input's
# shape through three transposed convolutions and the printed 43.034 GB.
class DenoisingAutoencoder(nn.Module):
    """Convolutions 1-32-64-128, each with batch norm, ReLU and pooling; then the way back.

    360,481 parameters. Input (batch, inputs, x, y, z), output logits (batch, 1, x, y, z); edges
    that are no multiple of 8 are padded with the volume's edge values and cropped back. The paper's
    network has one input channel.
    """

    def __init__(self, inputs: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(  # edges at the paper's scale
            *_encode(inputs, 32),  # 384 -> 192
            *_encode(32, 64),  # 192 -> 96
            *_encode(64, 128),  # 96 -> 48
            *_decode(128, 64),  # 48 -> 96
            *_decode(64, 32),  # 96 -> 192
            nn.ConvTranspose3d(32, 1, kernel_size=2, stride=2),  # 192 -> 384
        )

    def forward(self, volume: Tensor) -> Tensor:
        x, y, z = volume.shape[2:]
        margins = [-edge % STRIDE for edge in (z, y, x)]
        if not any(margins):
            return self.layers(volume)
        padding = [side for margin in margins for side in (0, margin)]
        logits = self.layers(functional.pad(volume, padding, mode="replicate"))
        return logits[:, :, :x, :y, :z]


def _encode(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.Conv3d(inputs, outputs, kernel_size=3, padding=1)
    return [convolution, nn.BatchNorm3d(outputs), nn.ReLU(), nn.MaxPool3d(2)]


def _decode(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.ConvTranspose3d(inputs, outputs, kernel_size=2, stride=2)
    return [convolution, nn.BatchNorm3d(outputs), nn.ReLU()]
