"""Rule project_cone_beam: line integrals of one patient along the rays of a cone beam."""

from angiovox_pipeline.job import job

from angiovox.geometry.cone_beam import study_views
from angiovox.geometry.grid import Grid
from angiovox.geometry.parallel_beam import projection_angles
from angiovox.io import nifti
from angiovox.projectors.line_integral import line_integral

with job(snakemake):
    volume, affine = nifti.load_volume(snakemake.input.volume)
    grid = Grid.centred(volume.shape, affine)
    angles = projection_angles(snakemake.params.projections)
    views = study_views(angles, grid, **snakemake.params.cone_beam)
    volume -= volume.min()
    integrals = line_integral(volume, grid, views, snakemake.threads)
    nifti.save_intensities(snakemake.output[0], integrals, affine)
