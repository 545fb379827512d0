"""Rule phantom_masks: what the Otsu masks that the study learns from miss of the arteries."""

from angiovox_pipeline.job import job

import json
from pathlib import Path

import pandas as pd
from angiovox.io import atomic, nifti
from angiovox.metrics import overlap

with job(snakemake):
    rows = []
    given = zip(
        snakemake.params.patients,
        snakemake.input.masks,
        snakemake.input.shares,
        snakemake.input.lesions,
        strict=True,
    )
    for patient, mask_path, share_path, lesions in given:
        mask = nifti.load_mask(mask_path)
        artery = overlap.binary(nifti.load_volume(share_path)[0])
        fractions = {"artery_fraction": artery.mean(), "mask_fraction": mask.mean()}
        planted = json.loads(Path(lesions).read_text(encoding="utf-8"))["lesions"]
        names = "; ".join(f"{lesion['kind']}, {lesion['site']}" for lesion in planted)
        rows.append(
            {"patient": patient} | fractions | overlap.ratios(mask, artery) | {"lesions": names}
        )
    with atomic.atomic_file(snakemake.output[0]) as temporary:
        pd.DataFrame(rows).round(5).to_csv(temporary, index=False)
