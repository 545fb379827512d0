"""The occupancy network of DVR: a perceptron of residual blocks."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from ..silhouette_rays import encoded


class ResidualBlock(nn.Module):
    """x + B(relu(A(relu(x)))); B starts at 0 (Mescheder et al. 2019, published code)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.zeros_(self.second.weight)

    def forward(self, given: Tensor) -> Tensor:
        return given + self.second(functional.relu(self.first(functional.relu(given))))


class OccupancyNetwork(nn.Module):
    """Logit (...) of the occupancy of places (..., 3).

    width : of the blocks. blocks : how many. frequencies : of the places' encoding.
    """

    def __init__(self, width: int, blocks: int, frequencies: int) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.first = nn.Linear(3 + 6 * frequencies, width)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.last = nn.Linear(width, 1)

    def forward(self, places: Tensor) -> Tensor:
        found = self.blocks(self.first(encoded(places, self.frequencies)))
        return self.last(functional.relu(found))[..., 0]
