"""Rule back_project: sum and minimum over views of one patient, for each view count."""

from adapter import job

from angiovox import files, geometry
from angiovox.backprojection import network_inputs
from angiovox.codes import Codes

with job(snakemake):
    projections, affine = files.load_codes(snakemake.input.projections)
    count, depth, _ = projections.codes.shape
    angles = geometry.projection_angles(count)
    subsets = [geometry.view_indices(count, views) for views in snakemake.params.view_counts]
    made = network_inputs(projections.codes, angles, subsets, depth, snakemake.threads)
    for volumes, paths in zip(made, (snakemake.output.sum, snakemake.output.min), strict=True):
        for volume, path in zip(volumes, paths, strict=False):  # what is not kept has no paths
            files.save_codes(path, Codes(volume), affine)
