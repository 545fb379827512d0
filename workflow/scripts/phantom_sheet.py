"""Rule phantom_sheet: some phantom patients as projections and as surfaces of their arteries."""

from angiovox_pipeline.job import job

from angiovox.figures.phantoms import phantom_sheet, sheet_row
from angiovox.figures.style import save
from angiovox.io import nifti
from angiovox.phantoms.ground_truth import read_graph

with job(snakemake):
    rows = [
        sheet_row(patient, *nifti.load_volume(volume), read_graph(graph))
        for patient, volume, graph in zip(
            snakemake.params.patients, snakemake.input.volumes, snakemake.input.graphs, strict=True
        )
    ]
    figure = phantom_sheet(rows, snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
