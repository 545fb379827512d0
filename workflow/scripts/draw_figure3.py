"""Rule figure3: a real example through the network."""

from adapter import job

from angiovox import files
from angiovox.figures.network import figure3
from angiovox.figures.style import save
from angiovox.layer_sizes import layer_sizes

with job(snakemake):
    given = snakemake.input
    backprojection, affine = files.load_volume(given.backprojection)
    figure = figure3(
        backprojection,
        files.load_volume(given.reconstruction)[0],
        files.load_mask(given.mask),
        layer_sizes(backprojection.shape[0]),
        affine,
        snakemake.params.note,
    )
    save(figure, snakemake.output.png, snakemake.output.pdf)
