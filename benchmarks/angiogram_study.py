"""The study of reconstructions from angiograms of phantoms and of traced trees.

    python benchmarks/angiogram_study.py OUT [--series reference pose ...] [--methods hull ...]
        [--trees FOLDER] [--model FILE] [--threads N]

OUT gets trials/, a file for each trial, which is not repeated where it is there; trials.csv and
lesions.csv, a row for each trial or lesion and method; means.csv, differences.csv and
lesion_recall.csv; a table for each series, and figures. benchmarks/angiogram_study.yaml says what
is run, docs/angiogram_study.md what came of it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "workflow" / "scripts"))

from angiovox.angiograms import trial_scores  # noqa: E402
from angiovox.angiograms.alignment import truth  # noqa: E402
from angiovox.angiograms.baselines import best_threshold  # noqa: E402
from angiovox.angiograms.calibration.poses import calibrate  # noqa: E402
from angiovox.angiograms.contenders import (  # noqa: E402
    BASELINES,
    PROBABILITY,
    Contender,
    calibrated,
    network,
    without_phases,
)
from angiovox.angiograms.trials import Condition, Subject, Trial, simulate  # noqa: E402
from angiovox.figures import angiogram_study as figures  # noqa: E402
from angiovox.figures.style import save  # noqa: E402
from angiovox.io.atomic import atomic_file  # noqa: E402
from angiovox.io.model_files import load_model  # noqa: E402
from angiovox.io.table_files import read_table  # noqa: E402
from angiovox.reporting import angiogram_study as tables  # noqa: E402
from angiovox.vessels.swc import swc_files  # noqa: E402

METRICS = {
    "dice": "Dice",
    "cldice": "clDice",
    "assd_mm": "mean surface distance (mm)",
    "hd95_mm": "HD95 (mm)",
    "missed": "missed share",
    "centreline_recall": "centreline found",
    "radius_error_mm": "radius error (mm)",
    "radius_error_share": "radius error (share)",
    "spurious_parts": "spurious parts",
}

SHOWN = (("dice", "Dice"), ("cldice", "clDice"), ("assd_mm", "mean surface distance (mm)"))


class Study:
    """The study's settings, the folder of its results, and what is asked for."""

    def __init__(self, settings: dict[str, Any], out: Path, arguments: argparse.Namespace) -> None:
        self.settings, self.out = settings, out
        self.contenders = contenders(arguments.model)
        self.methods = arguments.methods or [*self.contenders]
        self.threads = arguments.threads
        self.trees = swc_files(arguments.trees) if arguments.trees else []

    def condition(self, changes: dict[str, Any]) -> Condition:
        wanted = self.settings["reference"] | changes
        angles = tuple(tuple(map(float, pair)) for pair in wanted.pop("angles"))
        return Condition(angles, **wanted)

    def phantoms(self, which: str, count: int | None = None) -> list[Subject]:
        first, last = self.settings["subjects"][which]
        return [Subject(seed) for seed in range(first, last + 1)][:count]

    def traced(self) -> list[Subject]:
        known = self.settings["subjects"]
        territory, axes = tuple(known["territory"]), known["axes"]
        return [Subject(n, path, territory, axes) for n, path in enumerate(self.trees, start=1)]

    def trial(self, subject: Subject, condition: Condition) -> Trial:
        return simulate(subject, condition, self.settings["lesions"], self.threads)

    def points(self, series: str) -> Iterator[tuple[Any, Condition]]:
        for point, changes in self.settings["series"][series]["points"].items():
            yield point, self.condition(changes)

    def groups(self, series: str) -> dict[str, list[Subject]]:
        known = self.settings["series"][series]
        groups = {"phantoms": self.phantoms("phantoms", known.get("phantoms"))}
        return groups | ({"trees": self.traced()} if known.get("trees") and self.trees else {})

    def folder(self, condition: Condition) -> Path:
        """Of trials under a condition, named by all that decides their numbers."""
        decisive = [asdict(condition), self.settings["lesions"], self.settings["subjects"]["fit"]]
        text = json.dumps(decisive, sort_keys=True)
        return self.out / "trials" / hashlib.sha256(text.encode()).hexdigest()[:12]


def contenders(model: Path | None) -> dict[str, Contender]:
    """Methods by name; a network's name has the digest of its model, so that no trial of another
    model is taken for its own."""
    known = dict(BASELINES)
    if model is not None:
        digest = hashlib.sha256(model.read_bytes()).hexdigest()[:8]
        known[f"network-{digest}"] = network(load_model(model))
    known |= {f"{name}-calibrated": calibrated(one, calibrate) for name, one in known.items()}
    if model is not None:
        full = f"network-{digest}-calibrated"
        known[f"{full}-without-phases"] = without_phases(known[full])
    return known


def thresholds(study: Study, condition: Condition) -> dict[str, float]:
    """Of each method the one that is best on some phantoms under a condition."""
    path = study.folder(condition) / "thresholds.json"
    known = _read(path)
    highest = {name: study.contenders[name].highest for name in study.methods}
    wanted = [name for name in study.methods if highest[name] and name not in known]
    if wanted:
        scored: dict[str, list] = {method: [] for method in wanted}
        for subject in study.phantoms("fit"):
            trial = study.trial(subject, condition)
            for method in wanted:
                found = _reconstruct(study, method, trial)
                scored[method].append((found.score, truth(trial, found.views).mask))
        known |= {name: best_threshold(pairs, highest[name]) for name, pairs in scored.items()}
        _write(path, known)
    return known | {name: PROBABILITY for name in study.methods if highest[name] is None}


def measure(
    study: Study, subject: Subject, condition: Condition, chosen: dict[str, float]
) -> dict[str, Any]:
    """Scores of each method on a trial, from its file where they are there."""
    path = study.folder(condition) / f"{subject.name}.json"
    known = _read(path)
    missing = [method for method in study.methods if method not in known]
    if missing:
        trial = study.trial(subject, condition)
        for method in missing:
            start = time.perf_counter()
            found = _reconstruct(study, method, trial)
            seconds = time.perf_counter() - start
            exact, mask = truth(trial, found.views), found.score >= chosen[method]
            known[method] = {
                "scores": trial_scores.scores(mask, exact),
                "lesions": trial_scores.lesion_rows(mask, exact),
                "threshold": chosen[method],
                "seconds": seconds,
            }
        _write(path, known)
    return {method: known[method] for method in study.methods}


def run_series(study: Study, series: str) -> tuple[list[dict], list[dict]]:
    """Rows of trials and of lesions of one series."""
    trials, lesions = [], []
    for point, condition in study.points(series):
        chosen = thresholds(study, condition)
        for group, subjects in study.groups(series).items():
            for subject in subjects:
                measured = measure(study, subject, condition, chosen)
                for method, found in measured.items():
                    key = {"series": series, "point": point, "group": group}
                    key |= {"subject": subject.name, "method": method}
                    other = {name: found[name] for name in ("threshold", "seconds")}
                    trials.append(key | other | found["scores"])
                    lesions += [key | lesion for lesion in found["lesions"]]
                print(series, point, subject.name, _short(measured), flush=True)
    return trials, lesions


def _short(measured: dict[str, Any]) -> str:
    return " ".join(f"{name} {found['scores']['dice']:.3f}" for name, found in measured.items())


def _reconstruct(study: Study, method: str, trial: Trial) -> Any:
    return study.contenders[method].reconstruct(trial.angiograms, trial.grid, study.threads)


def write_tables(study: Study, trials: pd.DataFrame, lesions: pd.DataFrame) -> pd.DataFrame:
    """Write all tables and return the means."""
    means = tables.summary(trials, METRICS)
    written = {
        "trials": trials,
        "lesions": lesions,
        "means": means,
        "differences": tables.differences(trials, "dice"),
        "lesion_recall": tables.lesion_recall(lesions),
    }
    for name, table in written.items():
        with atomic_file(study.out / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")
    titles = {method: study.contenders[method].title for method in study.methods}
    for (series, group), part in means.groupby(["series", "group"], sort=False):
        text = tables.markdown(part, METRICS, titles, list(dict.fromkeys(part["point"])))
        with atomic_file(study.out / f"{series}_{group}.md") as temporary:
            temporary.write_text(text, encoding="utf-8")
    return means


def draw(study: Study, means: pd.DataFrame) -> None:
    """A figure of each series over its axis, of phantoms, and one of lesions at the reference."""
    methods = {
        name: {"title": study.contenders[name].title, "family": study.contenders[name].family}
        for name in study.methods
    }
    phantoms = means[means["group"] == "phantoms"]
    for series, part in phantoms.groupby("series", sort=False):
        axis = study.settings["series"][series]["axis"]
        if axis and part["point"].nunique() > 1:
            note = f"Phantoms, n = {part['n'].max()}; mean and 95 % interval of Student's t"
            figure = figures.against(part, methods, SHOWN, axis, note)
            save(figure, study.out / f"{series}.png", study.out / f"{series}.pdf")
    recall = read_table(study.out / "lesion_recall.csv")
    for (series, point, group), part in recall.groupby(["series", "point", "group"]):
        if not study.settings["series"][series]["axis"]:
            figure = figures.lesions(part, methods, f"{group.capitalize()}: planted lesions")
            name = f"lesions_{series}_{point}_{group}"
            save(figure, study.out / f"{name}.png", study.out / f"{name}.pdf")


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write(path: Path, known: dict[str, Any]) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--settings", type=Path, default=HERE / "angiogram_study.yaml")
    parser.add_argument("--series", nargs="*")
    parser.add_argument("--methods", nargs="*", help="names; without any, all of them")
    parser.add_argument("--model", type=Path, help="of the network, as its training saves it")
    parser.add_argument("--trees", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    settings = yaml.safe_load(arguments.settings.read_text(encoding="utf-8"))
    study = Study(settings, arguments.out, arguments)
    trials, lesions = [], []
    for series in arguments.series or settings["series"]:
        rows = run_series(study, series)
        trials += rows[0]
        lesions += rows[1]
    draw(study, write_tables(study, pd.DataFrame(trials), pd.DataFrame(lesions)))


if __name__ == "__main__":
    main()
