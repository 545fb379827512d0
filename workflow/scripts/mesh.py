"""Rules mesh and mesh_truth: surfaces of the test patients in their own millimetres."""

from adapter import job

from angiovox import files, meshes
from angiovox.metrics import overlap

with job(snakemake):
    given = zip(snakemake.input.volumes, snakemake.output.stl, snakemake.output.vtp, strict=True)
    for path, stl, vtp in given:
        volume, affine = files.load_volume(path)
        meshes.write_surface(overlap.binary(volume), affine, stl, vtp)
