"""Rule evaluate: every metric of each test patient, and where its errors sit."""

from adapter import job

import json
from pathlib import Path

from angiovox import files, geometry
from angiovox.metrics import agreement, evaluation
from angiovox.metrics.lesions import placed

with job(snakemake):
    scores, curves = [], []
    angles = agreement.held_out_angles(geometry.projection_angles(snakemake.params.projections))
    told = {Path(path).stem: path for path in snakemake.input.lesions}
    given = zip(
        snakemake.params.patients,
        snakemake.input.reconstructions,
        snakemake.input.masks,
        strict=True,
    )
    for patient, reconstruction, mask in given:
        probability, affine = files.load_volume(reconstruction)
        sizes = geometry.voxel_sizes(affine)
        case = evaluation.Case(probability, files.load_mask(mask), sizes)
        lesions = json.loads(Path(told[patient]).read_text())["lesions"] if patient in told else []
        values = evaluation.evaluate(case, angles, placed(lesions, affine))
        fixed = {name: snakemake.wildcards[name] for name in ("method", "views", "seed")}
        fixed |= {"patient": patient}
        scores += [fixed | {"metric": name, "value": value} for name, value in values.items()]
        curves += [fixed | row for row in evaluation.profiles(case)]
    files.save_rows(snakemake.output.metrics, scores)
    files.save_rows(snakemake.output.profiles, curves)
