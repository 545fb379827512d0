"""Rule evaluate: every metric of each test patient, and where its errors sit."""

from angiovox_pipeline.job import job

import json
from pathlib import Path

from angiovox.geometry.affine import voxel_sizes
from angiovox.geometry.imaging import Imaging
from angiovox.io import atomic, nifti
from angiovox.metrics import evaluate, reprojection
from angiovox.metrics.lesions import placed

with job(snakemake):
    scores, curves = [], []
    angles = reprojection.held_out_angles(Imaging(**snakemake.params.imaging).angles)
    lesion_files = map(Path, snakemake.input.lesions)
    shares = {Path(file).name.removesuffix(".nii.gz"): file for file in snakemake.input.shares}
    lesions = {
        file.stem: json.loads(file.read_text(encoding="utf-8"))["lesions"] for file in lesion_files
    }
    given = zip(
        snakemake.params.patients,
        snakemake.input.reconstructions,
        snakemake.input.masks,
        strict=True,
    )
    for patient, reconstruction, mask in given:
        probability, affine = nifti.load_volume(reconstruction)
        case = evaluate.Case(probability, nifti.load_mask(mask), voxel_sizes(affine))
        exact = nifti.load_volume(shares[patient])[0] if patient in shares else None
        planted = placed(lesions.get(patient, []), affine)
        values = evaluate.evaluate(case, angles, planted, exact)
        fixed = {name: snakemake.wildcards[name] for name in ("method", "views", "seed")}
        fixed |= {"patient": patient}
        scores += [fixed | {"metric": name, "value": value} for name, value in values.items()]
        curves += [fixed | row for row in evaluate.profiles(case)]
    atomic.save_rows(snakemake.output.metrics, scores)
    atomic.save_rows(snakemake.output.profiles, curves)
