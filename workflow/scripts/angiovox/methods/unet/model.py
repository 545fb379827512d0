"""From training patients to a model, and from a model and views to logits, at any size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ...geometry.imaging import LINE_INTEGRAL
from ...method import Context, Measurement, Training
from ...training.learner import fractions, weights_on_cpu
from ...training.trainer import Trainer
from ..view_images import evenly_spread
from ..view_levels import contrast_in_masks, silhouette_level
from . import attenuation
from .learner import Segmenting, Terms, channels, within_hull
from .network import ResidualUNet
from .silhouettes import MAX_VIEWS, Silhouettes
from .silhouettes import refine as refine_slab

LEFT_OUT = 1e-3  # part of a patient's vessel that may be darker than the hull's support


def fit(
    patients: Training, settings, context: Context, consistency: float = 0.0
) -> tuple[dict, list[dict]]:
    """Train a U-Net from random weights.

    settings : `unet.method.Settings`. consistency : weight of the projections in the loss; above 0,
    or with harmonics, the patients' projections are needed.

    Returns the model's state and a row per epoch.
    """
    counts, support = _survey(patients)
    if not settings.hull_support:
        support = dict.fromkeys(support, 0.0)
    context.log(f"least minimum of a vessel by view count: {support}")
    seen = Silhouettes.of(patients) if consistency else None
    torch.manual_seed(context.seed)
    inputs = len(channels(patients[0][0], settings.harmonics, np.s_[..., :1]))
    shape = {"inputs": inputs, "channels": settings.channels, "levels": settings.levels}
    network = ResidualUNet(**shape).to(memory_format=torch.channels_last_3d)
    terms = Terms(settings.bce_weight, consistency)
    learner = Segmenting(network, terms, settings.slab, support, counts, seen, settings.harmonics)
    history = Trainer(learner, patients, settings, context).run()
    state = {
        "network": weights_on_cpu(network),
        "shape": shape,
        "slab": settings.slab,
        "harmonics": settings.harmonics,
        "support": support,
    }
    return state | ({"level": seen.level} if seen else {}), history


def _survey(patients: Training) -> tuple[list[int], dict[int, float]]:
    """How many views each example has; by their number, the darkest minimum of a vessel.

    A vessel is at least as bright in every view as on its own, but for noise and for what the
    interpolation takes: a few voxels of each patient are left out.
    """
    counts, darkest = [], {}
    for views, mask in patients:
        counts.append(len(views.angles))
        if "min" in views.inputs and mask.any():
            vessel = fractions(torch.from_numpy(views.inputs["min"][mask]))
            level = float(np.quantile(vessel.numpy(), LEFT_OUT))
            darkest[counts[-1]] = min(level, darkest.get(counts[-1], 1.0))
    return counts, {count: darkest.get(count, 0.0) for count in counts}


@torch.no_grad()
def logits(state: dict, views: Measurement, device: str) -> Tensor:
    """What a model says of each voxel, (x, y, z) float32 on the device, in full precision.

    Volumes of more slices than it was trained on go through in overlapping slabs.
    """
    network = ResidualUNet(**state["shape"]).to(device).eval()
    network.load_state_dict(state["network"])
    seen = channels(views, state.get("harmonics", 0))  # none in older models
    volume = fractions(torch.from_numpy(seen).to(device))[None]
    *edges, depth = volume.shape[2:]
    if depth <= state["slab"]:
        result = network(volume)
    else:
        from monai.inferers import sliding_window_inference  # seconds to import

        result = sliding_window_inference(
            volume,
            (*edges, state["slab"]),
            sw_batch_size=1,
            predictor=network,
            overlap=0.5,
            mode="gaussian",
        )
    support = torch.tensor([_support(state["support"], len(views.angles))], device=device)
    return within_hull(result, volume, support)[0, 0]


def _support(known: dict[int, float], views: int) -> float:
    """More views leave vessels darker: that of the next larger count is safe for one unknown."""
    return known.get(min((count for count in known if count >= views), default=None), 0.0)


def refine(state: dict, logits: Tensor, views: Measurement) -> Tensor:
    """Logits moved towards what a patient's own views show.

    That are line integrals where they were taken, else silhouettes; of the paper's parallel beam,
    whose rays lie in axial slices, slab by slab.
    """
    steps = state["refinement_steps"]
    if "contrast" in state:
        return attenuation.refine(logits, views, state["contrast"], steps)
    shown, angles = Silhouettes(state["level"]).silhouettes(views, MAX_VIEWS)
    shown = torch.from_numpy(shown).to(logits.device)
    if views.views is not None:
        beam = views.grid, views.views[evenly_spread(len(views.angles), MAX_VIEWS)]
        return refine_slab(logits, shown, angles, steps, beam)
    slabs = zip(logits.split(state["slab"], -1), shown.split(state["slab"], -1), strict=True)
    return torch.cat([refine_slab(*slab, angles, steps) for slab in slabs], -1)


def what_views_show(
    patients: Training, log: Callable[[str], None]
) -> tuple[dict[str, float], dict[str, float]]:
    """What `refine` compares views by, and how well it fits the training patients.

    Returns parts of a model's state and of its history: the level of silhouettes and their IoU, or
    the contrast of line integrals and the share of variance that masks explain.
    """
    imaging = patients[0][0].imaging
    if imaging is not None and imaging.kind == LINE_INTEGRAL:
        contrast, explained = contrast_in_masks(patients)
        log(f"contrast {contrast:.4f} per mm, which explains {explained:.3f} of the line integrals")
        return {"contrast": contrast}, {"explained": explained}
    level, iou = silhouette_level(patients)
    log(f"level {level:.3f}, IoU of silhouettes on the training patients {iou:.3f}")
    return {"level": level}, {"iou": iou}


def probabilities(logits: Tensor) -> np.ndarray:
    return logits.sigmoid().cpu().numpy()
