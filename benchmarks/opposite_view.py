"""What the view at 180 degrees adds to the frontal one: a true one, a predicted and a mirrored one.

    python benchmarks/opposite_view.py FOLDER [--table]

Phantoms of the default study in the cone beam of config/dsa.yaml, at its field of view and at
twice the voxel size. A 2D U-Net learns from the study's pool of phantoms to predict the opposite
view from the frontal one; SIRT, hull and back-projection have their thresholds from the study's
training phantoms, none of which the U-Net has seen; ten test phantoms are measured. FOLDER keeps
phantoms and models. Writes opposite_view.csv, opposite_view_predictions.csv, opposite_view.md and
docs/opposite_view.png; with `--table` the last two, from the first.
"""

from __future__ import annotations

import dataclasses
import datetime
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "workflow" / "scripts")]

from angiovox.geometry.imaging import PARALLEL  # noqa: E402
from angiovox.io.model_files import load_model, save_model  # noqa: E402
from angiovox.io.table_files import read_table  # noqa: E402
from angiovox.method import Context, Measurement  # noqa: E402
from angiovox.methods import registry  # noqa: E402
from angiovox.metrics.evaluate import Case  # noqa: E402
from angiovox.metrics.overlap import scores  # noqa: E402
from angiovox.metrics.topology import centreline_dice  # noqa: E402
from angiovox.projectors.attenuation import CONTRAST  # noqa: E402
from angiovox.projectors.imaging import FULL_MM, fractions  # noqa: E402
from angiovox.projectors.line_integral import line_integral  # noqa: E402
from angiovox.projectors.voxel_backprojection import back_project  # noqa: E402
from angiovox.view_prediction.opposite_training import SHOWN  # noqa: E402
from angiovox.view_prediction.predictor import predict  # noqa: E402
from angiovox.view_prediction.registry import PREDICTORS  # noqa: E402
from angiovox.view_prediction.scores import view_scores  # noqa: E402

from benchmarks.opposite_view_data import (  # noqa: E402
    FRONTAL,
    LATERAL,
    OPPOSITE,
    OppositePairs,
    Phantom,
    Scene,
)
from benchmarks.opposite_view_figure import Images, draw  # noqa: E402
from benchmarks.opposite_view_tables import SETS, markdown, set_name  # noqa: E402

VOXELS_MM, SEED, THREADS = (0.75, 1.5), 1, 1
METHODS = ("backprojection", "hull", "sirt")
METRICS = ("iou", "dice", "precision", "recall", "cldice")
PREDICTOR = "opposite_unet"
INDICES = {"0": FRONTAL, "90": LATERAL, "0 again": FRONTAL}  # all others are the opposite view
FULL_SCALE = FULL_MM * CONTRAST
Views = Mapping[str, np.ndarray]  # by the name that sets have for them, (i, j)


def main() -> None:
    """Simulate, train, reconstruct, and write tables and figure."""
    folder = Path(sys.argv[1])
    results, predictions = HERE / "opposite_view.csv", HERE / "opposite_view_predictions.csv"
    if "--table" not in sys.argv:
        rows, of_views = [], []
        date = f"{datetime.date.today():%d %B %Y}"
        for voxel_mm in VOXELS_MM:
            for beam, measured in measure(Scene(voxel_mm), folder / f"{voxel_mm:g}mm"):
                kept = rows if beam != "views" else of_views
                for row in measured:
                    kept.append({"date": date, "voxel_mm": voxel_mm, "beam": beam} | row)
                    print(*kept[-1].values(), flush=True)
        pd.DataFrame(rows).to_csv(results, index=False, float_format="%.7g")
        views = pd.DataFrame(of_views).drop(columns=["date", "beam"])
        views.to_csv(predictions, index=False, float_format="%.5g")
    shown = {mm: shown_views(Scene(mm), folder / f"{mm:g}mm") for mm in VOXELS_MM}
    draw(shown, read_table(results), HERE.parent / "docs" / "opposite_view.png")
    text = markdown(results, predictions, HERE / "opposite_view_unet.csv")
    (HERE / "opposite_view.md").write_text(text, encoding="utf-8")
    print(text)


def measure(scene: Scene, folder: Path) -> Iterator[tuple[str, Iterable[dict]]]:
    """Rows of predicted views, of the cone beam, and of a parallel beam without noise."""
    model = trained(scene, folder)
    train, test = (
        {name: scene.phantom(folder, name) for name in scene.split(split)}
        for split in ("train", "test")
    )
    yield "views", prediction_rows(scene, test, model)
    yield "cone", compared(scene, *(cone_views(scene, one, model) for one in (train, test)))
    scene = in_parallel_beam(scene)
    of_train, of_test = (parallel_views(scene, one) for one in (train, test))
    yield "views", parallel_rows(of_test)
    yield "parallel", compared(scene, of_train, of_test)


def shown_views(scene: Scene, folder: Path) -> Images:
    """Of the phantom that the study's figures show, in mm of undiluted contrast."""
    phantom = scene.phantom(folder, scene.study.example_patient)
    frontal, truth = phantom.measured[FRONTAL], phantom.clean[OPPOSITE]
    mirrored = opposite(scene, "mirror", frontal, {}) - truth
    predicted = opposite(scene, PREDICTOR, frontal, trained(scene, folder)) - truth
    return tuple(image / CONTRAST for image in (frontal, truth, mirrored, predicted))


def trained(scene: Scene, folder: Path) -> dict:
    """The model of the 2D U-Net, trained once."""
    import torch

    torch.set_num_threads(THREADS)
    path = folder / "model.pt"
    if not path.exists():
        examples = OppositePairs(scene, scene.pool(folder))
        context = Context(SEED, "cpu", folder / "checkpoint.pt", log=print)
        state, _ = PREDICTORS[PREDICTOR]().fit(examples, context)
        save_model(path, state)
    return load_model(path)


def opposite(scene: Scene, name: str, image: np.ndarray, state: dict) -> np.ndarray:
    """The view at 180 degrees by a predictor, (i, j), from the frontal one."""
    given = scene.measurement(image[None], [FRONTAL])
    wanted = scene.measurement(image[None], [OPPOSITE])
    return predict(PREDICTORS[name](), "phantom", state, given, wanted, Context())[0]


def prediction_rows(scene: Scene, phantoms: Mapping[str, Phantom], model: dict) -> Iterator[dict]:
    """Scores of views beside the opposite one without noise."""
    for patient, phantom in phantoms.items():
        frontal, truth = phantom.measured[FRONTAL], phantom.clean[OPPOSITE]
        views = {
            "mirrored": opposite(scene, "mirror", frontal, {}),
            "predicted": opposite(scene, PREDICTOR, frontal, model),
            "mirrored, no noise": opposite(scene, "mirror", phantom.clean[FRONTAL], {}),
            "measured": phantom.measured[OPPOSITE],
        }
        for name, image in views.items():
            found = view_scores(image, truth, FULL_SCALE, SHOWN * FULL_SCALE)
            row = {"view": name, "patient": patient, "largest_mm": largest_mm(image, truth)}
            yield row | found


def parallel_rows(phantoms: Mapping[str, tuple[np.ndarray, Views]]) -> Iterator[dict]:
    """The largest error of the mirrored view in a parallel beam."""
    for patient, (_, views) in phantoms.items():
        apart = largest_mm(views["180 mirrored"], views["180"])
        yield {"view": "mirrored, parallel beam", "patient": patient, "largest_mm": apart}


def largest_mm(image: np.ndarray, truth: np.ndarray) -> float:
    """The largest error of a pixel, in mm of undiluted contrast."""
    return float(np.abs(image - truth).max() / CONTRAST)


def cone_views(scene: Scene, phantoms: Mapping[str, Phantom], model: dict) -> dict:
    """Mask and views of each phantom, by name."""
    found = {}
    for name, phantom in phantoms.items():
        frontal = phantom.measured[FRONTAL]
        views = {
            "0": frontal,
            "90": phantom.measured[LATERAL],
            "0 again": phantom.repeated,
            "180 mirrored": opposite(scene, "mirror", frontal, {}),
            "180 mirrored, no noise": opposite(scene, "mirror", phantom.clean[FRONTAL], {}),
            "180 predicted": opposite(scene, PREDICTOR, frontal, model),
            "180": phantom.measured[OPPOSITE],
        }
        found[name] = phantom.mask, views
    return found


def in_parallel_beam(scene: Scene) -> Scene:
    """The same scene with parallel rays and no noise."""
    imaging = dataclasses.replace(scene.imaging, beam=PARALLEL, photons=None)
    return scene.with_imaging(imaging)


def parallel_views(scene: Scene, phantoms: Mapping[str, Phantom]) -> dict:
    """Mask and views of each phantom, by name."""
    found = {}
    for name, phantom in phantoms.items():
        share, both = phantom.share * np.float32(CONTRAST), scene.views[[FRONTAL, OPPOSITE]]
        frontal, behind = line_integral(share, scene.grid, both)
        mirrored = opposite(scene, "mirror", frontal, {})
        found[name] = phantom.mask, {"0": frontal, "180 mirrored": mirrored, "180": behind}
    return found


def compared(scene: Scene, train: dict, test: dict) -> Iterator[dict]:
    """Rows of every method on every set of views that there is."""
    known = next(iter(test.values()))[1]
    for views in (one for one in SETS if {*one} <= {*known}):
        training = [(measurement(scene, given, views), mask) for mask, given in train.values()]
        tested = {
            patient: (measurement(scene, given, views), mask)
            for patient, (mask, given) in test.items()
        }
        for name in METHODS:
            method = registry.create(name, {})
            state, _ = method.fit(training, Context())
            for patient, (seen, mask) in tested.items():
                found = method.reconstruct(state, seen, Context()).probability
                row = {"method": name, "views": set_name(views), "patient": patient}
                yield row | quality(found, mask, scene.voxel_mm)


def measurement(scene: Scene, given: Views, names: tuple[str, ...]) -> Measurement:
    """What the methods look at, of some of a phantom's views."""
    chosen = [INDICES.get(name, OPPOSITE) for name in names]
    images = np.stack([given[name] for name in names])
    scaled, views = fractions(images), scene.views[chosen]
    inputs = {
        "sum": back_project(scaled, scene.grid, views, "mean"),
        "min": back_project(scaled, scene.grid, views, "minimum"),
        "line_integrals": images,
        "projections": images,
    }
    return dataclasses.replace(scene.measurement(images, chosen), inputs=inputs, cone_beam=views)


def quality(found: np.ndarray, mask: np.ndarray, voxel_mm: float) -> dict[str, float]:
    """Scores of a reconstruction."""
    case = Case(found, mask, np.full(3, voxel_mm))
    every = scores(found, mask) | centreline_dice(*case.masks, case.lines)
    return {name: every[name] for name in METRICS}


if __name__ == "__main__":
    main()
