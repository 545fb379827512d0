"""Rule project: maximum intensity projections of one patient."""

from adapter import job

from angiovox import files, geometry, projection

with job(snakemake):
    volume, affine = files.load_volume(snakemake.input.volume)
    angles = geometry.projection_angles(snakemake.params.projections)
    projections = projection.project_max(volume, angles, snakemake.threads)
    files.save_volume(snakemake.output[0], projections, affine)
