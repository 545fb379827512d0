"""What a reconstruction method is, what it is given, and what it gives back.

A method is a folder in `angiovox.methods` whose `method.py` has a subclass of `Method`, named
METHOD. It imports packages inside functions only: a study is planned with Snakemake alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from .errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from .geometry.grid import Grid
    from .geometry.imaging import Imaging
    from .geometry.views import Views

KINDS = ("projections", "sum", "min", "line_integrals")


@dataclass(frozen=True)
class Needs:
    """What a method needs of a study, and its jobs of a machine.

    inputs : what it looks at to reconstruct, of `KINDS`. fit_inputs : what its fit looks at; None
        for the same.
    requires_training : whether networks are trained, on a GPU where there is one.
    starts_from : the config entry from whose model the fit starts; the study must have it.
    shared_across_views : whether one model serves all view counts; the fit is then given each
        training patient once for each of them.
    accepts_uint16 : whether "sum" and "min" come as they are stored, codes of which 65,535 stands
        for 1: half of the memory, and no time to decode.
    gives_probabilities : whether values between 0 and 1 are to be trusted, and so are calibrated.
    one_job_per_patient : whether each patient is reconstructed in a job of its own, which may take
        as long as a training, and resumes like one.
    optimises : whether such a job runs PyTorch: it starts from a seed, and has a GPU where there is
        one.
    fewest_views, most_views : that it reconstructs from; None for any number. What lies where along
        the rays of a single view is what other patients taught: a method says that it means it.
    parallel_maxima : whether "projections" can only be maxima of a parallel beam.
    looks_at_prior : whether it makes use of an earlier volume of the patient where there is one.
    threads : how many processors such a job, or a training, makes use of at most. On small layers
        they wait for each other: two can take several times as long as one.
    """

    inputs: tuple[str, ...]
    fit_inputs: tuple[str, ...] | None = None
    requires_training: bool = False
    starts_from: str | None = None
    shared_across_views: bool = False
    accepts_uint16: bool = False
    gives_probabilities: bool = True
    one_job_per_patient: bool = False
    optimises: bool = True
    fewest_views: int = 2
    most_views: int | None = None
    parallel_maxima: bool = False
    looks_at_prior: bool = False
    threads: int = 8

    def __post_init__(self) -> None:
        for kind in (*self.inputs, *self.to_fit):
            if kind not in KINDS:
                raise ValueError(f"inputs: {kind!r}; there are {', '.join(KINDS)}")
        if not self.inputs:
            raise ValueError("inputs: none; a method looks at something")
        if self.looks_at_prior and not self.one_job_per_patient:
            raise ValueError("looks_at_prior: only with one_job_per_patient")

    def allows(self, views: int) -> bool:
        """Whether it reconstructs from a number of views."""
        return self.fewest_views <= views and (self.most_views is None or views <= self.most_views)

    @property
    def to_fit(self) -> tuple[str, ...]:
        """What the fit looks at."""
        return self.inputs if self.fit_inputs is None else self.fit_inputs

    @property
    def has_model(self) -> bool:
        """Whether there is a network, trained here or taken from another method."""
        return self.requires_training or self.starts_from is not None

    def torch_threads(self, chosen: int) -> int:
        """Threads that PyTorch computes with, of those the study has chosen; 1 without networks."""
        return min(self.threads, chosen) if self.runs_networks else 1

    @property
    def runs_networks(self) -> bool:
        """Whether its jobs run PyTorch."""
        return self.has_model or (self.one_job_per_patient and self.optimises)


@dataclass(frozen=True)
class Measurement:
    """All that a method may know of a patient it reconstructs.

    angles : (views,) degrees about z, in the sense of `geometry.parallel_beam.rotation_table`.
    inputs : what the method asked for: "projections", the maxima along the rays of a parallel beam,
        as (views, detector, z) float32; "sum" and "min", the back-projections, as (x, y, z) float32
        in [0, 1], or uint16 codes where it `accepts_uint16`; "line_integrals", the attenuation by
        contrast along the rays of `cone_beam`, as (views, i, j) float32 without a unit
        (`projectors.attenuation.CONTRAST` per mm of undiluted contrast).
    grid : where the volume's voxels lie, its centre in the isocentre. cone_beam : source and
        detector of the line integrals, at the same angles. None where neither is known.
    imaging : how projections were taken, where they are not the paper's maxima of a parallel beam;
        they are then (views, i, j), maxima or line integrals. views : their source and detector.
    prior : (x, y, z) bool, the mask of an earlier volume of the patient on the same grid, for a
        method that looks at it; None where there is none.
    """

    angles: np.ndarray
    inputs: dict[str, np.ndarray]
    grid: Grid | None = None
    cone_beam: Views | None = None
    imaging: Imaging | None = None
    views: Views | None = None
    prior: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the volume, (x, y, z); it is as deep as wide where only projections are known."""
        if self.grid is not None:
            return self.grid.shape
        for kind in ("sum", "min"):
            if kind in self.inputs:
                return self.inputs[kind].shape
        _, width, height = self.inputs["projections"].shape
        return width, width, height


@dataclass(frozen=True)
class Centreline:
    """A graph of vessels.

    points : (n, 3) in voxel indices. radii : (n,) in voxels. segments : (m, 2) numbers of points.
    """

    points: np.ndarray
    radii: np.ndarray
    segments: np.ndarray


@dataclass(frozen=True)
class Reconstruction:
    """What a method gives back.

    probability : (x, y, z) float32 in [0, 1]. surface : where the method has one of its own,
    vertices (n, 3) in voxel indices and triangles (m, 3) of their numbers, outwards by the
    right-hand rule; it takes the place of the surface of the probabilities. centreline : likewise.
    """

    probability: np.ndarray
    surface: tuple[np.ndarray, np.ndarray] | None = None
    centreline: Centreline | None = None


Training: TypeAlias = "Sequence[tuple[Measurement, np.ndarray]]"  # with the mask, (x, y, z) bool


def never() -> bool:
    """Nobody asks this job to stop."""
    return False


@dataclass(frozen=True)
class Context:
    """Where a fit or a reconstruction runs.

    checkpoint : file to go on from. stamp : what it follows from (see `fingerprint.stamp`).
    log : writes a line. stopping : asked between two steps; once it is true, a fit saves a
        checkpoint and raises `errors.TrainingInterrupted`.
    base : state of the model that a fit `starts_from`.
    """

    seed: int = 0
    device: str = "cpu"
    checkpoint: Path | None = None
    stamp: dict = field(default_factory=dict)
    log: Callable[[str], None] = str
    stopping: Callable[[], bool] = never
    base: dict | None = None

    @property
    def previous(self) -> Path:
        """The checkpoint before the last, for when the last is torn."""
        return self.checkpoint.with_suffix(f".previous{self.checkpoint.suffix}")


class Method(ABC):
    """A reconstruction method, with the settings that the config gives it.

    name : in the config, in paths and in tables. title : in figures and pages. family : of its
    kind, which has one colour in figures. reference : where it comes from. Settings : frozen
    dataclass of what the config may set, with the original's values as defaults; it raises
    ValueError or TypeError for a value it refuses.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    family: ClassVar[str]
    reference: ClassVar[str]
    Settings: ClassVar[type]

    def __init__(self, settings: Any = None):
        self.settings = self.Settings() if settings is None else settings

    @property
    @abstractmethod
    def needs(self) -> Needs:
        """What it needs, which may follow from its settings."""

    @abstractmethod
    def fit(self, patients: Training, context: Context) -> tuple[dict, list[dict]]:
        """Make a model of the training patients.

        Returns its state, a dict of tensors, numbers and strings, and its history, a row per epoch.
        """

    @abstractmethod
    def reconstruct(
        self, state: dict, measurement: Measurement, context: Context
    ) -> Reconstruction:
        """Reconstruct a patient, of whom no mask is known.

        One that takes one job a patient asks `context.stopping` between two steps, saves its
        checkpoint there, and goes on from it when it is started anew.
        """


def reconstruct(
    method: Method, patient: str, state: dict, measurement: Measurement, context: Context
) -> Reconstruction:
    """Reconstruct a patient and check the result.

    Raises InputError, naming the patient, for a wrong shape, NaN, or what is no probability, and
    for a surface or a centreline of other numbers than theirs.
    """
    import numpy as np

    found = method.reconstruct(state, measurement, context)
    probability = np.asarray(found.probability)
    if probability.shape != measurement.shape:
        raise InputError(
            f"patient {patient}: the method gave a volume of shape {probability.shape}, "
            f"expected {measurement.shape}"
        )
    low, high = float(probability.min()), float(probability.max())
    if not (low >= 0 and high <= 1):  # NaN, where there is one, is both
        raise InputError(
            f"patient {patient}: the method gave values from {low:g} to {high:g}, expected [0, 1]"
        )
    if found.surface is not None:
        _check_numbered(patient, ("surface", "vertices", "triangles"), *found.surface, 3)
    if found.centreline is not None:
        _check_centreline(patient, found.centreline)
    return replace(found, probability=probability.astype(np.float32, copy=False))


def _check_centreline(patient: str, found: Centreline) -> None:
    import numpy as np

    words = "centreline", "points", "segments"
    _check_numbered(patient, words, found.points, found.segments, 2)
    radii = found.radii
    if radii.shape != found.points.shape[:1] or not ((radii > 0) & np.isfinite(radii)).all():
        raise InputError(f"patient {patient}: the centreline's radii are not one above 0 a point")


def _check_numbered(
    patient: str, words: tuple[str, str, str], points: np.ndarray, groups: np.ndarray, corners: int
) -> None:
    """Refuse points (n, 3), or groups (m, corners) of their numbers, that cannot be."""
    import numpy as np

    whole, point, group = words
    if any(part.ndim != 2 for part in (points, groups)) or (
        (points.shape[1], groups.shape[1]) != (3, corners)
    ):
        shapes = f"{points.shape} and {groups.shape}, expected (n, 3) and (m, {corners})"
        raise InputError(f"patient {patient}: a {whole} of {shapes}")
    if not np.isfinite(points).all():
        raise InputError(f"patient {patient}: the {whole} has {point} that are NaN or infinite")
    if groups.size and not (groups.min() >= 0 and groups.max() < len(points)):
        raise InputError(f"patient {patient}: the {whole} has {group} of {point} it lacks")
