"""Rule figure1: the pre-processing of one patient."""

from angiovox_pipeline.job import job

from angiovox.figures.style import save
from angiovox.figures.volumes import figure1
from angiovox.geometry.imaging import Imaging
from angiovox.io import nifti

with job(snakemake):
    given = snakemake.input
    imaging = Imaging(**snakemake.params.imaging)
    volume, affine = nifti.load_volume(given.volume)
    projections, _ = nifti.load_volume(given.projections)
    figure = figure1(
        volume,
        nifti.load_mask(given.mask),
        projections,
        imaging.angles,
        nifti.load_volume(given.backprojection)[0],
        affine,
        snakemake.params.note,
        imaging.kind,
    )
    save(figure, snakemake.output.png, snakemake.output.pdf)
