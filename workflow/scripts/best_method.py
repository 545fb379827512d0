"""Rule best_method: surfaces of one patient by the paper's network and by the best method."""

from angiovox_pipeline.job import job

from angiovox.figures.best_method import SurfaceRows, beside_the_best, best_method
from angiovox.figures.style import save
from angiovox.io import nifti
from angiovox.io.table_files import read_table

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    truth = nifti.load_mask(given.mask)
    volume, affine = nifti.load_volume(given.volume)
    board = read_table(given.leaderboard)
    files = dict(zip(params.runs, given.reconstructions, strict=True))
    rows = beside_the_best(board, params.paper, files, params.methods, truth)
    log(f"the best at the fewest views: {rows[-1].title}")
    figure = best_method(SurfaceRows(truth, rows, affine, volume), params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
