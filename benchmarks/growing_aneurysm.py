"""NeRP with and without an earlier scan, on phantoms whose aneurysm has grown since.

python benchmarks/growing_aneurysm.py [phantoms]

Each phantom (64 voxels of 0.75 mm, not of the default cohort) has an aneurysm of 6 to 10 mm, which
had half that size in an earlier scan, with other noise. NeRP runs at the setting of
config/per_patient.yaml from the earlier mask, from the mean mask of 10 other phantoms, and from
random weights; beside it stand the earlier mask itself and the thresholded hull. Writes
growing_aneurysm.csv: IoU and clDice with today's mask, and the share of the growth that is found:
today's voxels within 1.5 sizes of the aneurysm that the earlier mask lacks.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from angiovox.masks.otsu import otsu_mask  # noqa: E402
from angiovox.method import Context, Measurement  # noqa: E402
from angiovox.methods import registry  # noqa: E402
from angiovox.methods.vessel_views import VESSEL, targets  # noqa: E402
from angiovox.metrics.overlap import ratios  # noqa: E402
from angiovox.metrics.topology import centreline_dice  # noqa: E402
from angiovox.phantoms.acquisition import Acquisition, Settings, acquire  # noqa: E402
from angiovox.projectors.mip import project_max  # noqa: E402
from angiovox.vessels.skeleton import centreline  # noqa: E402

EDGE, VOXEL_MM, FIRST_SEED, TRAINING = 64, 0.75, 90_001, 10
GROWN, SIZES, VIEWS = 0.5, [6, 10], (10, 3, 2)
LESIONS = {"aneurysm": {"share": 1.0, "size_mm": SIZES}}
NOT_NERP = ("title", "view_counts")


def taken(seed: int, earlier: float | None = None) -> Acquisition:
    """A phantom's scan, today's or an earlier one."""
    settings = Settings(lesions=LESIONS, earlier=earlier)
    return acquire(seed, 3 * (EDGE,), VOXEL_MM, settings)


def measured(volume: np.ndarray, views: int) -> Measurement:
    """Views of a volume over a quarter circle."""
    angles = np.linspace(0, 90, views)
    return Measurement(angles, {"projections": project_max(volume, angles)})


def growth(now: Acquisition, mask: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Today's voxels near the aneurysm that the earlier mask lacks, (x, y, z) bool."""
    (lesion,) = now.lesions
    places = (np.moveaxis(np.indices(mask.shape), 0, -1) - (EDGE - 1) / 2) * VOXEL_MM
    near = np.linalg.norm(places - lesion.position, axis=-1) < 1.5 * lesion.measures["size_mm"]
    return mask & near & ~earlier


def scored(found: np.ndarray, mask: np.ndarray, grown: np.ndarray) -> dict[str, float]:
    """IoU, clDice and the share of the growth that is found."""
    lines = centreline(found), centreline(mask)
    return {
        "iou": ratios(found, mask)["iou"],
        "cldice": centreline_dice(found, mask, lines)["cldice"],
        "growth_found": float(found[grown].mean()) if grown.any() else float("nan"),
    }


def main() -> None:
    """Compare the three starts on some phantoms and write the table."""
    torch.set_num_threads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    given = yaml.safe_load((ROOT / "config/per_patient.yaml").read_text(encoding="utf-8"))
    own = {k: v for k, v in given["methods"]["nerp"].items() if k not in NOT_NERP}
    nerp = {
        prior: registry.create("nerp", own | {"prior": prior})
        for prior in ("earlier", "mean", "none")
    }
    training = [taken(FIRST_SEED - 1 - n).volume for n in range(TRAINING)]
    masks = [otsu_mask(volume)[0] for volume in training]
    scans = [(taken(seed), taken(seed, GROWN)) for seed in range(FIRST_SEED, FIRST_SEED + count)]
    rows = []
    for views in VIEWS:
        patients = [(measured(v, views), m) for v, m in zip(training, masks, strict=True)]
        state, _ = nerp["mean"].fit(patients, Context(1))
        for number, (now, before) in enumerate(scans, start=1):
            mask, earlier = (otsu_mask(scan.volume)[0] for scan in (now, before))
            known = replace(measured(now.volume, views), prior=earlier)
            found = {"hull": targets(state, known).hull >= VESSEL, "earlier scan itself": earlier}
            seconds = {}
            for prior, method in nerp.items():
                started = time.process_time()
                probability = method.reconstruct(state, known, Context(1)).probability
                found[f"nerp, {prior}"] = probability >= 0.5
                seconds[f"nerp, {prior}"] = round(time.process_time() - started, 1)
            for name, one in found.items():
                own_scores = scored(one, mask, growth(now, mask, earlier))
                row = {"views": views, "phantom": number, "method": name, **own_scores}
                rows.append(row | {"cpu_s": seconds.get(name)})
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows).round(4)
    table.to_csv(Path(__file__).with_suffix(".csv"), index=False)
    print(table.groupby(["views", "method"]).mean(numeric_only=True).round(3).to_markdown())


if __name__ == "__main__":
    main()
