"""Rule biplane: one patient by every method at the fewest views, beside the truth."""

from angiovox_pipeline.job import job

import numpy as np
from angiovox.figures.biplane import biplane
from angiovox.figures.style import save
from angiovox.io import nifti
from angiovox.io.table_files import read_table

with job(snakemake):
    given, params = snakemake.input, snakemake.params
    found, scores = {}, {}
    for name, volume, table in zip(params.found, given.reconstructions, given.metrics, strict=True):
        found[name] = nifti.load_volume(volume)[0].astype(np.float16)  # all are held at once
        rows = read_table(table).query("patient == @params.patient")
        scores[name] = rows.set_index("metric")["value"].to_dict()
    truth, affine = nifti.load_mask(given.mask), nifti.load_affine(given.mask)
    volume = nifti.load_volume(given.volume)[0]
    figure = biplane(truth, found, scores, affine, params.methods, params.note, volume)
    save(figure, snakemake.output.png, snakemake.output.pdf)
