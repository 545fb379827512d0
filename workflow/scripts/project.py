"""Rule project: maximum intensity projections of one patient."""

from adapter import job

from angiovox import files, geometry, projection
from angiovox.codes import encode_within

with job(snakemake):
    volume, affine = files.load_codes(snakemake.input.volume)
    angles = geometry.projection_angles(snakemake.params.projections)
    projections = projection.project_max(volume.codes, angles, snakemake.threads)
    stored = encode_within(volume, projections)
    files.save_codes(snakemake.output[0], stored, affine)
