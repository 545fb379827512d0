"""Lesions that the network misses at 2 and at 3 views: docs/missed_lesions.png.

    python benchmarks/missed_lesions.py OUT [--phantoms 9005 9010 ...] [--views 2 3] [--threads N]

Trials are those of benchmarks/angiogram_study.yaml (series "views"), poses calibrated. OUT gets
what was found, a file for each phantom and number of views; what is there is not repeated.
benchmarks/missed_lesions.csv has a row for each lesion and number of views; the figure has those of
which less than half is found with the fewest views, the least found first.
"""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy import ndimage

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "workflow" / "scripts")]

from angiovox.angiograms.alignment import Truth, truth  # noqa: E402
from angiovox.angiograms.calibration.poses import calibrate  # noqa: E402
from angiovox.angiograms.measurement import Angiograms  # noqa: E402
from angiovox.angiograms.reconstruction import reconstruct  # noqa: E402
from angiovox.angiograms.trial_scores import lesion_rows  # noqa: E402
from angiovox.angiograms.trials import Subject, Trial  # noqa: E402
from angiovox.angiograms.weights import load_weights  # noqa: E402
from angiovox.figures.missed_lesions import missed_lesions  # noqa: E402
from angiovox.figures.style import save  # noqa: E402
from angiovox.io.atomic import atomic_file  # noqa: E402
from angiovox.metrics.lesions import FOUND, Sphere  # noqa: E402
from angiovox.projectors.line_integral import line_integral  # noqa: E402

from benchmarks.angiogram_study import Study  # noqa: E402

PHANTOMS, VIEWS = (9005, 9010), (2, 3)
WEIGHTS = HERE.parent / "resources" / "angiogram_network"
PLANE_MM, STEP_MM = 30.0, 0.25  # edge of what is shown of a plane; of its pixels
NEAR_MM = 6.0  # of a lesion, whose arteries span its plane
MOST_ROWS = 4


@dataclass(frozen=True, eq=False)
class Seen:
    """A trial from so many views, calibrated, and what was found of it."""

    trial: Trial
    angiograms: Angiograms
    exact: Truth
    probability: np.ndarray


def seen(study: Study, phantom: int, count: int, out: Path, weights: dict, threads: int) -> Seen:
    """Take a phantom's angiograms, calibrate and reconstruct, or read what was found before."""
    condition = dict(study.points("views"))[count]
    trial = study.trial(Subject(phantom), condition)
    angiograms = calibrate(trial.angiograms, trial.grid, threads=threads).angiograms
    path = out / f"phantom-{phantom}-{count}.npz"
    if not path.exists():
        found = reconstruct(angiograms, trial.grid, weights, threads=threads).probability
        with atomic_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, probability=np.float16(found))
    with np.load(path) as stored:
        probability = np.float32(stored["probability"])
    return Seen(trial, angiograms, truth(trial, angiograms.views), probability)


def rows_of(phantom: int, one: Seen) -> list[dict]:
    """What was found of each lesion, and what the views show of it."""
    found = lesion_rows(one.probability >= 0.5, one.exact)
    others = [_evidence(one, sphere) for sphere in one.exact.spheres]
    views = len(one.angiograms)
    return [
        {"phantom": phantom, "views": views, "number": number} | lesion | other
        for number, (lesion, other) in enumerate(zip(found, others, strict=True))
    ]


def _evidence(one: Seen, sphere: Sphere) -> dict:
    """Lumen and contrast of a lesion, and how its shadow stands in the first two views.

    lumen_mm : least diameter of the artery within the sphere. shadow_N : line integral of contrast
    on the ray through the lesion, in standard deviations of noise, smoothed as the network sees it.
    other_mm_N : mm of artery on that ray outside the sphere.
    """
    grid, arteries = one.exact.grid, one.exact.arteries
    centre = grid.to_mm(np.array([sphere.centre]))
    near = np.linalg.norm(arteries.points - centre, axis=1) <= max(sphere.radius_mm, 1.0)
    row = {
        "lumen_mm": 2 * float(arteries.radii[near].min()) if near.any() else None,
        "contrast": float(arteries.contrast[near].mean()) if near.any() else None,
    }
    views = one.angiograms.views[[0, 1]]
    away = np.linalg.norm(_offsets(sphere, grid), axis=-1) > sphere.radius_mm
    other = line_integral(one.exact.share * away, grid, views)
    places = np.rint(views.project(centre)[:, 0]).astype(int)
    for view, (i, j) in enumerate(places):
        image = ndimage.gaussian_filter(one.angiograms.line_integrals[view], 1.0)
        noise = one.angiograms.noise[view] / (2 * np.sqrt(np.pi))
        row[f"shadow_{view + 1}"] = float(image[i, j] / noise)
        row[f"other_mm_{view + 1}"] = float(other[view, i, j])
    return row


def _offsets(sphere: Sphere, grid) -> np.ndarray:
    """Of all voxels (x, y, z, 3) from a lesion's centre, mm."""
    axes = [np.arange(edge) for edge in grid.shape]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return (places - np.array(sphere.centre)) * np.array(grid.voxel_size)


def plane(one: Seen, sphere: Sphere) -> tuple[np.ndarray, np.ndarray]:
    """Centre (3,) in mm, and directions (2, 3), of the plane that arteries about a lesion span."""
    centre = one.exact.grid.to_mm(np.array([sphere.centre]))[0]
    points = one.exact.arteries.finer(0.5).points
    offsets = points[np.linalg.norm(points - centre, axis=1) <= NEAR_MM] - centre
    _, _, directions = np.linalg.svd(offsets, full_matrices=True)
    return centre, directions[:2]


def sampled(
    volume: np.ndarray, one: Seen, centre: np.ndarray, directions: np.ndarray
) -> np.ndarray:
    """A plane (i, j) of a volume about a centre, in steps of 0.25 mm."""
    steps = np.arange(-PLANE_MM / 2, PLANE_MM / 2 + STEP_MM / 2, STEP_MM)
    places = centre + np.tensordot(
        np.stack(np.meshgrid(steps, steps, indexing="ij"), -1), directions, 1
    )
    index = one.exact.grid.to_index(places.reshape(-1, 3)).T
    values = ndimage.map_coordinates(np.float32(volume), index, order=1)
    return values.reshape(len(steps), len(steps))


def panels(lesion: dict, all_seen: dict[tuple[int, int], Seen], table: pd.DataFrame) -> dict:
    """What a row of the figure shows."""
    number, phantom = lesion["number"], lesion["phantom"]
    counts = sorted(count for one, count in all_seen if one == phantom)
    planes = []
    for count in counts:
        one = all_seen[phantom, count]
        where = plane(one, one.exact.spheres[number])
        recall = table[
            (table["phantom"] == phantom) & (table["views"] == count) & (table["number"] == number)
        ]["recall"].iloc[0]
        planes.append(
            {
                "views": count,
                "truth": sampled(one.exact.share, one, *where),
                "found": sampled(one.probability, one, *where),
                "recall": recall,
            }
        )
    first = all_seen[phantom, counts[0]]
    return lesion | {"planes": planes, "images": [_image(first, number, view) for view in (0, 1)]}


def _image(one: Seen, number: int, view: int) -> dict:
    """A view about a lesion, with the shadows of what was found and of the truth."""
    arm, sphere = one.angiograms.arms[view], one.exact.spheres[number]
    grid, views = one.exact.grid, one.angiograms.views[[view]]
    pixel = arm.pixel_size[0] / arm.magnification
    middle = np.rint(views.project(grid.to_mm(np.array([sphere.centre])))[0, 0]).astype(int)
    reach = int(PLANE_MM / 2 / pixel)
    window = tuple(slice(max(0, at - reach), at + reach + 1) for at in middle)
    shadow = line_integral(np.float32(one.probability >= 0.5), grid, views)[0]
    return {
        "label": one.angiograms.labels[view],
        "image": one.angiograms.line_integrals[view][window] / one.angiograms.noise[view],
        "found": shadow[window],
        "pixel_mm": pixel,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--phantoms", type=int, nargs="+", default=PHANTOMS)
    parser.add_argument("--views", type=int, nargs="+", default=VIEWS)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    settings = yaml.safe_load((HERE / "angiogram_study.yaml").read_text(encoding="utf-8"))
    given = Namespace(model=None, methods=None, threads=arguments.threads, trees=None)
    study, weights = Study(settings, arguments.out, given), load_weights(WEIGHTS)
    all_seen, rows = {}, []
    for phantom in arguments.phantoms:
        for count in arguments.views:
            one = seen(study, phantom, count, arguments.out, weights, arguments.threads)
            all_seen[phantom, count] = one
            rows += rows_of(phantom, one)
            print(*rows[-len(one.exact.spheres) :], sep="\n", flush=True)
        write(pd.DataFrame(rows), all_seen, arguments.out)


def write(table: pd.DataFrame, all_seen: dict[tuple[int, int], Seen], out: Path) -> None:
    """The table, and the figure where a lesion is missed with the fewest views."""
    table.round(4).to_csv(HERE / "missed_lesions.csv", index=False, lineterminator="\n")
    missed = table[(table["views"] == table["views"].min()) & (table["recall"] < FOUND)]
    chosen = missed.sort_values("recall", kind="stable").head(MOST_ROWS).to_dict("records")
    if chosen:
        figure = missed_lesions([panels(lesion, all_seen, table) for lesion in chosen], STEP_MM)
        save(figure, HERE.parent / "docs/missed_lesions.png", out / "missed_lesions.pdf")


if __name__ == "__main__":
    main()
