"""Patients on disk, read one at a time: a cohort at the paper's scale does not fit in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..geometry.imaging import LINE_INTEGRAL, Imaging
from ..io.nifti import load_affine, load_mask, load_quantized
from ..io.pool_files import count_examples, read_example
from ..io.quantization import QuantizedVolume
from ..method import Measurement, Needs
from ..projectors.imaging import network_inputs


@dataclass(frozen=True)
class PatientDataset(Sequence):
    """Measurements of each patient, with the mask where it may be seen, in the order of the paths.

    inputs : by kind (`method.KINDS`) a path per patient.
    imaging : of the whole acquisition. views : how many of its projections are used, by path; the
        same patient may stand there several times.
    masks : paths, or empty where no mask may be seen; the mask is then None.
    recomputed : which of "sum" and "min" have the path of the projections, to be made from them
        whenever they are asked for: bit by bit what the file would hold. threads : to do it with.
    coded : whether "sum" and "min" are given as uint16 codes, which a file's stay on the disk until
        they are looked at.
    priors : paths of masks of earlier volumes, of all patients or none.
    pool : files of phantoms that only train (`io.pool_files`). renewed : which examples one of them
        may take the place of, where `drawn` is asked.
    cone_beam : distances of the C-arm that "line_integrals" are of (`Imaging.in_cone_beam`), where
        the projections are not line integrals themselves.
    """

    inputs: dict[str, list[str]]
    imaging: Imaging
    views: Sequence[int]
    masks: list[str] = field(default_factory=list)
    recomputed: Sequence[str] = ()
    threads: int = 1
    coded: bool = False
    cone_beam: Mapping[str, Any] | None = None
    priors: Sequence[str] = ()
    pool: Sequence[str] = ()
    renewed: Sequence[bool] = ()

    @classmethod
    def for_method(
        cls, needs: Needs, paths: Mapping[str, list[str]], to_fit: bool = False, **options: Any
    ) -> PatientDataset:
        """Patients with what a method looks at, as it wants it.

        paths : by kind of input, a path per patient. to_fit : whether its fit does the looking.
        options : the rest of the fields.
        """
        inputs = {kind: paths[kind] for kind in (needs.to_fit if to_fit else needs.inputs)}
        return cls(inputs, coded=needs.accepts_uint16, **options)

    @property
    def files(self) -> list[str]:
        """All that is read, for the stamp of a checkpoint."""
        every = (*self.inputs.values(), self.masks, self.priors, self.pool)
        return [path for paths in every for path in paths]

    def __len__(self) -> int:
        return min(map(len, self.inputs.values()))

    def __getitem__(self, index: int) -> tuple[Measurement, np.ndarray | None]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        chosen = self.imaging.chosen(self.views[index])
        stored: dict[str, QuantizedVolume] = {}
        affine = np.eye(4)
        for kind, paths in self.inputs.items():
            if kind not in self.recomputed:
                stored[kind], affine = load_quantized(paths[index])
            elif kind not in stored:
                projections, affine = load_quantized(paths[index])
                stored = self._back_projected(projections, affine, chosen) | stored
        known = self._measurement(stored, affine, chosen)
        if self.priors:
            known = replace(known, prior=load_mask(self.priors[index]))
        return known, load_mask(self.masks[index]) if self.masks else None

    def drawn(self, index: int, rng: np.random.Generator) -> tuple[Measurement, np.ndarray | None]:
        """An example, or one of the pool at the same number of views in its place.

        Each phantom, of the patients or of the pool, is as likely as any other.
        """
        if not (self._pooled and self.renewed[index]):
            return self[index]
        own = sum(self.renewed) // len(set(self.views))
        number = int(rng.integers(own + len(self._pooled)))
        return self[index] if number < own else self._from_pool(number - own, index)

    @cached_property
    def _pooled(self) -> list[tuple[str, int]]:
        """File, and number in it, of each phantom of the pool."""
        return [(path, number) for path in self.pool for number in range(count_examples(path))]

    def _from_pool(self, number: int, index: int) -> tuple[Measurement, np.ndarray]:
        """A phantom of the pool, at the views and on the grid of the example it stands for."""
        projections, mask = read_example(*self._pooled[number])
        chosen = self.imaging.chosen(self.views[index])
        affine = load_affine(next(iter(self.inputs.values()))[index])
        stored = self._back_projected(projections, affine, chosen)
        stored |= dict.fromkeys(("projections", "line_integrals"), projections)
        return self._measurement(stored, affine, chosen), mask

    def _measurement(
        self, stored: dict[str, QuantizedVolume], affine: np.ndarray, chosen: np.ndarray
    ) -> Measurement:
        """What was asked for, of the chosen views, with the geometry that belongs to it."""
        for kind in {"projections", "line_integrals"} & set(stored):
            stored[kind] = replace(stored[kind], codes=stored[kind].codes[chosen])
        inputs = {kind: self._given(kind, stored[kind]) for kind in self.inputs}
        known = Measurement(self.imaging.angles[chosen], inputs)
        if not self.imaging.is_papers:
            grid = self.imaging.grid(affine)
            views = self.imaging.views(grid)[chosen]
            known = replace(known, grid=grid, imaging=self.imaging, views=views)
        if "line_integrals" in inputs:
            own = self._of_line_integrals
            grid = own.grid(affine)
            known = replace(known, grid=grid, cone_beam=own.views(grid)[chosen])
        return known

    @property
    def _of_line_integrals(self) -> Imaging:
        is_own = self.imaging.kind == LINE_INTEGRAL
        return self.imaging if is_own else self.imaging.in_cone_beam(**self.cone_beam)

    def _back_projected(
        self, projections: QuantizedVolume, affine: np.ndarray, chosen: np.ndarray
    ) -> dict[str, QuantizedVolume]:
        imaging, threads = self.imaging, self.threads
        sums, minima = network_inputs(imaging, projections, affine, [chosen], threads)
        return {"sum": QuantizedVolume(sums[0]), "min": QuantizedVolume(minima[0])}

    def _given(self, kind: str, stored: QuantizedVolume) -> np.ndarray:
        is_coded = self.coded and kind in ("sum", "min") and stored.is_fractions
        return stored.codes if is_coded else stored.values()
