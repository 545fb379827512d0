"""From training patients to a model of IM-NET, and from a model and a patient to probabilities."""

from __future__ import annotations

import numpy as np
import torch

from ...method import Context, Measurement, Training
from ...training.learner import fractions, weights_on_cpu
from ...training.settings import Settings
from ...training.trainer import Trainer
from .learner import Sampled, occupancy
from .network import SEEN, ImplicitField

LEFT_OUT = 1e-3  # part of a patient's vessel that may be darker than the hull's support


def trained(patients: Training, settings: Settings, context: Context) -> tuple[dict, list[dict]]:
    """State and history of a network trained from random weights (see `angiovox.method`).

    settings : those of `im_net.method`.
    """
    support = least_minimum(patients)
    context.log(f"least minimum of a vessel: {support:.4f}")
    torch.manual_seed(context.seed)
    shape = {
        "resolution": settings.resolution,
        "width": settings.width,
        "is_local": settings.local,
    }
    network = ImplicitField(**shape)
    steps = settings.epochs * -(-len(patients) // settings.batch_size)
    learner = Sampled(network, settings.points, support, steps, settings.resolution)
    history = Trainer(learner, patients, settings, context).run()
    weights = weights_on_cpu(network)
    del weights["steps_taken"]
    return {"shape": shape, "support": support, "network": weights}, history


def least_minimum(patients: Training) -> float:
    """The back-projected minimum that nearly all vessel voxels of all patients reach."""
    levels = []
    for known, mask in patients:
        if mask.any():
            vessel = fractions(torch.from_numpy(known.inputs["min"][mask])).numpy()
            levels.append(float(np.quantile(vessel, LEFT_OUT)))
    return min(levels, default=0.0)


def probabilities(state: dict, measurement: Measurement, device: str) -> np.ndarray:
    """Occupancy of each voxel, (x, y, z) float32, in full precision."""
    network = ImplicitField(**state["shape"]).to(device).eval()
    network.load_state_dict(state["network"])
    stored = np.stack([measurement.inputs[kind] for kind in SEEN])[None]
    given = torch.from_numpy(stored).to(device)
    found = occupancy(network, given, state["support"], state["shape"]["resolution"])
    return found.cpu().numpy()
