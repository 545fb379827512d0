"""Focal loss from logits, stable at any logit (paper, section 2.3)."""

from __future__ import annotations

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
    # ASSUME: alpha weighs both classes alike, so it scales the loss and nothing else.
    score = where(target > 0, logits, -logits).float()
    return (alpha * (gamma * logsigmoid(-score)).exp() * softplus(-score)).mean()
