"""The density network of NeRF: a perceptron of an encoded place, which enters twice."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..silhouette_rays import encoded
from .settings import RELU, Settings


class DensityNetwork(nn.Module):
    """Density (...), at least 0, of places (..., 3) in a cube from -1 to 1.

    After layer `skip` the encoded place is put beside what the layer gives; 0 for nowhere.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.frequencies, self.skip = settings.frequencies, settings.skip
        self.activation = functional.relu if settings.density == RELU else functional.softplus
        size, width = 3 + 6 * settings.frequencies, settings.width
        inputs = [size, *[width] * (settings.layers - 1)]
        if settings.skip:
            inputs[settings.skip] += size
        self.hidden = nn.ModuleList(nn.Linear(count, width) for count in inputs)
        self.last = nn.Linear(width, 1)
        for layer in (*self.hidden, self.last):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, places: Tensor) -> Tensor:
        given = found = encoded(places, self.frequencies)
        for number, layer in enumerate(self.hidden):
            if number and number == self.skip:
                found = torch.cat([given, found], dim=-1)
            found = functional.relu(layer(found))
        return self.activation(self.last(found)[..., 0])
