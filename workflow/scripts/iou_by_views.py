"""Rule iou_by_views: every method and the published curve, by number of views."""

from angiovox_pipeline.job import job

from angiovox.figures.curves import iou_by_views
from angiovox.figures.style import save
from angiovox.io.table_files import read_table

with job(snakemake):
    summary = read_table(snakemake.input.summary).query("metric == 'iou'")
    published = read_table(snakemake.input.published)
    figure = iou_by_views(summary, published, snakemake.params.methods, snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
