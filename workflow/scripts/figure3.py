"""Rule figure3: a real example through the network."""

from angiovox_pipeline.job import job

from angiovox.figures.network import figure3
from angiovox.figures.style import save
from angiovox.io import nifti
from angiovox.methods.denoising_autoencoder.layer_sizes import layer_sizes

with job(snakemake):
    given = snakemake.input
    backprojection, affine = nifti.load_volume(given.backprojection)
    figure = figure3(
        backprojection,
        nifti.load_volume(given.reconstruction)[0],
        nifti.load_mask(given.mask),
        layer_sizes(backprojection.shape[0]),
        affine,
        snakemake.params.note,
    )
    save(figure, snakemake.output.png, snakemake.output.pdf)
