"""Rule learning_curves: loss and IoU on the training patients, epoch by epoch."""

from angiovox_pipeline.job import job

import pandas as pd
from angiovox.figures.learning import learning_curves
from angiovox.figures.style import save
from angiovox.io.table_files import read_table

with job(snakemake):
    parts = []
    for path, run in zip(snakemake.input.histories, snakemake.params.runs, strict=True):
        method, views, seed = run.split()
        counts = int(views) if views.isdigit() else views
        parts.append(read_table(path).assign(method=method, views=counts, seed=int(seed)))
    history = pd.concat(parts, ignore_index=True)
    figure = learning_curves(history, snakemake.params.methods, snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
