"""Rules mesh and mesh_truth: surfaces of the test patients in their own millimetres."""

from angiovox_pipeline.job import job

from angiovox.io import nifti
from angiovox.io.surface_files import load_surface
from angiovox.masks import surfaces
from angiovox.metrics import overlap

with job(snakemake):
    own = map(load_surface, snakemake.input.get("own", []))
    given = zip(snakemake.input.volumes, snakemake.output.stl, snakemake.output.vtp, strict=True)
    for path, stl, vtp in given:
        volume, affine = nifti.load_volume(path)
        found = next(own, None)
        if found is None:
            surfaces.write_surface(overlap.binary(volume), affine, stl, vtp)
        else:
            surfaces.write_mesh(surfaces.mesh_of(*found, affine), affine, stl, vtp)
