"""Training of single-image tomography, its two steps at once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...errors import InputError
from ...method import Context, Measurement, Training
from ...training.learner import Learner, agreement, autocast, drawn, iou_of, weights_on_cpu
from ...training.settings import Settings
from ...training.trainer import Trainer
from ..xray_images import cube, images, network_edge, probabilities
from .network import Tomography

BUILT_OF = ("channels", "pools", "fusion_channels")
# ASSUME: a view within 5 degrees of the frontal one counts as frontal: its depth is y.
MAX_DEVIATION_DEGREES = 5.0
THRESHOLD = 0.5  # of the volume, for the IoU that is logged


class Regressing(Learner):
    """Squared errors of the coarse volume and of the fine one.

    edge : of views and fine volume.
    """

    # ASSUME: Adam's betas are those that X2CT's code has for all its networks, and the weight decay
    # of 0.0001 there is decoupled from the gradients here.
    betas = (0.5, 0.99)
    weight_decay = 1e-4

    def __init__(self, network: Tomography, edge: int):
        self.network, self.edge = network, edge

    def read(
        self, patients: Training, batch: list[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Views (batch, views, edge, edge) and masks (batch, edge, edge, edge)."""
        examples = [drawn(patients, index, rng) for index in batch]
        views = [frontal_first(measurement, self.edge) for measurement, _ in examples]
        return np.stack(views), np.stack([cube(mask, self.edge) for _, mask in examples])

    # ASSUME: both steps are trained together, with the same weight. The abstract has the coarse
    # volume learnt first, and does not say whether the fusion is.
    def loss(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        views, truth = given
        with autocast(views, dtype):
            coarse, fine = (volume.float() for volume in self.network(views))
        share = functional.avg_pool3d(truth[:, None], 2)[:, 0]
        loss = functional.mse_loss(coarse, share) + functional.mse_loss(fine, truth)
        return loss, *agreement(fine - THRESHOLD, truth)

    def iou(self, given: tuple[Tensor, ...], dtype: torch.dtype) -> float:
        views, truth = (array[:1] for array in given)
        with autocast(views, dtype):
            fine = self.network(views)[1].float()
        return iou_of(*agreement(fine - THRESHOLD, truth))


# ASSUME: with two views, which is not the paper's, the other one is a second channel of the image,
# though its detector runs along y.
def frontal_first(measurement: Measurement, edge: int) -> np.ndarray:
    """The views, (views, edge, edge) float32, the frontal one first.

    Raises InputError where none of them is frontal.
    """
    off = np.abs(measurement.angles)
    if off.min() > MAX_DEVIATION_DEGREES:
        angles = ", ".join(f"{angle:.4g}" for angle in measurement.angles)
        raise InputError(f"the depth is learnt along a frontal view, at 0 degrees; got {angles}")
    return images(measurement, edge)[np.argsort(off, kind="stable")]


def trained(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of networks trained from random weights (see `angiovox.method`).

    settings : those of `henzler.method`.
    """
    torch.manual_seed(context.seed)
    first, mask = patients[0]
    built_of = {key: getattr(settings, key) for key in BUILT_OF}
    built_of |= {"edge": network_edge(mask.shape, settings.pools + 1)}
    built_of |= {"views": len(first.angles)}
    network = Tomography(**built_of)
    learner = Regressing(network, built_of["edge"])
    history = Trainer(learner, patients, settings, context).run()
    return built_of | {"network": weights_on_cpu(network)}, history


@torch.no_grad()
def reconstructed(state: dict, measurement: Measurement, device: str) -> np.ndarray:
    """Apply trained networks to the views: (x, y, z) float32 in [0, 1]."""
    network = Tomography(**{key: state[key] for key in (*BUILT_OF, "edge", "views")})
    network.load_state_dict(state["network"])
    network.to(device).eval()
    views = torch.from_numpy(frontal_first(measurement, state["edge"]))
    return probabilities(network(views[None].to(device))[1][None], measurement.shape)
