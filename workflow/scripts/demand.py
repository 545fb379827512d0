"""What each rule's jobs ask for and leave on disk, as a function of the shape of the volumes.

The figures are measured at 64^3, 192^3 and 384^3: benchmarks/demand.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

ROOM = 1.3  # times what was measured: for memory, and for files that compress less well
SLOWER = 10  # times the processor's seconds measured: older cores, busy nodes, network disks
LEAST_MINUTES = 10
SNAKEMAKE_MB = 500  # the two Snakemake processes beside the script in a cluster's job
SERIES = 12  # megabytes for each one of a DICOM series, which may be compressed


@dataclass(frozen=True)
class Scale:
    """The sizes of a study that its jobs' demands follow from; counts of views and patients."""

    shape: int
    projections: int
    training_hours: float
    views: int
    patients: int
    phantoms: int
    train: int
    test: int
    trees: int

    @property
    def volume_mb(self) -> float:
        """A float32 volume."""
        return 4e-6 * self.shape**3

    @property
    def projections_mb(self) -> float:
        """A float32 stack of all projections."""
        return 4e-6 * self.projections * self.shape**2


@dataclass(frozen=True)
class Job:
    """What a job of a rule takes.

    mb : of memory whatever the shape. copies : of a volume with its projections, on top; held :
    for each of the volumes, where a job has all of them at once.
    seconds : whatever the shape. volume_seconds : for each of the volumes, at 384^3. volumes :
    which count of `Scale` a job goes through; one where it says none.
    """

    mb: float
    copies: float = 0
    held: float = 0
    seconds: float = 5
    volume_seconds: float = 0
    volumes: str = ""


MEASURED = {
    "phantom": Job(250, 3.5, seconds=6, volume_seconds=15),
    "phantom_morphometry": Job(200, seconds=4, volume_seconds=0, volumes="trees"),
    "phantom_masks": Job(160, 3, volume_seconds=2, volumes="phantoms"),
    "phantom_sheet": Job(400, 4.5, volume_seconds=8, volumes="phantoms"),
    "phantom_anatomy": Job(400),
    "convert": Job(200, 2.5, volume_seconds=7),
    "mask": Job(170, 3.2, volume_seconds=6),
    "mask_quality": Job(250, 1, volume_seconds=1, volumes="patients"),
    "project": Job(200, 1.3, volume_seconds=4),
    "back_project": Job(230, 5, volume_seconds=5, volumes="views"),
    "fit": Job(400, 6, volume_seconds=8, volumes="train"),
    "train": Job(4000, 12),
    "reconstruct": Job(400, 4, volume_seconds=8, volumes="test"),
    "reconstruct_trained": Job(500, 60, volume_seconds=60, volumes="test"),
    "evaluate": Job(200, 5, volume_seconds=8, volumes="test"),
    "mesh": Job(250, 3, volume_seconds=8, volumes="test"),
    "mesh_truth": Job(250, 3, volume_seconds=8, volumes="test"),
    "paper_tables": Job(250),
    "assumptions": Job(120),
    "figure1": Job(300, 5, volume_seconds=8),
    "figure2": Job(300, 3, held=1, volume_seconds=8, volumes="views"),
    "figure3": Job(300, 5, volume_seconds=8),
    "figure4": Job(400, 3, held=2, volume_seconds=20, volumes="views"),
    "iou_by_views": Job(300),
    "learning_curves": Job(300),
}
# Megabytes of an output by the folder of results/ it lies in: in any case, and in copies of a
# float32 volume and of a stack of projections.
STORED = {
    "dicom": (0.5, 0.51, 0),
    "truth": (0.3, 0.02, 0),
    "volumes": (0, 1, 0),
    "masks": (0, 0.01, 0),
    "projections": (0, 0, 1),
    "backprojections": (0, 0.5, 0),
    "models": (6, 0, 0),
    "reconstructions": (0, 0.4, 0),
    "meshes": (0, 0.1, 0),
    "metrics": (0.01, 0, 0),
    "tables": (0.1, 0, 0),
    "figures": (2, 0, 0),
}


def memory_mb(rule: str, scale: Scale, attempt: int = 1, series_mb: float = 0) -> int:
    """Megabytes of memory to ask for at an attempt, Snakemake's own included.

    series_mb : size of the DICOM series that the job reads, where it is not the study's.
    """
    job = MEASURED[rule]
    copies = job.copies + job.held * _volumes(job, scale)
    peak = job.mb + copies * (scale.volume_mb + scale.projections_mb) + SERIES * series_mb
    return math.ceil(attempt * (SNAKEMAKE_MB + ROOM * peak))


def minutes(rule: str, scale: Scale, attempt: int = 1) -> int:
    """Run time to ask for at an attempt. Training has what the config says: a second attempt
    goes on from its checkpoint."""
    if rule == "train":
        return math.ceil(60 * scale.training_hours)
    job = MEASURED[rule]
    seconds = job.volume_seconds * _volumes(job, scale) * (scale.shape / 384) ** 3
    return attempt * max(LEAST_MINUTES, math.ceil(SLOWER * (job.seconds + seconds) / 60))


def stored_mb(path: str, scale: Scale) -> float:
    """Megabytes that an output takes on disk."""
    kind = Path(path).parts[1]
    mb, volumes, projections = STORED[kind]
    return ROOM * (mb + volumes * scale.volume_mb + projections * scale.projections_mb)


def _volumes(job: Job, scale: Scale) -> int:
    return getattr(scale, job.volumes) if job.volumes else 1
