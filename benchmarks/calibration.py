"""How far calibration finds where a simulated C-arm stood: benchmarks/calibration.{csv,md}.

    python benchmarks/calibration.py [phantoms]

Phantoms are seeds 101 and following, carotid injections seen with the noise of counted photons
behind a head. Each angle of a C-arm is off its header by a normal error of so many degrees, its
isocentre by 2 mm along each axis. Reconstructions are aligned rigidly before they are compared.
"""

import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "workflow/scripts"))

from angiovox.angiograms.calibration.anchor import rigid_motion, triangulate  # noqa: E402
from angiovox.angiograms.calibration.poses import calibrate  # noqa: E402
from angiovox.angiograms.measurement import Angiograms  # noqa: E402
from angiovox.geometry.cone_beam import CArm  # noqa: E402
from angiovox.geometry.grid import Grid  # noqa: E402
from angiovox.geometry.views import Views  # noqa: E402
from angiovox.phantoms.acquisition import Settings, fill  # noqa: E402
from angiovox.phantoms.angiography import Disturbance, Scene, run  # noqa: E402
from angiovox.projectors.voxel_backprojection import back_project  # noqa: E402
from angiovox.vessels.voxelize import occupancy  # noqa: E402

FIRST_SEED, PHANTOMS = 101, 5
ERRORS = (2, 0, 5, 1, 10)  # degrees, in the order of what one wants to know first
ISOCENTRE = 2.0  # mm, where there is an error
GEOMETRIES = {  # primary and secondary angles, mm of a pixel, errors
    "biplane": (((0, 20), (90, 0)), 0.4, ERRORS),
    "oblique": (((-30, 0), (60, 25)), 0.4, ERRORS),
    "three views": (((0, 0), (90, 0), (-45, 20)), 0.4, ERRORS),
    "biplane, detector of 96 mm": (((0, 20), (90, 0)), 0.3, (2, 0)),
}
GRID, COARSE = Grid((200,) * 3, (0.5,) * 3), Grid((100,) * 3, (1.0,) * 3)
FILLED = 3.0  # s
SHARES = np.geomspace(0.02, 0.6, 15)  # of the greatest value, tried as threshold of a hull

PAGE = """# Calibration of simulated angiograms

Means over phantoms; `python benchmarks/calibration.py` writes this page and `calibration.csv`,
which has each phantom. Two cores shared with other work: `cpu_s` tells more than `wall_s`.

- error_deg: standard deviation of each angle's error; isocentres are off by 2 mm along each axis
  where it is above 0. "two patients": view A of one phantom with view B of another.
- gap_mm: between two rays of one point of the centreline, which should meet. distortion_mm: of the
  centreline that rays meet at, after rigid alignment.
- normal_deg, other_deg: how far a view is turned against the first one, about the normal of both
  central rays, and about the two axes across it.
- dice: of a hull of 1 mm voxels at its best threshold, aligned; dice_true: at the true views.
- agreement: least correlation between views of the contrast per plane, after calibration.
  unmatched: largest share of a view's contrast without counterpart. warned: share of phantoms.

{}
"""


def measurement(scene, angles, pixel, seed, degrees, mm):
    """Angiograms as their header has them, and the true views."""
    arm, images, noise, true = CArm(1200, 750, (512, 512), (pixel, pixel)), [], [], []
    for plane, (primary, secondary) in enumerate(angles):
        frames = run(
            scene, arm, np.full(2, primary), np.full(2, secondary), np.array([0, FILLED]),
            np.array([True, False]), seed, disturbance=Disturbance(degrees, mm), plane=plane,
        )  # fmt: skip
        mask, filled = np.maximum(frames.greys, 1).astype(np.float32)
        images.append(np.log(mask / filled))
        noise.append(1.4826 * np.median(np.abs(images[-1] - np.median(images[-1]))))
        true.append(frames.true_views[[1]])
    angles, images = np.array(angles, dtype=float), np.stack(images)
    labels = tuple(f"LAO {primary:g}, CRA {secondary:g}" for primary, secondary in angles)
    seen = Angiograms(
        images, np.ones(images.shape, bool), np.array(noise), arm.views(*angles.T), angles,
        (arm,) * len(angles), labels,
    )  # fmt: skip
    return seen, Views.join(true)


def errors(points, true, views):
    """Of a centreline (points, 3): mm between rays that should meet, mm of distortion.

    And of the views: degrees turned against the first about the normal of their central rays, and
    otherwise.
    """
    pixels = true.project(points)
    inside = ((pixels >= 0) & (pixels < true.detector)).all(axis=(0, 2))
    points, pixels = points[inside], pixels[:, inside]
    found = triangulate(views, pixels)
    rotation, shift = rigid_motion(found, points)
    motion = [*Rotation.from_matrix(rotation).as_rotvec(), *shift]
    placed = views.moved(np.tile(motion, (len(views), 1)))
    again = triangulate(placed, pixels)
    pixel = np.linalg.norm(true.u[0]) * 750 / 1200
    gap = 2 * np.linalg.norm(views.project(found) - pixels, axis=2).mean() * pixel
    normal, other = turns(true, views)
    return (gap, np.linalg.norm(again - points, axis=1).mean(), normal, other), placed


def turns(true, views):
    """Mean degrees that views are turned against the first, about the normal and otherwise."""
    frames = [np.stack([one.u, np.cross(one.v, one.u), one.v], axis=2) for one in (true, views)]
    frames = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in frames]
    wrong = frames[1] @ frames[0].transpose(0, 2, 1)
    parts = []
    for view in range(1, len(true)):
        turn = np.degrees(Rotation.from_matrix(wrong[view] @ wrong[0].T).as_rotvec())
        normal = np.cross(true.source[0, :3], true.source[view, :3])
        normal /= np.linalg.norm(normal)
        parts.append((abs(turn @ normal), np.linalg.norm(turn - (turn @ normal) * normal)))
    return np.mean(parts, axis=0)


def hull_dice(seen, views, truth):
    """Best Dice of the minimum of back-projected line integrals, over thresholds."""
    hull = back_project(np.maximum(seen.line_integrals, 0), COARSE, views, "minimum")
    found = [hull > share * hull.max() for share in SHARES]
    return max(2 * (one & truth).sum() / (one.sum() + truth.sum()) for one in found)


def row(case, points, truth, seen, true):
    wall, cpu = time.perf_counter(), time.process_time()
    result = calibrate(seen, GRID, threads=2)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    names = "gap_mm", "distortion_mm", "normal_deg", "other_deg"
    columns = dict(case)
    for when, views in (("before", seen.views), ("after", result.angiograms.views)):
        values, placed = errors(points, true, views)
        columns |= {f"{name}_{when}": value for name, value in zip(names, values, strict=True)}
        columns[f"dice_{when}"] = hull_dice(seen, placed, truth)
    columns["dice_true"] = hull_dice(seen, true, truth)
    columns["agreement"] = min(pair.agreement for pair in result.pairs)
    columns["unmatched"] = max(max(pair.unmatched) for pair in result.pairs)
    columns["warned"] = bool(result.warnings)
    return columns | {"wall_s": wall, "cpu_s": cpu}


@cache
def phantom(seed):
    """What is seen, its centreline (points, 3) in mm, and its voxels."""
    filled = fill(seed, 100, Settings())
    truth = occupancy(filled.arteries, COARSE.shape, 1.0)[0] > 0.5
    return Scene(filled.arteries, filled.pose, seed), filled.arteries.finer(1.0).points, truth


def measured(geometry, error, seed):
    angles, pixel, _ = GEOMETRIES[geometry]
    return measurement(phantom(seed)[0], angles, pixel, seed, error, ISOCENTRE * (error > 0))


def two_patients(seed, next_seed):
    """The first view of one phantom with the second of another."""
    (seen, true), (other, _) = (measured("biplane", 0, one) for one in (seed, next_seed))
    images = np.stack([seen.line_integrals[0], other.line_integrals[1]])
    return replace(seen, line_integrals=images), true


def write(rows):
    """The rows, and their means as a page."""
    table = pd.DataFrame(rows).sort_values(["geometry", "error_deg", "seed"])
    table.to_csv(HERE / "calibration.csv", index=False, float_format="%.4g")
    cells = table.drop(columns="seed").groupby(["geometry", "error_deg"])
    means = cells.mean()
    means.insert(0, "phantoms", cells.size())
    page = PAGE.format(means.reset_index().to_markdown(index=False, floatfmt=".3g"))
    (HERE / "calibration.md").write_text(page, encoding="utf-8")


def main():
    rows, last = [], FIRST_SEED + int((*sys.argv[1:], PHANTOMS)[0])
    seeds = range(FIRST_SEED, last)
    cases = [
        (error, name) for error in ERRORS for name, how in GEOMETRIES.items() if error in how[2]
    ]
    for error, name in cases:
        for seed in seeds:
            case = {"geometry": name, "error_deg": error, "seed": seed}
            rows.append(row(case, *phantom(seed)[1:], *measured(name, error, seed)))
            write(rows)
    for seed in seeds:
        case = {"geometry": "two patients", "error_deg": 0, "seed": seed}
        following = FIRST_SEED + (seed + 1 - FIRST_SEED) % len(seeds)
        rows.append(row(case, *phantom(seed)[1:], *two_patients(seed, following)))
        write(rows)


if __name__ == "__main__":
    main()
