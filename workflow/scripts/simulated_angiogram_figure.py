"""Rule simulated_angiogram_figure: subtracted runs of one phantom, patient or surface."""

from angiovox_pipeline.job import job

from pathlib import Path

from angiovox.figures.angiograms import angiograms
from angiovox.figures.style import save
from angiovox.io.dicom.xa.reader import read_run

with job(snakemake):
    folder = Path(snakemake.input.runs)
    runs = [read_run(folder / f"{name}.dcm") for name in ("plane-a", "plane-b", "rotational")]
    figure = angiograms(runs, snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
