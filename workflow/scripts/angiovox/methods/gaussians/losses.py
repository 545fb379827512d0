"""Terms of the loss: structural similarity of images, and total variation of a block of voxels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

WINDOW, SIGMA = 11, 1.5  # pixels of the Gaussian window
C1, C2 = 0.01**2, 0.03**2  # for images in [0, 1] (Wang et al. 2004)


def ssim_map(found: Tensor, given: Tensor) -> Tensor:
    """Structural similarity about each pixel of images (views, i, j), 0 outside of them."""
    mean_x, mean_y = _blurred(found), _blurred(given)
    variance_x = _blurred(found**2) - mean_x**2
    variance_y = _blurred(given**2) - mean_y**2
    covariance = _blurred(found * given) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return luminance * (2 * covariance + C2) / (variance_x + variance_y + C2)


def image_loss(found: Tensor, given: Tensor, dssim_weight: float) -> Tensor:
    """Mean absolute difference, and 1 - SSIM at its weight."""
    loss = (found - given).abs().mean()
    return loss + dssim_weight * (1 - ssim_map(found, given).mean()) if dssim_weight else loss


def total_variation(block: Tensor) -> Tensor:
    """Mean absolute difference of neighbours in a block (x, y, z), over all of its pairs."""
    steps = [block.diff(dim=axis).abs() for axis in range(3)]
    return sum(step.sum() for step in steps) / max(1, sum(step.numel() for step in steps))


def _blurred(images: Tensor) -> Tensor:
    place = torch.arange(WINDOW, device=images.device).to(images) - WINDOW // 2
    weight = torch.exp(-((place / SIGMA) ** 2) / 2)
    weight = (weight / weight.sum()).view(1, 1, WINDOW, 1)
    pad = WINDOW // 2
    blurred = functional.conv2d(images[:, None], weight, padding=(pad, 0))
    return functional.conv2d(blurred, weight.transpose(2, 3), padding=(0, pad))[:, 0]
