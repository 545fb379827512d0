"""Views of phantoms for `benchmarks/opposite_view.py`: the study's, and a pool to learn from.

Line integrals in the cone beam of config/dsa.yaml with its noise, every 10 degrees from 30 degrees
before the frontal view to 30 degrees beyond the one opposite to it.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import yaml
from angiovox.geometry.affine import isotropic_affine
from angiovox.geometry.grid import Grid
from angiovox.geometry.imaging import Imaging
from angiovox.io import pool_files
from angiovox.io.atomic import atomic_file
from angiovox.io.quantization import quantize
from angiovox.masks import otsu
from angiovox.masks.contrast import contrast_share
from angiovox.method import Measurement
from angiovox.phantoms import acquisition, training_pool
from angiovox.projectors.attenuation import CONTRAST, noisy
from angiovox.projectors.line_integral import line_integral
from angiovox_pipeline.pool import POOL_BATCH, pool_seeds
from angiovox_pipeline.projection import Projection
from angiovox_pipeline.study import Study

ROOT = Path(__file__).parents[1]
VIEWS = {"projections": 25, "first_degrees": -30.0, "arc_degrees": 240.0}
FRONTAL, LATERAL, OPPOSITE = 3, 12, 21  # among them: 0, 90 and 180 degrees
HALF_TURN = OPPOSITE - FRONTAL
POOL, NETWORK_POOL = 200, 200  # phantoms that predictors learn from; that networks learn from
REPEATED_SEED = 1  # added to that of the frontal view's noise


@dataclass(frozen=True)
class Phantom:
    """A phantom of the study with its views.

    share : (x, y, z) share of undiluted contrast. mask : (x, y, z) bool. measured : (views, i, j)
    line integrals with noise. clean : without it. repeated : (i, j) the frontal view once more,
    with noise of its own.
    """

    share: np.ndarray
    mask: np.ndarray
    measured: np.ndarray
    clean: np.ndarray
    repeated: np.ndarray


class Scene:
    """Config, grid and geometry; those of the default study, where a voxel is 0.75 mm."""

    def __init__(self, voxel_mm: float):
        config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
        dsa = yaml.safe_load((ROOT / "config/dsa.yaml").read_text(encoding="utf-8"))
        config["projection"] |= dsa["projection"]
        config["volume"]["voxel_mm"] = self.voxel_mm = voxel_mm
        config["cohort"]["phantoms"]["pool"] = POOL + NETWORK_POOL
        self.config, self.study = config, Study.read(config)
        self.imaging = replace(Imaging(**Projection(config).imaging), **VIEWS)
        self.grid: Grid = self.imaging.grid(isotropic_affine(self.shape, voxel_mm))
        self.views = self.imaging.views(self.grid)
        parts = ("injection", "centre", "scanner", "lesions")
        self.settings = acquisition.Settings(*(config["cohort"]["phantoms"][k] for k in parts))
        self.segment = partial(otsu.otsu_mask, **Projection(config).segmentation)

    @property
    def shape(self) -> tuple[int, int, int]:
        return 3 * (self.imaging.shape,)

    def split(self, name: str) -> list[str]:
        """The study's phantoms of a split."""
        return [n for n, patient in self.study.cohort.items() if patient.split == name]

    def phantom(self, folder: Path, name: str) -> Phantom:
        """One of the study's phantoms, simulated once."""
        path = folder / f"{name}.npz"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            simulated = vars(self._simulated(self.study.cohort[name].seed))
            with atomic_file(path) as temporary, temporary.open("wb") as file:
                np.savez(file, **simulated)
        with np.load(path) as stored:
            return Phantom(**stored)

    def pool(self, folder: Path) -> np.ndarray:
        """Measured views (phantoms, views, i, j) that predictors learn from."""
        return np.stack([views for views, _ in self._examples(folder, 0, POOL)])

    def network_pool(self, folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Measured views (views, i, j) and masks (x, y, z) bool that networks learn from.

        They are of phantoms that are neither the study's nor in the predictors' pool.
        """
        return self._examples(folder, POOL, POOL + NETWORK_POOL)

    def with_imaging(self, imaging: Imaging) -> Scene:
        """The same phantoms, taken otherwise."""
        other = copy.copy(self)
        other.imaging, other.views = imaging, imaging.views(self.grid)
        return other

    def measurement(self, images: np.ndarray, chosen: Sequence[int]) -> Measurement:
        """Images (views, i, j) as a measurement, of the chosen of the views."""
        known = {"grid": self.grid, "imaging": self.imaging, "views": self.views[chosen]}
        return Measurement(self.imaging.angles[chosen], {"projections": images}, **known)

    def _examples(
        self, folder: Path, first: int, end: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for number in range(first // POOL_BATCH, end // POOL_BATCH):  # both are whole batches
            path = self._batch(folder, number)
            for example in range(pool_files.count_examples(path)):
                views, mask = pool_files.read_example(path, example)
                yield views.values(), mask

    def _batch(self, folder: Path, number: int) -> Path:
        """A file of phantoms that only train, simulated once."""
        path = folder / f"pool-{number}.npz"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            how = self.voxel_mm, self.settings, self.imaging, self.segment
            limits = otsu.Limits(**self.study.mask_limits)
            seeds = pool_seeds(self.config, f"{number + 1:04d}")
            pool_files.write_examples(path, training_pool.simulate(seeds, *how, limits))
        return path

    def _simulated(self, seed: int) -> Phantom:
        volume = quantize(
            acquisition.acquire(seed, self.shape, self.voxel_mm, self.settings).volume
        )
        mask, _ = self.segment(volume)
        share = contrast_share(volume, mask, self.config["masks"]["window"])
        clean = line_integral(share * np.float32(CONTRAST), self.grid, self.views)
        noise = zlib.crc32(volume.codes.tobytes())
        measured = noisy(clean, self.imaging.photons, noise)
        repeated = noisy(clean[FRONTAL], self.imaging.photons, noise + REPEATED_SEED)
        return Phantom(share, mask, measured, clean, repeated)


class OppositePairs(Sequence):
    """Views of the pool, each with the one opposite to it: the frontal one, or one drawn by chance.

    scene : of the views. views : (phantoms, views, i, j). A drawn one is up to 30 degrees from the
    frontal view, and half of them are of the phantom's mirror image, left and right exchanged.
    """

    def __init__(self, scene: Scene, views: np.ndarray):
        self.scene, self.views = scene, views

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, index: int) -> tuple[Measurement, Measurement]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._pair(self.views[index], FRONTAL, FRONTAL)

    def drawn(self, index: int, rng: np.random.Generator) -> tuple[Measurement, Measurement]:
        """A pair of other angles, of the phantom or of its mirror image."""
        first = int(rng.integers(len(self.scene.imaging.angles) - HALF_TURN))
        if rng.integers(2):
            return self._pair(self.views[index], first, first)
        # The mirror image shows on the other side of the frontal view what the phantom shows here.
        return self._pair(self.views[index][:, ::-1], first, 2 * FRONTAL - first)

    def _pair(self, views: np.ndarray, first: int, angle: int) -> tuple[Measurement, Measurement]:
        """Two opposite ones of the views, by their numbers, as those of an angle by its number."""
        given, wanted = (
            self.scene.measurement(views[[first + turn]], [angle + turn]) for turn in (0, HALF_TURN)
        )
        return given, wanted
