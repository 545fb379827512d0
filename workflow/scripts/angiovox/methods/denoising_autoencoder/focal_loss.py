"""Focal loss from logits, stable at any logit (paper, section 2.3)."""

from __future__ import annotations

import torch
from torch import Tensor, where
from torch.nn.functional import logsigmoid, softplus


def focal_loss(logits: Tensor, target: Tensor, alpha: float, gamma: float) -> Tensor:
    """Mean of -alpha (1 - p)^gamma log p, where p is the probability of the true class.

    In log space, because (1 - p)^0.2 has an infinite slope at p = 1 and gives NaN gradients.

    Parameters
    ----------
    logits, target : tensors of one shape; target holds 0 and 1.
    alpha, gamma : weight and focus, 0.5 and 0.2 in the paper.
    """
    weight, surprise = _factors(_score(logits, target), alpha, gamma)
    return (weight * surprise).mean()


def focal_terms(
    logits: Tensor, target: Tensor, alpha: float, gamma: float
) -> tuple[Tensor, Tensor]:
    """The loss of each voxel and its slope by the logit, for where autograd would keep too much."""
    score = _score(logits, target)
    weight, surprise = _factors(score, alpha, gamma)
    p = score.sigmoid()
    towards = where(target > 0, -weight, weight)
    return weight * surprise, towards * (gamma * p * surprise + (-score).sigmoid())


# ASSUME: alpha weighs both classes alike, so it scales the loss and nothing else.
def _factors(score: Tensor, alpha: float, gamma: float) -> tuple[Tensor, Tensor]:
    """alpha (1 - p)^gamma and -log p."""
    return alpha * (gamma * logsigmoid(-score)).exp(), softplus(-score)


def _score(logits: Tensor, target: Tensor) -> Tensor:
    """The logit of the true class, in float32 at least."""
    score = where(target > 0, logits, -logits)
    return score.to(torch.promote_types(logits.dtype, torch.float32))
