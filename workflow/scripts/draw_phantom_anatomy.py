"""Rule phantom_anatomy: one phantom with every artery filled, its arteries named."""

from adapter import job

from angiovox.figures.phantoms import anatomy_chart
from angiovox.figures.style import save
from angiovox.phantom.growth import grow
from angiovox.phantom.injection import inject

with job(snakemake):
    arteries, origin = inject(grow(snakemake.params.seed), "all", "head")
    figure = anatomy_chart(arteries, origin, snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
