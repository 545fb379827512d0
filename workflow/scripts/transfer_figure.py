"""Rule transfer_figure: IoU by number of views on the test patients and on each group."""

from angiovox_pipeline.job import job

from angiovox.figures.style import save
from angiovox.figures.transfer import transfer
from angiovox.io.table_files import read_table

with job(snakemake):
    params = snakemake.params
    table = read_table(snakemake.input.table).query("metric == 'iou'")
    figure = transfer(table, params.methods, params.groups, params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
