"""Rule back_project: sum and minimum over views of one patient, for each view count."""

from adapter import job
from angiovox import files, geometry
from angiovox.backprojection import back_project, to_unit_range

with job(snakemake):
    projections, affine = files.load_volume(snakemake.input.projections)
    angles = geometry.projection_angles(len(projections))
    depth = projections.shape[1]
    paths = zip(
        snakemake.params.view_counts, snakemake.output.sum, snakemake.output.min, strict=True
    )
    for views, sum_path, min_path in paths:
        chosen = geometry.view_indices(len(projections), views)
        total, bound = back_project(projections[chosen], angles[chosen], depth, snakemake.threads)
        files.save_fractions(sum_path, to_unit_range(total), affine)
        files.save_fractions(min_path, to_unit_range(bound), affine)
