"""Rule figure1: the pre-processing of one patient."""

from angiovox_pipeline.job import job

from angiovox.figures.style import save
from angiovox.figures.volumes import figure1
from angiovox.geometry import parallel_beam
from angiovox.io import nifti

with job(snakemake):
    given = snakemake.input
    volume, affine = nifti.load_volume(given.volume)
    projections, _ = nifti.load_volume(given.projections)
    figure = figure1(
        volume,
        nifti.load_mask(given.mask),
        projections,
        parallel_beam.projection_angles(len(projections)),
        nifti.load_volume(given.backprojection)[0],
        affine,
        snakemake.params.note,
    )
    save(figure, snakemake.output.png, snakemake.output.pdf)
