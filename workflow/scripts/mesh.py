"""Rules mesh and mesh_truth: surfaces of the test patients in their own millimetres."""

from angiovox_pipeline.job import job

from angiovox.io import nifti
from angiovox.masks import surfaces
from angiovox.metrics import overlap

with job(snakemake):
    given = zip(snakemake.input.volumes, snakemake.output.stl, snakemake.output.vtp, strict=True)
    for path, stl, vtp in given:
        volume, affine = nifti.load_volume(path)
        surfaces.write_surface(overlap.binary(volume), affine, stl, vtp)
