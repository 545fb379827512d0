"""Predicted views beside views that nobody was given, and what a reconstruction gains from them.

    python benchmarks/view_prediction.py RESULTS [--out CSV] [--work FOLDER] [--table]

RESULTS is the folder of the finished default study. Predictors learn from phantoms of its pool, or
from the given views of the test patient alone; methods' volumes are those of RESULTS, projected.
FOLDER keeps models and predicted views, so that a second run goes on. Writes CSV
(benchmarks/view_prediction.csv), beside it one of the same name that ends in _worth, the page
benchmarks/view_prediction.md and docs/view_prediction.png; with `--table` the last two, from the
tables and from FOLDER.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "workflow" / "scripts")]

from angiovox.io.atomic import atomic_file  # noqa: E402
from angiovox.io.model_files import load_model, save_model  # noqa: E402
from angiovox.method import Context, Measurement  # noqa: E402
from angiovox.view_prediction.predictor import predict  # noqa: E402
from angiovox.view_prediction.registry import PREDICTORS  # noqa: E402
from angiovox.view_prediction.scores import view_scores  # noqa: E402
from angiovox.view_prediction.volume_rendering import rendered  # noqa: E402

from benchmarks.view_prediction_data import HELD_OUT, OTHERS, Cohort, PoolExamples  # noqa: E402
from benchmarks.view_prediction_figure import draw  # noqa: E402
from benchmarks.view_prediction_tables import markdown  # noqa: E402
from benchmarks.view_prediction_worth import worth_rows  # noqa: E402

COUNTS, SHOWN_COUNT = (2, 3, 5, 10), 3
SEED, THREADS = 1, 1
SIMPLE = ("nearest_view", "grey_hull")
LEARNT = ("deferred_neural_rendering", "npbg", "npbg_plus_plus")
SETTINGS = {  # smaller than the originals', for images of 64 x 64 pixels
    "deferred_neural_rendering": {
        "steps": 60,
        "images": 4,
        "texture_rate": 0.05,
        "learning_rate": 0.005,
        "channels": 8,
    },
    "npbg": {
        "epochs": 4,
        "steps": 80,
        "images": 4,
        "learning_rate": 0.001,
        "schedule": "linear-decay",
        "channels": 8,
    },
    "npbg_plus_plus": {
        "epochs": 6,
        "images": 4,
        "learning_rate": 0.003,
        "schedule": "one-cycle",
        "channels": 8,
        "encoder": 8,
    },
}
POOL = {"npbg": 40, "npbg_plus_plus": 100}  # phantoms that they learn from, at each view count
ADDED_BY = ("npbg_plus_plus",)  # whose views are taken beside the given ones


class Views:
    """Predicted views of the cohort's patients, each predicted once."""

    def __init__(self, cohort: Cohort, folder: Path):
        self.cohort, self.folder = cohort, folder

    def of(self, name: str, views: int, patient: str) -> tuple[np.ndarray, float]:
        """All views that are wanted of a patient, (HELD_OUT and OTHERS, i, j), and the seconds."""
        path = self.folder / name / f"{views}-{patient}.npz"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            started = time.process_time()
            found = self._predicted(name, views, patient)
            with atomic_file(path) as temporary, temporary.open("wb") as file:
                np.savez(file, views=found, seconds=time.process_time() - started)
        with np.load(path) as stored:
            return stored["views"], float(stored["seconds"])

    def held_out(self, name: str, views: int, patient: str) -> tuple[np.ndarray, float]:
        """Those that scores are of, by a predictor or by a method's volume, and the seconds."""
        if name in PREDICTORS:
            found, seconds = self.of(name, views, patient)
            return found[: len(HELD_OUT)], seconds
        started = time.process_time()
        volume = self.cohort.probability(name, views, patient)
        given, wanted = self.cohort.given(patient, views), self.cohort.wanted(HELD_OUT)
        return rendered(volume, given, wanted), time.process_time() - started

    def others(self, name: str, views: int, patient: str) -> np.ndarray:
        """Those that are taken beside the given ones, (OTHERS, i, j)."""
        return self.of(name, views, patient)[0][len(HELD_OUT) :]

    def _predicted(self, name: str, views: int, patient: str) -> np.ndarray:
        predictor, state = made(name), self._model(name)
        given: Measurement = self.cohort.given(patient, views)
        wanted = self.cohort.wanted((*HELD_OUT, *OTHERS))
        return predict(predictor, patient, state, given, wanted, Context(SEED))

    def _model(self, name: str) -> dict:
        """What a predictor has learnt from the pool, trained once."""
        if name not in POOL:
            return {}
        path = self.folder / f"{name}.pt"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            examples = PoolExamples(self.cohort, self.cohort.pool(POOL[name]), COUNTS, SEED)
            started = time.process_time()
            context = Context(SEED, "cpu", self.folder / f"{name}.checkpoint.pt", log=print)
            state, _ = made(name).fit(examples, context)
            print(f"{name}: trained in {time.process_time() - started:.0f} s", flush=True)
            save_model(path, state)
        return load_model(path)


def made(name: str):
    """A predictor with the benchmark's settings."""
    kind = PREDICTORS[name]
    return kind(kind.Settings(**SETTINGS.get(name, {})))


def rows(cohort: Cohort, views: Views) -> Iterator[dict]:
    """Mean scores of each patient's held-out views, by predictor and by number of given views."""
    full_scale = cohort.full_scale
    for count in COUNTS:
        for name in (*SIMPLE, *cohort.methods(count), *LEARNT):
            for patient in cohort.test:
                truth = cohort.projections(patient)[list(HELD_OUT)]
                found, seconds = views.held_out(name, count, patient)
                vessel = cohort.threshold(patient)
                pairs = zip(found, truth, strict=True)
                scores = pd.DataFrame(view_scores(*pair, full_scale, vessel) for pair in pairs)
                row = {"predictor": name, "views": count, "patient": patient}
                yield row | scores.mean().to_dict() | {"cpu_s": seconds}
            print(name, count, flush=True)


def main() -> None:
    """Predict, score, reconstruct, and write tables and figure."""
    import torch

    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("results", type=Path)
    options.add_argument("--out", type=Path, default=HERE / "view_prediction.csv")
    options.add_argument("--work", type=Path, default=Path("view_prediction"))
    options.add_argument("--table", action="store_true")
    chosen = options.parse_args()
    torch.set_num_threads(THREADS)
    cohort = Cohort(chosen.results)
    views, worth = Views(cohort, chosen.work), chosen.out.with_name(f"{chosen.out.stem}_worth.csv")
    if not chosen.table:
        how = {"index": False, "float_format": "%.6g"}
        pd.DataFrame(rows(cohort, views)).to_csv(chosen.out, **how)
        pd.DataFrame(worth_rows(cohort, views, ADDED_BY)).to_csv(worth, **how)
    names = ("nearest_view", "grey_hull", "consistent", *LEARNT)
    draw(cohort, views, names, SHOWN_COUNT, HERE.parent / "docs" / "view_prediction.png")
    text = markdown(chosen.out, worth)
    chosen.out.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
