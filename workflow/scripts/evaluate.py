"""Rule evaluate: every metric of each test patient, and where its errors sit."""

from angiovox_pipeline.job import job

import json
from pathlib import Path

from angiovox.geometry import affine, parallel_beam
from angiovox.io import atomic, nifti
from angiovox.metrics import evaluate, reprojection
from angiovox.metrics.lesions import placed

with job(snakemake):
    scores, curves = [], []
    angles = reprojection.held_out_angles(
        parallel_beam.projection_angles(snakemake.params.projections)
    )
    told = {Path(path).stem: path for path in snakemake.input.lesions}
    given = zip(
        snakemake.params.patients,
        snakemake.input.reconstructions,
        snakemake.input.masks,
        strict=True,
    )
    for patient, reconstruction, mask in given:
        probability, affine = nifti.load_volume(reconstruction)
        sizes = affine.voxel_sizes(affine)
        case = evaluate.Case(probability, nifti.load_mask(mask), sizes)
        lesions = json.loads(Path(told[patient]).read_text())["lesions"] if patient in told else []
        values = evaluate.evaluate(case, angles, placed(lesions, affine))
        fixed = {name: snakemake.wildcards[name] for name in ("method", "views", "seed")}
        fixed |= {"patient": patient}
        scores += [fixed | {"metric": name, "value": value} for name, value in values.items()]
        curves += [fixed | row for row in evaluate.profiles(case)]
    atomic.save_rows(snakemake.output.metrics, scores)
    atomic.save_rows(snakemake.output.profiles, curves)
