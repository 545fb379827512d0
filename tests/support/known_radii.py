"""Radii whose truth is known: straight tubes, and phantoms with their exact centrelines.

Run, it measures the default cohort and writes the table into docs/metrics.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.spatial import KDTree

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from angiovox.geometry.affine import LPS_TO_RAS, isotropic_affine  # noqa: E402
from angiovox.masks.otsu import otsu_mask  # noqa: E402
from angiovox.metrics.calibre import CLASSES  # noqa: E402
from angiovox.metrics.overlap import binary  # noqa: E402
from angiovox.phantoms.acquisition import Settings, acquire  # noqa: E402
from angiovox.vessels.graph import Arteries  # noqa: E402
from angiovox.vessels.radii import radii  # noqa: E402
from angiovox.vessels.skeleton import centreline  # noqa: E402
from angiovox.vessels.voxelize import occupancy  # noqa: E402

CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())
NAMES = {"exact": "exact masks", "otsu": "Otsu masks"}


def tube(
    radius: float, along: Sequence[float], middle: Sequence[float], voxel_mm: float, edge: int = 40
) -> tuple[np.ndarray, np.ndarray]:
    """Mask of a straight tube, (edge,) * 3 bool, and its centreline far from both ends.

    radius, middle : mm. along : its direction.
    """
    axis = np.array(along) / np.linalg.norm(along)
    half = 0.4 * edge * voxel_mm
    ends = middle + np.outer([-half, half], axis)
    segment, one = np.array([[0, 1]]), np.zeros(1, dtype=int)
    arteries = Arteries(ends, np.full(2, radius), np.ones(2), segment, one, ("tube",))
    mask = binary(occupancy(arteries, (edge,) * 3, voxel_mm)[0])
    line = centreline(mask)
    place = ((line - (edge - 1) / 2) * voxel_mm - middle) @ axis
    return mask, line[np.abs(place) < half - radius - 2 * voxel_mm]


def exact_radii(arteries: Arteries, points: np.ndarray) -> np.ndarray:
    """Radius in mm of the artery that holds each point, (n, 3) mm, deepest."""
    finer = arteries.finer(0.1)
    apart, nearest = KDTree(finer.points).query(points, k=200)
    holder = nearest[np.arange(len(points)), np.argmax(finer.radii[nearest] - apart, axis=1)]
    return finer.radii[holder]


def cohort_radii(seeds: Iterable[int]) -> pd.DataFrame:
    """Measured and exact radius in mm of each centreline voxel of the default study's phantoms.

    Columns mask ("exact" or "otsu"), true, measured.
    """
    settings = {key: CONFIG["cohort"]["phantoms"][key] for key in ("injection", "lesions")}
    shape, voxel_mm = (CONFIG["volume"]["shape"],) * 3, CONFIG["volume"]["voxel_mm"]
    affine = LPS_TO_RAS @ isotropic_affine(shape, voxel_mm)
    tables = []
    for seed in seeds:
        taken = acquire(seed, shape, voxel_mm, Settings(**settings))
        for name, mask in (("exact", binary(taken.share)), ("otsu", otsu_mask(taken.volume)[0])):
            line = centreline(mask)
            true = exact_radii(taken.arteries, line @ affine[:3, :3].T + affine[:3, 3])
            measured = radii(mask, line, np.full(3, voxel_mm))
            tables.append(pd.DataFrame({"mask": name, "true": true, "measured": measured}))
    return pd.concat(tables, ignore_index=True)


def by_class(points: pd.DataFrame) -> pd.DataFrame:
    """Number of points, mean bias in mm and share in the right class, by mask and true class."""
    starts = list(CLASSES.values())
    true, measured = (
        np.searchsorted(starts, points[name], side="right") - 1 for name in ("true", "measured")
    )
    rows = points.assign(
        calibre=np.array(list(CLASSES))[true],
        bias=points["measured"] - points["true"],
        right=true == measured,
    )
    found = rows.groupby(["mask", "calibre"])
    return found.agg(points=("bias", "size"), bias=("bias", "mean"), right=("right", "mean"))


def main() -> None:
    """Measure the default cohort and write the table into docs/metrics.md."""
    phantoms = CONFIG["cohort"]["phantoms"]
    seeds = [1000 * phantoms["seed"] + number + 1 for number in range(phantoms["count"])]
    measured = by_class(cohort_radii(seeds))
    lines = ["| mask | " + " | ".join(CLASSES) + " |", "|---" * (len(CLASSES) + 1) + "|"]
    for mask, name in NAMES.items():
        cells = [measured.loc[mask, calibre] for calibre in CLASSES]
        shown = [f"{c['right']:.1%}, bias {round(c['bias'], 2) + 0.0:+.2f} mm" for c in cells]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    page = ROOT / "docs/metrics.md"
    before, rest = page.read_text().split("<!-- radii -->\n")
    after = rest.split("<!-- /radii -->")[1]
    table = "\n".join(lines) + "\n"
    page.write_text(f"{before}<!-- radii -->\n{table}<!-- /radii -->{after}")


if __name__ == "__main__":
    main()
