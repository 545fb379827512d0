"""Rule angiogram_figure: a phantom's subtracted runs."""

from angiovox_pipeline.job import job

from pathlib import Path

from angiovox.figures.angiograms import angiograms
from angiovox.figures.style import save
from angiovox.io.dicom.xa.reader import read_run

with job(snakemake):
    folder = Path(snakemake.input.runs)
    runs = [read_run(folder / f"{name}.dcm") for name in ("plane-a", "plane-b", "rotational")]
    figure = angiograms(runs, f"{snakemake.wildcards.patient}, a phantom; simulated X-rays")
    save(figure, snakemake.output.png, snakemake.output.pdf)
