"""Predictors of views by name, as tables have them."""

from __future__ import annotations

from .mirror import Mirror
from .opposite_unet import OppositeUNet
from .predictor import ViewPredictor

PREDICTORS: dict[str, type[ViewPredictor]] = {one.name: one for one in (Mirror, OppositeUNet)}
