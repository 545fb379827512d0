"""Patients on disk, read one at a time: a cohort at the paper's scale does not fit in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..geometry.cone_beam import study_views
from ..geometry.grid import Grid
from ..geometry.parallel_beam import projection_angles, view_indices
from ..geometry.views import Views
from ..io.nifti import load_mask, load_quantized
from ..io.pool_files import count_examples, read_example
from ..io.quantization import QuantizedVolume
from ..method import Measurement, Needs
from ..projectors.backprojection import network_inputs


@dataclass(frozen=True)
class PatientDataset(Sequence):
    """Measurements of each patient, with the mask where it may be seen, in the order of the paths.

    inputs : by kind (`method.KINDS`) a path per patient.
    num_projections : of the whole acquisition. views : how many of them are used, by path; the
        same patient may stand there several times.
    masks : paths, or empty where no mask may be seen; the mask is then None.
    recomputed : which of "sum" and "min" have the path of the projections, to be made from them
        whenever they are asked for: bit by bit what the file would hold. threads : to do it with.
    coded : whether "sum" and "min" are given as uint16 codes, which a file's stay on the disk until
        they are looked at.
    pool : files of phantoms that only train (`io.pool_files`). renewed : which examples one of them
        may take the place of, where `drawn` is asked.
    cone_beam : what "line_integrals" were projected by, the study's `geometry.study_views`: shape
        of the volumes, source_detector_mm and source_isocentre_mm.
    """

    inputs: dict[str, list[str]]
    num_projections: int
    views: Sequence[int]
    masks: list[str] = field(default_factory=list)
    recomputed: Sequence[str] = ()
    threads: int = 1
    coded: bool = False
    cone_beam: Mapping[str, Any] | None = None
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
        every = (*self.inputs.values(), self.masks, self.pool)
        return [path for paths in every for path in paths]

    def __len__(self) -> int:
        return min(map(len, self.inputs.values()))

    def __getitem__(self, index: int) -> tuple[Measurement, np.ndarray | None]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        chosen = view_indices(self.num_projections, self.views[index])
        angles = projection_angles(self.num_projections)
        stored: dict[str, QuantizedVolume] = {}
        affine = np.eye(4)
        for kind, paths in self.inputs.items():
            if kind not in self.recomputed:
                stored[kind], affine = load_quantized(paths[index])
            elif kind not in stored:
                stored = self._recompute(paths[index], angles, chosen) | stored
        for kind in {"projections", "line_integrals"} & set(stored):
            stored[kind] = replace(stored[kind], codes=stored[kind].codes[chosen])
        inputs = {kind: self._given(kind, stored[kind]) for kind in self.inputs}
        known = Measurement(angles[chosen], inputs, *self._geometry(angles[chosen], affine))
        return known, load_mask(self.masks[index]) if self.masks else None

    def drawn(self, index: int, rng: np.random.Generator) -> tuple[Measurement, np.ndarray | None]:
        """An example, or one of the pool at the same number of views in its place.

        Each phantom, of the patients or of the pool, is as likely as any other.
        """
        if not (self._pooled and self.renewed[index]):
            return self[index]
        own = sum(self.renewed) // len(set(self.views))
        number = int(rng.integers(own + len(self._pooled)))
        return self[index] if number < own else self._from_pool(number - own, self.views[index])

    @cached_property
    def _pooled(self) -> list[tuple[str, int]]:
        """File, and number in it, of each phantom of the pool."""
        return [(path, number) for path in self.pool for number in range(count_examples(path))]

    def _from_pool(self, number: int, views: int) -> tuple[Measurement, np.ndarray]:
        projections, mask = read_example(*self._pooled[number])
        chosen = view_indices(self.num_projections, views)
        angles = projection_angles(self.num_projections)
        stored = self._back_projected(projections.codes, angles, chosen)
        stored["projections"] = replace(projections, codes=projections.codes[chosen])
        inputs = {kind: self._given(kind, stored[kind]) for kind in self.inputs}
        return Measurement(angles[chosen], inputs), mask

    def _geometry(self, angles: np.ndarray, affine: np.ndarray) -> tuple[Grid, Views] | tuple[()]:
        """Grid and cone beam, where line integrals were asked for."""
        if "line_integrals" not in self.inputs:
            return ()
        beam = dict(self.cone_beam)
        grid = Grid.centred(3 * (beam.pop("shape"),), affine)
        return grid, study_views(angles, grid, **beam)

    def _recompute(
        self, path: str, angles: np.ndarray, chosen: np.ndarray
    ) -> dict[str, QuantizedVolume]:
        return self._back_projected(load_quantized(path)[0].codes, angles, chosen)

    def _back_projected(
        self, projections: np.ndarray, angles: np.ndarray, chosen: np.ndarray
    ) -> dict[str, QuantizedVolume]:
        depth = projections.shape[1]
        sums, minima = network_inputs(projections, angles, [chosen], depth, self.threads)
        return {"sum": QuantizedVolume(sums[0]), "min": QuantizedVolume(minima[0])}

    def _given(self, kind: str, stored: QuantizedVolume) -> np.ndarray:
        is_coded = self.coded and kind in ("sum", "min") and stored.is_fractions
        return stored.codes if is_coded else stored.values()
