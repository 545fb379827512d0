"""From training patients to a model, and from a model and views to a mesh and its voxels."""

from __future__ import annotations

import numpy as np
import torch

from ...method import Context, Measurement, Training
from ...training.learner import weights_on_cpu
from ...training.settings import Settings
from ...training.trainer import Trainer
from ..meshes import occupancy
from ..view_images import evenly_spread
from .learner import Silhouetted, network_images
from .network import SphereDeformation, to_indices


def trained(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of a network trained from random weights (see `angiovox.method`).

    settings : those of `neural_mesh_renderer.method`.
    """
    torch.manual_seed(context.seed)
    count = len(evenly_spread(len(patients[0][0].angles), settings.views))
    shape = {"views": count, "resolution": settings.resolution}
    network = SphereDeformation(**shape)
    learner = Silhouetted(network, settings.views, settings.resolution, settings.smoothness)
    history = Trainer(learner, patients, settings, context).run()
    return {"shape": shape, "network": weights_on_cpu(network)}, history


@torch.no_grad()
def reconstructed(
    state: dict, measurement: Measurement, device: str
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Occupancy (x, y, z) float32, and the mesh: vertices in voxel indices, triangles."""
    network = SphereDeformation(**state["shape"]).to(device).eval()
    network.load_state_dict(state["network"])
    some = evenly_spread(len(measurement.angles), state["shape"]["views"])
    seen = network_images(measurement, some, state["shape"]["resolution"])
    vertices = network(torch.from_numpy(seen)[None].to(device))
    indices = to_indices(vertices, measurement.shape)[0].double().cpu().numpy()
    return occupancy(indices, network.triangles, measurement.shape), (indices, network.triangles)
