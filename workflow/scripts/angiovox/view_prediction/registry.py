"""Predictors of views by name, as tables have them."""

from __future__ import annotations

from .deferred_neural_rendering import DeferredNeuralRendering
from .grey_hull import GreyHull
from .mirror import Mirror
from .nearest_view import NearestView
from .npbg import Npbg
from .npbg_plus_plus import NpbgPlusPlus
from .opposite_unet import OppositeUNet
from .predictor import ViewPredictor

ALL = (
    Mirror,
    OppositeUNet,
    NearestView,
    GreyHull,
    DeferredNeuralRendering,
    Npbg,
    NpbgPlusPlus,
)
PREDICTORS: dict[str, type[ViewPredictor]] = {one.name: one for one in ALL}
