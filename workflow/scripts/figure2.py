"""Rule figure2: maximum projections of the back-projected volume, for each view count."""

from angiovox_pipeline.job import job

from angiovox.figures.style import save
from angiovox.figures.volumes import FIGURE_ANGLES, figure2
from angiovox.io import nifti
from angiovox.projectors.mip import project_max

with job(snakemake):
    paths = snakemake.input.backprojections
    projections = {
        views: project_max(nifti.load_volume(path)[0], FIGURE_ANGLES)
        for views, path in zip(snakemake.params.view_counts, paths, strict=True)
    }
    figure = figure2(projections, nifti.load_affine(paths[0]), note=snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
