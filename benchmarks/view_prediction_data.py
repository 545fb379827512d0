"""The finished default study as `benchmarks/view_prediction.py` looks at it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import yaml
from angiovox.geometry.parallel_beam import projection_angles, view_indices
from angiovox.io.nifti import load_mask, load_quantized, load_volume
from angiovox.io.pool_files import count_examples, read_example
from angiovox.method import Measurement
from angiovox_pipeline.study import Study

ROOT = Path(__file__).parents[1]
SEED_FOLDER = "seed-1"
# Of the 90 projections: one between each two of the ten that are given, which is at least 3 from
# each that is given at 2, 3, 5 or 10 views.
HELD_OUT = (5, 15, 26, 35, 47, 55, 64, 75, 84)
OTHERS = (10, 20, 30, 40, 50, 60, 70, 80)  # those of ten views that two do not have


class Cohort:
    """Patients of a finished study, and its phantoms that only train.

    results : the folder of the default study.
    """

    def __init__(self, results: Path):
        self.results = results
        config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
        self.config, cohort = config, Study.read(config).cohort
        self.angles = projection_angles(config["projections"])
        self.test, self.train = (
            [name for name, patient in cohort.items() if patient.split == split]
            for split in ("test", "train")
        )
        self.projections = lru_cache(maxsize=64)(self._projections)

    def given(self, patient: str, views: int) -> Measurement:
        """The views of a patient at a view count."""
        return self.measurement(self.projections(patient), self.chosen(views))

    def chosen(self, views: int) -> np.ndarray:
        """Numbers of the projections at a view count."""
        return view_indices(len(self.angles), views)

    def measurement(self, projections: np.ndarray, chosen: Sequence[int]) -> Measurement:
        """Some of a patient's projections (views, i, j)."""
        chosen = np.asarray(chosen)
        return Measurement(self.angles[chosen], {"projections": projections[chosen]})

    def wanted(self, chosen: Sequence[int]) -> Measurement:
        """Angles of some projections, which are not shown."""
        return Measurement(self.angles[np.asarray(chosen)], {})

    def threshold(self, patient: str) -> float:
        """Otsu's threshold of the patient's volume: a pixel above it shows a vessel."""
        path = self.results / "masks" / f"{patient}.json"
        return json.loads(path.read_text(encoding="utf-8"))["threshold"]

    def mask(self, patient: str) -> np.ndarray:
        return load_mask(self.results / "masks" / f"{patient}.nii.gz")

    @cached_property
    def full_scale(self) -> float:
        """The largest range of a test patient's projections, alike for all."""
        return max(float(np.ptp(self.projections(patient))) for patient in self.test)

    def methods(self, views: int) -> list[str]:
        """Methods with volumes of all test patients at a view count."""
        folder = self.results / "reconstructions"
        names = sorted(path.name for path in folder.iterdir())
        return [name for name in names if self._path(name, views, self.test[-1]).exists()]

    def probability(self, method: str, views: int, patient: str) -> np.ndarray:
        """A method's volume (x, y, z) of a patient."""
        return load_volume(self._path(method, views, patient))[0]

    def pool(self, count: int) -> list[np.ndarray]:
        """Projections (views, i, j) of the pool's first phantoms."""
        found: list[np.ndarray] = []
        for path in sorted((self.results / "pool").glob("*.npz")):
            numbers = range(min(count - len(found), count_examples(path)))
            found += [np.float32(read_example(path, n)[0].values()) for n in numbers]
        return found

    def _projections(self, patient: str) -> np.ndarray:
        stored, _ = load_quantized(self.results / "projections" / f"{patient}.nii")
        return np.float32(stored.values())

    def _path(self, method: str, views: int, patient: str) -> Path:
        folder = self.results / "reconstructions" / method / f"views-{views}" / SEED_FOLDER
        return folder / f"{patient}.nii.gz"


class PoolExamples(Sequence):
    """Phantoms to learn from, each at every view count, with ten others of its views.

    Of a phantom that is asked for the others are the same each time; of a drawn one they are drawn.
    """

    def __init__(
        self, cohort: Cohort, phantoms: list[np.ndarray], counts: Sequence[int], seed: int
    ):
        self.cohort, self.phantoms, self.counts, self.seed = cohort, phantoms, counts, seed

    def __len__(self) -> int:
        return len(self.phantoms) * len(self.counts)

    def __getitem__(self, index: int) -> tuple[Measurement, Measurement]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.drawn(index, np.random.default_rng([self.seed, index]))

    def drawn(self, index: int, rng: np.random.Generator) -> tuple[Measurement, Measurement]:
        """A phantom's given views, and ten of its others by chance."""
        projections = self.phantoms[index // len(self.counts)]
        given = self.cohort.chosen(self.counts[index % len(self.counts)])
        others = np.setdiff1d(np.arange(len(projections)), given)
        wanted = np.sort(rng.choice(others, 10, replace=False))
        return tuple(self.cohort.measurement(projections, part) for part in (given, wanted))
