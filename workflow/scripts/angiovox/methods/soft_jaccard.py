"""The Jaccard index of probabilities, as a loss."""

from __future__ import annotations

from torch import Tensor


# ASSUME: 1 is added to both sums, so that an empty part that is found empty is no error.
def soft_jaccard_loss(probability: Tensor, target: Tensor) -> Tensor:
    """1 - sum(p g) / sum(p + g - p g) of each example, averaged over them.

    probability, target : (batch, ...) in [0, 1]. Returns a scalar in [0, 1).
    """
    both = (probability * target).flatten(1).sum(1)
    either = (probability + target).flatten(1).sum(1) - both
    return (1 - (both + 1) / (either + 1)).mean()
