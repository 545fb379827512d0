"""Rule figure1: the pre-processing of one patient."""

from adapter import job

from angiovox import files, geometry
from angiovox.figures.style import save
from angiovox.figures.volumes import figure1

with job(snakemake):
    given = snakemake.input
    volume, affine = files.load_volume(given.volume)
    projections, _ = files.load_volume(given.projections)
    figure = figure1(
        volume,
        files.load_mask(given.mask),
        projections,
        geometry.projection_angles(len(projections)),
        files.load_volume(given.backprojection)[0],
        affine,
        snakemake.params.note,
    )
    save(figure, snakemake.output.png, snakemake.output.pdf)
