"""Whether what views decide of voxels is right, and whether what they leave open is open.

    python benchmarks/knowability.py [--phantoms 1 2 3 4] [--threads N]

Phantoms of a carotid injection, 2, 3 and 5 views. With true poses, and with poses that are off by a
normal error of 1 degree about each axis and 2 mm along each axis and then calibrated; the truth
lies where the calibrated views show it best. Voxels of 0.5 mm over 100 mm, detectors of 512 pixels;
refits in voxels of 1 mm, detectors of 256. Writes benchmarks/knowability.csv and .md.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "workflow" / "scripts")]

from angiovox.angiograms.alignment import moved, points_within, shared_motion  # noqa: E402
from angiovox.angiograms.calibration.poses import calibrate  # noqa: E402
from angiovox.angiograms.evidence import POSE_MM  # noqa: E402
from angiovox.angiograms.knowability import (  # noqa: E402
    EMPTY,
    UNDECIDED,
    VESSEL,
    classify,
)
from angiovox.angiograms.measurement import Angiograms  # noqa: E402
from angiovox.angiograms.refit import Part, apart, both_states_fit  # noqa: E402
from angiovox.geometry.grid import Grid  # noqa: E402
from angiovox.geometry.views import Views  # noqa: E402
from angiovox.projectors.attenuation import CONTRAST  # noqa: E402
from angiovox.vessels.graph import Arteries  # noqa: E402
from angiovox.vessels.voxelize import occupancy  # noqa: E402

from benchmarks.simulated_angiograms import ANGLES, Phantom, arm  # noqa: E402

PHANTOMS, COUNTS = (1, 2, 3, 4), (2, 3, 5)
VOXELS, PIXELS = 200, 512
REFIT_MM, REFIT_PIXELS, MARGIN_MM = 1.0, 256, 5.0
ERROR_DEGREES, ERROR_MM = 1.0, 2.0
POSES = ("true", "calibrated")
DRAWN, PIXELS_APART = 400, 14.0  # blocks of each kind, of which those are refitted that lie apart
ITERATIONS = 60
WIDE_MM = 2.0  # diameter from which on an artery counts as wide

PAGE = """# What views decide, and whether it is right

`python benchmarks/knowability.py`; `knowability.csv` has each phantom. Means over {phantoms}
phantoms, shares in percent.

- poses: true; or off by {degrees:g} degree and {mm:g} mm (standard deviations about and along each
  axis) and then calibrated. Classified with the tolerance of the command, {tolerance:g} mm.
- open: voxels left undecided. artery_empty: of artery (voxels that are artery by half or more),
  called certain empty; artery_located: in a stretch that some view requires a vessel in.
  artery_empty_worst: the greatest among phantoms. thin_empty, wide_empty: the same below and from
  {wide:g} mm of diameter on.
- vessel: voxels called certain vessel, all phantoms together. vessel_right: of them, artery.
- blocks: blocks of 3 x 3 x 3 voxels of 1 mm about undecided voxels that were refitted; fit_empty,
  fit_full, fit_both: of them, those that can be empty, whose middle can be full, and both, without
  any view noticing. artery_...: the same about undecided voxels that are artery.

{table}
"""


def main() -> None:
    """Measure every phantom, views and poses, and write the tables after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phantoms", type=int, nargs="+", default=PHANTOMS)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    rows = []
    for seed in arguments.phantoms:
        phantom = Phantom(seed, VOXELS)
        for count in COUNTS:
            for poses in POSES:
                rows.append(measure(phantom, count, poses, arguments.threads))
                print(rows[-1], flush=True)
                write(pd.DataFrame(rows))


def measure(phantom: Phantom, count: int, poses: str, threads: int) -> dict:
    """Classes and refits of one phantom from so many views."""
    start = time.process_time()
    angiograms, arteries = taken(phantom, count, poses, PIXELS, threads)
    row = {"phantom": phantom.seed, "views": count, "poses": poses}
    row |= classes(angiograms, arteries, phantom.grid, threads)
    angiograms, arteries = taken(phantom, count, poses, REFIT_PIXELS, threads)
    row |= refits(angiograms, arteries, phantom, threads)
    return row | {"cpu_s": time.process_time() - start}


def taken(
    phantom: Phantom, count: int, poses: str, pixels: int, threads: int
) -> tuple[Angiograms, Arteries]:
    """Views, and arteries where those views show them."""
    angles = np.array(ANGLES[:count], float)
    rng = np.random.default_rng([phantom.seed, 2, count])
    scale = np.repeat([np.radians(ERROR_DEGREES), ERROR_MM], 3)
    off = rng.normal(0, scale, (count, 6)) * (poses != "true")
    angiograms, true = phantom.seen_from(arm(pixels), angles, off, int(rng.integers(2**31)))
    if poses == "true":
        return angiograms, phantom.arteries
    found = calibrate(angiograms, phantom.grid, threads=threads).angiograms
    return found, aligned(phantom.arteries, phantom.grid, true, found.views)


def aligned(arteries: Arteries, grid: Grid, true: Views, views: Views) -> Arteries:
    """Arteries after the rigid motion that no view can tell."""
    motion = shared_motion(points_within(arteries.points, grid), true, views)
    return replace(arteries, points=moved(arteries.points, motion))


def voxelized(arteries: Arteries, grid: Grid) -> np.ndarray:
    """Voxels (x, y, z) bool that are artery by half or more."""
    around = arteries.moved(-np.asarray(grid.centre))
    return occupancy(around, grid.shape, grid.voxel_size[0])[0] >= 0.5


def classes(angiograms: Angiograms, arteries: Arteries, grid: Grid, threads: int) -> dict:
    """What is decided of each voxel, beside what it is."""
    known = classify(angiograms, grid, np.full(len(angiograms), CONTRAST), threads=threads)
    truth, state = voxelized(arteries, grid), known.state
    segments_wide = arteries.radii[arteries.segments].mean(axis=1) >= WIDE_MM / 2
    wide = voxelized(arteries.keep(segments_wide), grid) & truth
    empty, vessel = state == EMPTY, state == VESSEL
    return {
        "open": float((state == UNDECIDED).mean()),
        "artery_voxels": int(truth.sum()),
        "artery_empty": float(empty[truth].mean()),
        "thin_empty": float(empty[truth & ~wide].mean()),
        "wide_empty": float(empty[wide].mean()),
        "artery_located": float(known.located[truth].mean()),
        "vessel": int(vessel.sum()),
        "vessel_right": int((vessel & truth).sum()),
        "thinnest_mm": known.smallest_mm,
    }


def refits(angiograms: Angiograms, arteries: Arteries, phantom: Phantom, threads: int) -> dict:
    """How many of sampled undecided blocks can be empty, full, and both."""
    grid = around(phantom)
    contrast = np.full(len(angiograms), CONTRAST)
    known = classify(angiograms, grid, contrast, threads=threads)
    part = Part(grid, known.state != EMPTY)
    left = (known.state == UNDECIDED) & inside(grid, phantom.grid)
    found = {}
    for prefix, where in (("", left), ("artery_", left & voxelized(arteries, grid))):
        blocks = sampled(where, grid, angiograms.views, phantom.seed)
        fits = both_states_fit(
            angiograms, [part], contrast, blocks, held_iterations=ITERATIONS, threads=threads
        )
        empty, full = fits.can_be_empty, fits.can_be_full
        found |= {
            f"{prefix}blocks": len(blocks),
            f"{prefix}fit_empty": int(empty.sum()),
            f"{prefix}fit_full": int(full.sum()),
            f"{prefix}fit_both": int((empty & full).sum()),
            f"{prefix}misfit": float(fits.free.mean()),
        }
    return found


def around(phantom: Phantom) -> Grid:
    """A grid for refits that holds all of a phantom's contrast."""
    edges = np.multiply(phantom.around.shape, phantom.around.voxel_size) + 2 * MARGIN_MM
    shape = tuple(np.ceil(edges / REFIT_MM).astype(int).tolist())
    return Grid(shape, (REFIT_MM,) * 3, phantom.around.centre)


def inside(grid: Grid, other: Grid) -> np.ndarray:
    """Voxels (x, y, z) bool of a grid whose centres lie in another one."""
    places = other.to_index(grid.to_mm(np.indices(grid.shape).reshape(3, -1).T))
    held = ((places >= 0) & (places <= np.array(other.shape) - 1)).all(axis=1)
    return held.reshape(grid.shape)


def sampled(where: np.ndarray, grid: Grid, views: Views, seed: int) -> np.ndarray:
    """Middles (n, 3) of blocks drawn from voxels, none near another in all views."""
    places = np.argwhere(where)
    rng = np.random.default_rng([seed, 3])
    drawn = places[rng.permutation(len(places))[:DRAWN]]
    return drawn[apart(drawn, grid, views, PIXELS_APART)]


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Means over phantoms of shares, and sums of counts, by views and poses."""
    rows = []
    for (poses, views), part in table.groupby(["poses", "views"], sort=False):
        shares = {
            name: f"{100 * part[name].mean():.2f}"
            for name in ("open", "artery_empty", "thin_empty", "wide_empty", "artery_located")
        }
        worst = f"{100 * part['artery_empty'].max():.2f}"
        vessel, right = part["vessel"].sum(), part["vessel_right"].sum()
        row = {"poses": poses, "views": views, **shares, "artery_empty_worst": worst}
        row |= {"vessel": vessel, "vessel_right": percent(right, vessel)}
        for prefix in ("", "artery_"):
            count = part[f"{prefix}blocks"].sum()
            row[f"{prefix}blocks"] = count
            for state in ("empty", "full", "both"):
                name = f"{prefix}fit_{state}"
                row[name] = percent(part[name].sum(), count)
        rows.append(row)
    return pd.DataFrame(rows).sort_values(["poses", "views"], ascending=[False, True])


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "none"


def write(table: pd.DataFrame) -> None:
    """The table as CSV and for readers."""
    table.round(6).to_csv(HERE / "knowability.csv", index=False, lineterminator="\n")
    text = PAGE.format(
        phantoms=table["phantom"].nunique(),
        degrees=ERROR_DEGREES,
        mm=ERROR_MM,
        tolerance=POSE_MM,
        wide=WIDE_MM,
        table=summary(table).to_markdown(index=False, disable_numparse=True),
    )
    (HERE / "knowability.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
