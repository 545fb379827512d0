"""Rule quality_by_views: every method by number of views, at the measures that vessels need."""

from angiovox_pipeline.job import job

from angiovox.figures.quality import quality_by_views
from angiovox.figures.style import save
from angiovox.io.table_files import read_table

with job(snakemake):
    board = read_table(snakemake.input.leaderboard)
    published = read_table(snakemake.input.published)
    figure = quality_by_views(board, published, snakemake.params.methods, snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
