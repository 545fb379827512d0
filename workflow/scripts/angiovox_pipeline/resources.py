"""What each rule's jobs ask for and leave on disk, as a function of the shape of the volumes.

The figures are measured at 64^3, 192^3 and 384^3: benchmarks/demand.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from angiovox.errors import InputError

MEMORY_SAFETY = 1.3  # times the memory that was measured
STORAGE_SAFETY = 1.1  # times the megabytes on disk
TIME_SAFETY = 10  # times the processor's seconds measured: older cores, busy nodes, network disks
MIN_MINUTES = 10
SNAKEMAKE_MB = 500  # two processes of 200 MB beside the script in a cluster's job
SERIES = 12  # megabytes for each one of a DICOM series, which may be compressed
CONE_DETECTOR = 1.7  # times the pixels of a parallel beam's: it sees the cube's corners, magnified
READ = 8e-6  # megabytes for each voxel of a volume in a file: its values, and these smoothed


@dataclass(frozen=True)
class Scale:
    """The sizes of a study that its jobs' demands follow from; counts of views and patients.

    methods : how many run at the fewest views. transfer : patients of all groups. is_cone : whether
    projections are of a cone beam, whose detector is larger.
    """

    shape: int
    projections: int
    training_hours: float
    views: int
    patients: int
    phantoms: int
    train: int
    calibration: int
    test: int
    trees: int
    pool_batch: int
    methods: int
    transfer: int = 0
    is_cone: bool = False

    @property
    def volume_mb(self) -> float:
        """A float32 volume."""
        return 4e-6 * self.shape**3

    @property
    def projections_mb(self) -> float:
        """A float32 stack of all projections."""
        return 4e-6 * self.projections * self.shape**2 * (CONE_DETECTOR if self.is_cone else 1)


@dataclass(frozen=True)
class Job:
    """What a job of a rule takes.

    mb : of memory whatever the shape. copies : of a volume with its projections, on top; held :
    more of them for each of the volumes, where a job has all of these at once.
    seconds : of processors, whatever the shape. each_seconds, volume_seconds : more for each of
    the volumes, whatever the shape and at 384^3.
    volumes : which count of `Scale` a job goes through; one where it says none.
    """

    mb: float
    copies: float = 0
    held: float = 0
    seconds: float = 3
    each_seconds: float = 0
    volume_seconds: float = 0
    volumes: str = ""


MEASURED_USAGE = {
    "phantom": Job(295, 2.7, seconds=5, volume_seconds=9),
    "training_pool": Job(330, 3.5, each_seconds=0.5, volume_seconds=12, volumes="pool_batch"),
    "phantom_morphometry": Job(165, each_seconds=0.6, volumes="trees"),
    "phantom_masks": Job(105, 1.6, volume_seconds=0.5, volumes="phantoms"),
    "phantom_sheet": Job(630, 1.6, seconds=5, volume_seconds=5),
    "phantom_anatomy": Job(600, seconds=5),
    "inventory": Job(200, each_seconds=4, volumes="patients"),  # of 4,000 images each
    "convert": Job(110, 2.75, volume_seconds=2.5),
    "mask": Job(216, 0.8, volume_seconds=0.6),
    "earlier_phantom": Job(295, 2.7, seconds=5, volume_seconds=9),
    "prior_mask": Job(300, 3.5, seconds=2, volume_seconds=12),  # estimated: read, resampled, masked
    "mask_quality": Job(150, 1.1, volume_seconds=0.4, volumes="patients"),
    "check_masks": Job(106),
    "project": Job(190, 0.9, volume_seconds=1.2),
    "project_cone_beam": Job(240, 5, volume_seconds=60),
    "back_project": Job(245, 0.3, held=0.54, volume_seconds=0.9, volumes="views"),  # of 4 threads
    "back_project_cone_beam": Job(330, 4, volume_seconds=30, volumes="views"),
    "fit": Job(340, 2.5, volume_seconds=1.1, volumes="train"),
    # Estimated from the projectors' times at 384^3, of 90 views: SIRT, fitted on six patients.
    "fit_on_line_integrals": Job(380, 8, volume_seconds=190, volumes="train"),
    "calibrate_on_line_integrals": Job(380, 8, volume_seconds=1450, volumes="calibration"),
    "reconstruct_on_line_integrals": Job(380, 8, volume_seconds=1450, volumes="test"),
    "adapt": Job(470, 5, volume_seconds=17, volumes="train"),  # estimated from 64^3
    "train": Job(4000, 12),  # not measured: the libraries of a GPU
    "train_cpu": Job(740, 22),  # without a GPU
    "reconstruct": Job(380, 2, volume_seconds=1.3, volumes="test"),
    # The U-Nets': benchmarks/unet_reconstruction.md. The paper's network takes half, in a tenth.
    "reconstruct_trained": Job(700, 12.5, volume_seconds=200, volumes="test"),
    "reconstruct_patient": Job(4000, 12),  # not measured: as a training
    "calibrate": Job(380, 2.5, held=0.5, volume_seconds=9, volumes="calibration"),
    "calibrate_trained": Job(700, 12.5, held=0.5, volume_seconds=1400, volumes="calibration"),
    "evaluate": Job(225, 2.4, volume_seconds=40, volumes="test"),  # arteries take 10 s, noise 100
    "mesh": Job(220, 7.7, volume_seconds=24, volumes="test"),  # of noise; of arteries a tenth
    "mesh_truth": Job(140, 1.5, volume_seconds=1.3, volumes="test"),
    "export_segmentation": Job(209, 1.25, volume_seconds=2),
    "export_probability_map": Job(200, 2.35, volume_seconds=2.5),
    "simulated_angiogram": Job(660, seconds=80),
    "simulated_angiogram_of_patient": Job(660, 3, seconds=80, volume_seconds=80),
    "simulated_angiogram_of_surface": Job(1800, seconds=380),  # of the largest, 512^3 voxels
    "simulated_angiogram_figure": Job(370, seconds=4),
    # Bounds for 200^3 voxels and a few views, whatever the shape of the study.
    "reconstruct_angiograms": Job(2600, seconds=60),
    "present_angiograms": Job(1900, seconds=40),
    "paper_tables": Job(157),
    "leaderboard": Job(160, seconds=8),
    "assumptions": Job(95),
    "figure1": Job(125, 2.25, volume_seconds=1.3),
    "figure2": Job(232, 1.1, held=0.01, volume_seconds=0.85, volumes="views"),
    "figure3": Job(300, 1.9, volume_seconds=1.8),
    "figure4": Job(575, 8.5, held=0.45, seconds=7, volume_seconds=16, volumes="views"),  # of noise
    "iou_by_views": Job(142),
    "learning_curves": Job(203),
    "quality_by_views": Job(177),
    "biplane": Job(515, 7, held=0.6, seconds=7, volume_seconds=20, volumes="methods"),  # of noise
    # As figure4's, of two methods, of which the poster holds two volumes more.
    "best_method": Job(575, 9, held=0.9, seconds=12, volume_seconds=32, volumes="views"),
    "poster": Job(700, 11, held=0.9, seconds=40, volume_seconds=34, volumes="views"),
    "error_profiles": Job(153),
    "metric_agreement": Job(345, 2.5, seconds=4, volume_seconds=6),
    "provenance": Job(150),
    # Measured at 64^3 (242 MB, 8 s of a processor for 400 surfaces); above that estimated.
    "study_page": Job(270, 8.5, seconds=15, each_seconds=0.8, volume_seconds=25, volumes="test"),
    "transfer_table": Job(160),
    "transfer_figure": Job(177),
}
OF_GROUPS = "_transfer"  # ends the name of a rule that does for groups what another does here
MEASURED_USAGE |= {
    f"{rule}{OF_GROUPS}": replace(job, volumes="transfer" if job.volumes else "")
    for rule, job in MEASURED_USAGE.items()
    if rule in ("phantom", "convert", "mask", "mask_quality", "check_masks", "project")
    or rule in ("project_cone_beam", "reconstruct", "reconstruct_trained", "reconstruct_patient")
    or rule in ("evaluate", "reconstruct_on_line_integrals")
} | {
    f"{rule}{OF_GROUPS}": MEASURED_USAGE[rule]
    for rule in ("back_project", "back_project_cone_beam")
}
# Megabytes of an output by the folder of results/ it lies in: in any case, and in copies of a
# float32 volume and of a stack of projections.
MEASURED_STORAGE = {
    "dicom": (0.5, 0.5, 0),
    "truth": (0.3, 0.01, 0),
    "volumes": (0, 0.5, 0),
    "sources": (0.01, 0, 0),
    "masks": (0.01, 0.003, 0),
    "priors": (0.5, 0.5, 0),
    "projections": (0, 0, 0.5),
    "pool": (0.1, 0.8, 12.5),  # a batch
    "line_integrals": (0, 0, 1.1),
    "backprojections": (0, 0.5, 0),
    "models": (9, 0, 0),  # the U-Net 13, the paper's network 3
    "reconstructions": (0, 0.45, 0),  # the network's; those of thresholds compress to nothing
    "meshes": (3, 0.02, 0),  # of arteries; a network that gives noise leaves 100 MB at 384^3
    "transfer": (0.1, 0.45, 0),  # reconstructions; metrics and pictures are small
    "segmentations": (0.1, 0.032, 0),
    "probability_maps": (0.3, 0.5, 0),
    "simulated_angiograms": (160, 0, 0),
    "angiograms": (30, 0, 0),  # of a job
    "metrics": (0.1, 0, 0),
    "tables": (0.1, 0, 0),
    "figures": (2, 0, 0),
    "": (25, 0, 0),  # provenance, and the page of the study
}


def memory_mb(
    rule: str, scale: Scale, attempt: int = 1, series_mb: float = 0, voxels: int = 0
) -> int:
    """Megabytes of memory to ask for at an attempt, Snakemake's own included.

    series_mb : size of the DICOM series that the job reads, where it is not the study's.
    voxels : of the file of a volume that it reads.
    """
    peak = _peak_mb(rule, scale) + SERIES * series_mb + READ * voxels
    return math.ceil(attempt * (SNAKEMAKE_MB + MEMORY_SAFETY * peak))


def check_memory(rules: Iterable[str], scale: Scale, machine_mb: float) -> None:
    """Refuse jobs that take more memory, without any room, than the machine has.

    Raises InputError with the figures.
    """
    largest = max(rules, key=lambda rule: _peak_mb(rule, scale), default=None)
    if largest and _peak_mb(largest, scale) > machine_mb:
        raise InputError(
            f"volume.shape: {scale.shape}: a job of {largest} takes about "
            f"{_peak_mb(largest, scale) / 1e3:.3g} GB of memory, this machine has "
            f"{machine_mb / 1e3:.3g} GB; lower it, or run on a cluster (profiles/slurm)"
        )


def check_file(path: str, voxels: int, machine_mb: float) -> None:
    """Refuse the file of a volume that the machine's memory cannot take, without any room.

    Raises InputError with the figures.
    """
    if READ * voxels > machine_mb:
        raise InputError(
            f"{Path(path).name}: {voxels} voxels take about {READ * voxels / 1e3:.3g} GB of memory "
            f"to convert, this machine has {machine_mb / 1e3:.3g} GB; crop the volume, or run on a "
            "cluster (profiles/slurm)"
        )


def _peak_mb(rule: str, scale: Scale) -> float:
    job = MEASURED_USAGE[rule]
    copies = job.copies + job.held * _volumes(job, scale)
    return job.mb + copies * (scale.volume_mb + scale.projections_mb)


def minutes(rule: str, scale: Scale, attempt: int = 1) -> int:
    """Run time to ask for at an attempt. What resumes from a checkpoint, a training or the
    optimisation for a patient, has what the config says at each attempt."""
    if rule.removesuffix(OF_GROUPS) in ("train", "train_cpu", "reconstruct_patient"):
        return math.ceil(60 * scale.training_hours)
    job = MEASURED_USAGE[rule]
    each = job.each_seconds + job.volume_seconds * (scale.shape / 384) ** 3
    seconds = job.seconds + each * _volumes(job, scale)
    return attempt * max(MIN_MINUTES, math.ceil(TIME_SAFETY * seconds / 60))


def stored_mb(path: str | Path, scale: Scale) -> float:
    """Megabytes that an output takes on disk, by its path within the results."""
    *kinds, _ = Path(path).parts
    mb, volumes, projections = MEASURED_STORAGE[kinds[0] if kinds else ""]
    return STORAGE_SAFETY * (mb + volumes * scale.volume_mb + projections * scale.projections_mb)


def _volumes(job: Job, scale: Scale) -> int:
    return getattr(scale, job.volumes) if job.volumes else 1
