"""Rule quality_by_views: every method by number of views, at the measures that vessels need."""

from angiovox_pipeline.job import job

import pandas as pd
from angiovox.figures.quality import quality_by_views
from angiovox.figures.style import save

with job(snakemake):
    board = pd.read_csv(snakemake.input.leaderboard)
    published = pd.read_csv(snakemake.input.published)
    figure = quality_by_views(board, published, snakemake.params.methods, snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
