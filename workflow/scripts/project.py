"""Rule project: maximum intensity projections of one patient."""

from angiovox_pipeline.job import job

from angiovox.geometry import parallel_beam
from angiovox.io import nifti
from angiovox.io.quantization import requantize
from angiovox.projectors import mip

with job(snakemake):
    volume, affine = nifti.load_quantized(snakemake.input.volume)
    angles = parallel_beam.projection_angles(snakemake.params.projections)
    projections = mip.project_max(volume.codes, angles, snakemake.threads)
    stored = requantize(volume, projections)
    nifti.save_quantized(snakemake.output[0], stored, affine)
