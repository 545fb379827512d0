"""Rule back_project: sum and minimum over views of one patient, for each view count."""

from adapter import job

from angiovox import files, geometry
from angiovox.backprojection import network_inputs

with job(snakemake):
    projections, affine = files.load_volume(snakemake.input.projections)
    angles = geometry.projection_angles(len(projections))
    depth = projections.shape[1]
    paths = zip(
        snakemake.params.view_counts, snakemake.output.sum, snakemake.output.min, strict=True
    )
    for views, sum_path, min_path in paths:
        chosen = geometry.view_indices(len(projections), views)
        total, bound = network_inputs(projections, angles, chosen, depth, snakemake.threads)
        files.save_fractions(sum_path, total, affine)
        files.save_fractions(min_path, bound, affine)
