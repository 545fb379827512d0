"""What the view at 180 degrees adds to a 3D U-Net that is trained with it.

    python benchmarks/opposite_view_unet.py FOLDER

Phantoms, views, predictor and FOLDER are those of `opposite_view.py`, with voxels of 0.75 mm. Each
set of views has a network of its own, trained as the default study's U-Net but for EPOCHS, on the
study's training phantoms and on 200 more; the predictor has learned from none of them. FOLDER keeps
the networks' scores, so that a run goes on where it was stopped. Writes opposite_view_unet.csv;
`opposite_view.py FOLDER --table` puts it into the tables.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "workflow" / "scripts")]

from angiovox.io.atomic import atomic_file  # noqa: E402
from angiovox.io.table_files import read_table  # noqa: E402
from angiovox.method import Context  # noqa: E402
from angiovox.methods import registry  # noqa: E402

from benchmarks.opposite_view import (  # noqa: E402
    PREDICTOR,
    THREADS,
    VOXELS_MM,
    Views,
    measurement,
    opposite,
    quality,
    trained,
)
from benchmarks.opposite_view_data import FRONTAL, LATERAL, OPPOSITE, Scene  # noqa: E402
from benchmarks.opposite_view_tables import NETWORK, NETWORK_SETS, set_name  # noqa: E402

EPOCHS, SEED, WORKERS = 4, 1, 2  # 932 steps, where the study's U-Net takes 858


def main() -> None:
    """Train a network for each set of views, and write how well each reconstructs."""
    folder = Path(sys.argv[1])
    scene = Scene(VOXELS_MM[0])
    prepare(scene, folder / f"{scene.voxel_mm:g}mm")
    with ProcessPoolExecutor(WORKERS) as workers:
        tables = list(workers.map(partial(measured, folder), NETWORK_SETS))
    rows = pd.concat(tables, ignore_index=True)
    rows.to_csv(HERE / "opposite_view_unet.csv", index=False, float_format="%.7g")


def prepare(scene: Scene, folder: Path) -> None:
    """Simulate phantoms and train the predictor, which all networks share."""
    trained(scene, folder)
    for _ in scene.network_pool(folder):
        pass
    for split in ("train", "test"):
        for name in scene.split(split):
            scene.phantom(folder, name)


def measured(folder: Path, views: tuple[str, ...]) -> pd.DataFrame:
    """Scores of the test phantoms by a network that is trained for a set of views."""
    own = folder / "unet" / f"{'+'.join(views).replace(' ', '-')}-epochs-{EPOCHS}-seed-{SEED}"
    path = own / "scores.csv"
    if not path.exists():
        own.mkdir(parents=True, exist_ok=True)
        scene = Scene(VOXELS_MM[0])
        context = Context(SEED, "cpu", own / "checkpoint.pt", {"epochs": EPOCHS})
        table = pd.DataFrame(rows(scene, folder / f"{scene.voxel_mm:g}mm", views, context))
        with atomic_file(path) as temporary:
            table.to_csv(temporary, index=False)
        print(set_name(views), f"Dice {table['dice'].mean():.3f}", sep=", ")
    return read_table(path)


def rows(scene: Scene, folder: Path, views: tuple[str, ...], context: Context) -> Iterator[dict]:
    """A row for each test phantom, by a network that is trained here."""
    import torch

    torch.set_num_threads(THREADS)
    predictor = trained(scene, folder)
    patients = [
        (measurement(scene, named(scene, seen, views, predictor), views), mask)
        for seen, mask in training(scene, folder)
    ]
    settings = scene.config["methods"][NETWORK] | {"epochs": EPOCHS}
    method = registry.create(NETWORK, settings)
    state, _ = method.fit(patients, context)
    for patient in scene.split("test"):
        phantom = scene.phantom(folder, patient)
        seen = measurement(scene, named(scene, phantom.measured, views, predictor), views)
        found = method.reconstruct(state, seen, Context()).probability
        row = {"date": f"{datetime.date.today():%d %B %Y}", "voxel_mm": scene.voxel_mm}
        row |= {"epochs": EPOCHS, "seed": context.seed}
        row |= {"views": set_name(views), "patient": patient}
        yield row | quality(found, phantom.mask, scene.voxel_mm)


def training(scene: Scene, folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Measured views and masks that no predictor has learned from."""
    for name in scene.split("train"):
        phantom = scene.phantom(folder, name)
        yield phantom.measured, phantom.mask
    yield from scene.network_pool(folder)


def named(scene: Scene, seen: np.ndarray, views: tuple[str, ...], predictor: dict) -> Views:
    """The views of a set by their names, from all that were measured, (views, i, j)."""
    makers = {
        "0": lambda: seen[FRONTAL],
        "90": lambda: seen[LATERAL],
        "180": lambda: seen[OPPOSITE],
        "180 mirrored": lambda: opposite(scene, "mirror", seen[FRONTAL], {}),
        "180 predicted": lambda: opposite(scene, PREDICTOR, seen[FRONTAL], predictor),
    }
    return {name: makers[name]() for name in views}


if __name__ == "__main__":
    main()
