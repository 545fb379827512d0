"""The signed distance function of IDR: a perceptron that starts as a sphere."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from ..silhouette_rays import encoded

SHARPNESS = 100.0  # beta of softplus


class SignedDistance(nn.Module):
    """Signed distance (...) of places (..., 3), negative inside.

    Weights are set so that it starts nearly as the distance to a sphere (Atzmon and Lipman 2020;
    for encoded places Yariv et al. 2020, published code). Softplus rounds it off in the middle.

    width : of each hidden layer. layers : hidden ones; the encoded place enters the one in the
    middle again. frequencies : of the encoding. radius : of the sphere.
    """

    def __init__(self, width: int, layers: int, frequencies: int, radius: float) -> None:
        super().__init__()
        self.frequencies, self.skip = frequencies, layers // 2
        place = 3 + 6 * frequencies
        into = [place, *[width] * layers]
        out = [*[width] * layers, 1]
        out[self.skip - 1] -= place
        made = [nn.Linear(a, b) for a, b in zip(into, out, strict=True)]
        self._start_as_sphere(made, place, radius)
        self.layers = nn.ModuleList(weight_norm(layer) for layer in made)

    @torch.no_grad()
    def _start_as_sphere(self, made: list[nn.Linear], place: int, radius: float) -> None:
        *hidden, last = made
        for number, layer in enumerate(hidden):
            nn.init.zeros_(layer.bias)
            nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / layer.out_features))
            if number == 0:  # sines and cosines are not heard yet
                layer.weight[:, 3:] = 0
            if number == self.skip:
                layer.weight[:, layer.in_features - (place - 3) :] = 0
        nn.init.normal_(last.weight, math.sqrt(math.pi / last.in_features), 1e-4)
        nn.init.constant_(last.bias, -radius)

    def forward(self, places: Tensor) -> Tensor:
        given = encoded(places, self.frequencies)
        found = given
        for number, layer in enumerate(self.layers):
            if number == self.skip:
                found = torch.cat([found, given], dim=-1) / math.sqrt(2)
            found = layer(found)
            if number + 1 < len(self.layers):
                found = functional.softplus(found, beta=SHARPNESS)
        return found[..., 0]
