"""What two ideal views leave open, and what helps: thickness, or the time at which contrast comes.

    python benchmarks/two_view_ambiguity.py [SEED ...]

For phantoms seen from two orthogonal directions without error or noise: the voxels on which both
views show artery, the share of them that is artery, and the same of those whose two pixels agree in
thickness (within a factor of 1.5), or in the time of arrival (0.3 s, each pixel's known to 0.15 s),
with the share of the arteries that is kept. docs/angiogram_study.md has a run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

from angiovox.geometry.cone_beam import CArm  # noqa: E402
from angiovox.geometry.grid import Grid  # noqa: E402
from angiovox.metrics.overlap import binary  # noqa: E402
from angiovox.phantoms.acquisition import Settings, fill  # noqa: E402
from angiovox.phantoms.bolus import arrival_times  # noqa: E402
from angiovox.projectors.line_integral import line_integral  # noqa: E402
from angiovox.projectors.voxel_backprojection import back_project  # noqa: E402
from angiovox.vessels.voxelize import occupancy  # noqa: E402

ARM = CArm(1195.0, 810.0, (512, 512), (0.6, 0.6))
GRID = Grid((200,) * 3, (0.5,) * 3)
SHOWN_MM = 0.25  # of artery on a pixel's ray
THICKNESS, SECONDS, SECONDS_KNOWN_TO = 1.5, 0.3, 0.15


def main() -> None:
    print("seed,kept,voxels,artery_share,arteries_kept")
    for seed in map(int, sys.argv[1:] or range(9001, 9007)):
        for kept, voxels, precision, recall in rows(seed):
            print(f"{seed},{kept},{voxels},{precision:.3f},{recall:.3f}", flush=True)


def rows(seed: int) -> Iterator[tuple[str, int, float, float]]:
    """What is kept, its voxels, their share that is artery, and the arteries' share among them."""
    arteries = fill(seed, 100.0, Settings(), random_pose=True).arteries
    share = occupancy(arteries, GRID.shape, GRID.voxel_size[0])[0].astype(np.float32)
    views = ARM.views([0.0, 90.0], [0.0, 0.0])
    passed = line_integral(share, GRID, views)
    late = line_integral(share * arrival(arteries, share), GRID, views)
    noise = np.random.default_rng(seed).normal(0, SECONDS_KNOWN_TO, passed.shape)
    when = (late / np.maximum(passed, SHOWN_MM) + noise).astype(np.float32)
    shown = (passed > SHOWN_MM).astype(np.float32)
    hull = back_project(shown, GRID, views, "minimum") > 0.5
    thick, times = (
        [back_project(each[[view]], GRID, views[[view]], "mean")[hull] for view in (0, 1)]
        for each in (passed, when)
    )
    alike = np.abs(np.log(np.maximum(thick[0], 0.1) / np.maximum(thick[1], 0.1)))
    in_thickness, in_time = alike < np.log(THICKNESS), np.abs(times[0] - times[1]) < SECONDS
    artery = binary(share)
    whole = artery.sum()
    choices = {"hull": np.ones_like(in_time), "thickness": in_thickness, "arrival": in_time}
    for name, kept in choices.items():
        hits = artery[hull][kept].sum()
        yield name, int(kept.sum()), hits / kept.sum(), hits / whole


def arrival(arteries, share: np.ndarray) -> np.ndarray:
    """Seconds (x, y, z) float32 until contrast comes to each voxel that holds artery, else 0."""
    fine = arteries.finer(GRID.voxel_size[0])
    seconds = arrival_times(fine)
    comes = np.isfinite(seconds)
    places = np.argwhere(share > 0)
    nearest = KDTree(fine.points[comes]).query(GRID.to_mm(places))[1]
    result = np.zeros(share.shape, np.float32)
    result[tuple(places.T)] = seconds[comes][nearest]
    return result


if __name__ == "__main__":
    main()
