"""Rule transfer_figure: IoU by number of views on the test patients and on each group."""

from angiovox_pipeline.job import job

import pandas as pd
from angiovox.figures.style import save
from angiovox.figures.transfer import transfer

with job(snakemake):
    params = snakemake.params
    table = pd.read_csv(snakemake.input.table).query("metric == 'iou'")
    figure = transfer(table, params.methods, params.groups, params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
