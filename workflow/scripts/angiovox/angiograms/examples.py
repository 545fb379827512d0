"""Examples on disk: each is simulated when it is first needed, and kept for the next epochs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..geometry.grid import Grid
from ..geometry.views import Views
from ..io.atomic import atomic_file
from .channels import Prepared, prepare
from .simulation import simulate

GEOMETRY = ("source", "origin", "u", "v")


@dataclass(frozen=True, eq=False)
class Learnt:
    """What is learnt from: prepared views, the grid, and arteries (x, y, z) bool on it."""

    prepared: Prepared
    grid: Grid
    mask: np.ndarray


class Examples:
    """Simulated angiograms by number, of consecutive seeds.

    folder : where they are kept. count : how many. first_seed : of the first.
    """

    def __init__(self, folder: str | Path, count: int, first_seed: int):
        self.folder, self.count, self.first_seed = Path(folder), count, first_seed

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Learnt:
        path = self.path(index)
        if not path.exists():
            self.make(index)
        with np.load(path) as stored:
            return _unpacked(stored)

    def path(self, index: int) -> Path:
        return self.folder / f"{self.first_seed + index}.npz"

    def make(self, index: int) -> None:
        """Simulate an example and write it."""
        example = simulate(self.first_seed + index)
        prepared = prepare(example.angiograms, example.grid)
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.path(index)) as temporary:
            np.savez(temporary, **_packed(prepared, example.grid, example.mask))


def _packed(prepared: Prepared, grid: Grid, mask: np.ndarray) -> dict[str, np.ndarray]:
    geometry = {name: getattr(prepared.views, name) for name in GEOMETRY}
    return geometry | {
        "images": np.float16(prepared.images),
        "phases": np.float16(prepared.phases),
        "coarse": np.float16(prepared.coarse),
        "shape": np.array(grid.shape),
        "voxel": np.array(grid.voxel_size),
        "centre": np.array(grid.centre),
        "mask": np.packbits(mask),
    }


def _unpacked(stored: np.lib.npyio.NpzFile) -> Learnt:
    images = np.float32(stored["images"])
    shape = tuple(stored["shape"].tolist())
    grid = Grid(shape, tuple(stored["voxel"].tolist()), tuple(stored["centre"].tolist()))
    mask = np.unpackbits(stored["mask"], count=int(np.prod(shape))).reshape(shape).astype(bool)
    views = Views(*(stored[name] for name in GEOMETRY), detector=images.shape[2:])
    seen = np.ones(images.shape[1:], np.float32)
    phases = tuple(np.float32(stored["phases"]))
    prepared = Prepared(tuple(images), phases, seen, views, np.float32(stored["coarse"]), grid)
    return Learnt(prepared, grid, mask)
