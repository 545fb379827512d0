"""Rule mask_quality: one table of every mask's figures, and one picture of all masks."""

from angiovox_pipeline.job import job

import json
from pathlib import Path

import pandas as pd
from angiovox.figures.cohort import mask_montage, montage_row
from angiovox.figures.style import save
from angiovox.io import atomic, nifti

with job(snakemake) as log:
    rows, panels = [], []
    given = zip(
        snakemake.params.patients,
        snakemake.input.volumes,
        snakemake.input.masks,
        snakemake.input.quality,
        strict=True,
    )
    for patient, volume, mask, quality in given:
        row = {"patient": patient} | json.loads(Path(quality).read_text(encoding="utf-8"))
        rows.append(row)
        panels.append(montage_row(row, nifti.load_volume(volume)[0], nifti.load_mask(mask)))
        if not row["plausible"]:
            log(f"patient {patient}: implausible mask: {row['reason']}")
    with atomic.atomic_file(snakemake.output.table) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
    montage = mask_montage(panels, snakemake.params.note)
    save(montage, snakemake.output.png, snakemake.output.pdf)
