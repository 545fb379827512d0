"""Rule figure4: surfaces of one patient, the truth beside each view count."""

from angiovox_pipeline.job import job

import numpy as np
from angiovox.figures.style import save
from angiovox.figures.surfaces import figure4
from angiovox.io import nifti
from angiovox.metrics import overlap

with job(snakemake):
    given, params = snakemake.input, snakemake.params
    truth = nifti.load_mask(given.mask)
    found, ious = {}, {}
    for views, path in zip(params.view_counts, given.reconstructions, strict=True):
        probability, affine = nifti.load_volume(path)
        ious[views] = overlap.ratios(overlap.binary(probability), truth)["iou"]
        found[views] = probability.astype(np.float16)  # all are held at once
    volume = nifti.load_volume(given.volume)[0]
    figure = figure4(truth, found, affine, ious, params.note, volume)
    save(figure, snakemake.output.png, snakemake.output.pdf)
