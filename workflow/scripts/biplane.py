"""Rule biplane: one patient by every method at the fewest views, beside the truth."""

from angiovox_pipeline.job import job

import pandas as pd
from angiovox.figures.biplane import biplane
from angiovox.figures.style import save
from angiovox.io import nifti
from angiovox.metrics import overlap

with job(snakemake):
    given, params = snakemake.input, snakemake.params
    found, scores = {}, {}
    for title, volume, table in zip(
        params.titles, given.reconstructions, given.metrics, strict=True
    ):
        found[title] = overlap.binary(nifti.load_volume(volume)[0])
        rows = pd.read_csv(table, dtype={"patient": str}).query("patient == @params.patient")
        scores[title] = rows.set_index("metric")["value"].to_dict()
    truth, affine = nifti.load_mask(given.mask), nifti.load_affine(given.mask)
    figure = biplane(truth, found, scores, affine, params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
