"""Rule phantom_anatomy: one phantom with every artery filled, its arteries named."""

from angiovox_pipeline.job import job

from angiovox.figures.phantoms import anatomy_chart
from angiovox.figures.style import save
from angiovox.phantoms.arterial_tree import grow
from angiovox.phantoms.contrast import inject

with job(snakemake):
    arteries, origin = inject(grow(snakemake.params.seed), "all", "head")
    figure = anatomy_chart(arteries, origin, snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
