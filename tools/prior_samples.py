"""Draw docs/methods/x2vision_prior.png: what a trained prior generates, and masks it learned from.

python tools/prior_samples.py MODEL MASK...   results/models/x2vision/views-all/seed-1/model.pt and
                                              training masks of results/masks, as many as columns
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from angiovox.io.model_files import load_model  # noqa: E402
from angiovox.io.nifti import load_mask  # noqa: E402
from angiovox.methods.mask_cubes import cube  # noqa: E402
from angiovox.methods.x2vision.learner import BUILT_OF  # noqa: E402
from angiovox.methods.x2vision.network import Generator  # noqa: E402

OUTPUT = ROOT / "docs/methods/x2vision_prior.png"
SEED = 1
COLUMN_INCHES = 1.5


@torch.no_grad()
def generated(state: dict, count: int) -> np.ndarray:
    """Volumes of random z and noise, (count, x, y, z)."""
    generator = Generator(**{key: state[key] for key in BUILT_OF})
    generator.load_state_dict(state["network"])
    torch.manual_seed(SEED)
    w = generator.mapping(torch.randn(count, generator.width))
    w = w[:, None].expand(-1, generator.latents, -1)
    return generator(w, generator.noise(count)).sigmoid()[:, 0].numpy()


def draw(volumes: np.ndarray, masks: list[np.ndarray]) -> plt.Figure:
    """Maxima along y, then along x, of generated volumes and of masks below them."""
    rows = [
        (f"{name}\n{side}", [volume.max(axis=axis).T for volume in given])
        for name, given in (("generated", volumes), ("training mask", masks))
        for side, axis in (("0°", 1), ("90°", 0))
    ]
    size = COLUMN_INCHES * len(masks) + 0.4, COLUMN_INCHES * len(rows)
    figure, panels = plt.subplots(len(rows), len(masks), figsize=size, squeeze=False)
    for line, (name, images) in zip(panels, rows, strict=True):
        line[0].set_ylabel(name, fontsize=8)
        for panel, image in zip(line, images, strict=True):
            panel.imshow(image, origin="lower", cmap="gray", vmin=0, vmax=1)
            panel.set(xticks=[], yticks=[])
    figure.tight_layout(pad=0.4)
    return figure


def main(model: str, paths: list[str]) -> None:
    """Write the figure."""
    state = load_model(model)
    masks = [cube(load_mask(path), state["edge"]) for path in paths]
    draw(generated(state, len(masks)), masks).savefig(OUTPUT, dpi=110)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
