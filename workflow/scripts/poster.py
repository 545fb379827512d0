"""Rule poster: the whole study on one sheet."""

from angiovox_pipeline.job import job

import numpy as np
from angiovox.figures.best_method import SurfaceRows, beside_the_best
from angiovox.figures.poster import Patient, poster
from angiovox.figures.style import save
from angiovox.io import nifti
from angiovox.io.table_files import read_table

with job(snakemake):
    given, params = snakemake.input, snakemake.params
    board = read_table(given.leaderboard)
    volume, affine = nifti.load_volume(given.volume)
    truth = nifti.load_mask(given.mask)
    files = dict(zip(params.runs, given.reconstructions, strict=True))
    rows = beside_the_best(board, params.paper, files, params.methods, truth)
    projections = nifti.load_volume(given.projections)[0]
    shown = np.linspace(0, len(projections) - 1, 3).round().astype(int)
    patient = Patient(
        volume,
        truth,
        projections[shown],
        len(projections),
        {
            views: nifti.load_volume(path)[0]
            for views, path in zip(params.back_projected, given.backprojections, strict=True)
        },
        affine,
        params.kind,
    )
    surfaces = SurfaceRows(truth, rows, affine, volume)
    published = read_table(given.published)
    figure = poster(patient, surfaces, board, published, params.methods, params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
