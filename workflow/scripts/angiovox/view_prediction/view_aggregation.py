"""How NPBG++ combines features of several views into one descriptor for a wanted direction."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..geometry.parallel_beam import rotation_table

HARMONICS, WIDTH = 3, 16  # of the directions' encoding and of the perceptron (published code)
RIDGE = 1.0  # on the coefficients of the functions (published code)


def directions(angles: np.ndarray) -> np.ndarray:
    """Where rays of a parallel beam about z go, (views, 3) float32, from angles in degrees."""
    cos, sin = rotation_table(angles).T
    return np.float32(np.stack([sin, cos, np.zeros_like(cos)], axis=1))


class ViewAggregation(nn.Module):
    """Weights of views: ridge regression on learnt functions of the direction of sight.

    functions : how many. In a parallel beam all points are seen from one direction in a view, and
    so have the same weights.
    """

    def __init__(self, functions: int) -> None:
        super().__init__()
        self.functions = nn.Sequential(
            nn.Linear(6 * HARMONICS, WIDTH),
            nn.LeakyReLU(),
            nn.Linear(WIDTH, WIDTH),
            nn.LeakyReLU(),
            nn.Linear(WIDTH, functions),
        )

    def forward(self, given: Tensor, wanted: Tensor) -> Tensor:
        """Weights (wanted, given), whose rows add up to 1, of directions (views, 3).

        With X the functions at the given directions and x at a wanted one, the descriptor is the
        mean of the features plus x (X'X + ridge)^-1 X' (features less their mean), which is linear
        in the features (Rakhimov et al. 2022, section 3; published code).
        """
        known, asked = self._functions(given), self._functions(wanted).detach()
        count, functions = known.shape
        damped = known.T @ known + RIDGE * torch.eye(functions, device=known.device)
        less_mean = torch.eye(count, device=known.device) - 1 / count
        return 1 / count + asked @ torch.linalg.solve(damped, known.T @ less_mean)

    def _functions(self, directions: Tensor) -> Tensor:
        powers = 2.0 ** torch.arange(HARMONICS, device=directions.device)
        turns = (directions[:, :, None] * powers).flatten(1)
        return self.functions(torch.cat([turns.sin(), turns.cos()], dim=1))
