"""Rule learning_curves: loss and IoU on the training patients, epoch by epoch."""

from angiovox_pipeline.job import job

import pandas as pd
from angiovox.figures.curves import learning_curves
from angiovox.figures.style import save

with job(snakemake):
    parts = []
    for path, run in zip(snakemake.input.histories, snakemake.params.runs, strict=True):
        method, views, seed = run.split()
        title = snakemake.params.titles[method]
        counts = int(views) if views.isdigit() else views
        parts.append(pd.read_csv(path).assign(method=title, views=counts, seed=int(seed)))
    figure = learning_curves(pd.concat(parts, ignore_index=True), snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
