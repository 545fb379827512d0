"""Rule iou_by_views: every method and the published curve, by number of views."""

from angiovox_pipeline.job import job

import pandas as pd
from angiovox.figures.curves import iou_by_views
from angiovox.figures.style import save

with job(snakemake):
    summary = pd.read_csv(snakemake.input.summary).query("metric == 'iou'")
    published = pd.read_csv(snakemake.input.published)
    figure = iou_by_views(summary, published, snakemake.params.methods, snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
