"""From training patients to a model, and from a model and views to a mesh and its voxels."""

from __future__ import annotations

import numpy as np
import torch

from ...method import Context, Measurement, Training
from ...training.learner import weights_on_cpu
from ...training.settings import Settings
from ...training.trainer import Trainer
from ..mean_mask import mean_mask
from ..meshes import occupancy
from .learner import Deforming, Template
from .network import Igcn
from .template import neighbours, template, to_indices


def trained(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of networks trained from random weights (see `angiovox.method`).

    settings : those of `igcn.method`.
    """
    surface = Template(*template(mean_mask(patients), settings.cell))
    context.log(f"a template of {len(surface.places)} vertices")
    torch.manual_seed(context.seed)
    shape = {
        "channels": settings.channels,
        "levels": settings.levels,
        "hidden": settings.hidden,
    }
    network = _network(surface, shape)
    weights = settings.mapping_weight, settings.laplacian_weight
    learner = Deforming(network, surface, settings.views, *weights)
    history = Trainer(learner, patients, settings, context).run()
    state = {
        "shape": shape,
        "views": settings.views,
        "places": torch.from_numpy(surface.places),
        "triangles": torch.from_numpy(surface.triangles),
        "network": weights_on_cpu(network),
    }
    return state, history


@torch.no_grad()
def reconstructed(
    state: dict, measurement: Measurement, device: str
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Occupancy (x, y, z) float32, and the mesh: vertices in voxel indices, triangles."""
    surface = Template(state["places"].numpy(), state["triangles"].numpy())
    network = _network(surface, state["shape"]).to(device).eval()
    network.load_state_dict(state["network"])
    seen = surface.seen(measurement, state["views"])
    _, places = network(*(torch.from_numpy(one).to(device) for one in seen))
    indices = to_indices(places.double().cpu().numpy(), measurement.shape)
    return occupancy(indices, surface.triangles, measurement.shape), (indices, surface.triangles)


def _network(surface: Template, shape: dict) -> Igcn:
    return Igcn(surface.places, neighbours(surface.triangles), **shape)
