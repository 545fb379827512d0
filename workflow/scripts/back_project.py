"""Rule back_project: sum and minimum over views of one patient, for each view count."""

from adapter import job

from itertools import chain, zip_longest

from angiovox import files, geometry
from angiovox.backprojection import network_input_slabs

with job(snakemake):
    projections, affine = files.load_codes(snakemake.input.projections)
    count, depth, num_levels = projections.codes.shape
    angles = geometry.projection_angles(count)
    subsets = [geometry.view_indices(count, views) for views in snakemake.params.view_counts]
    # Minima may not be kept.
    paths = list(chain(*zip_longest(snakemake.output.sum, snakemake.output.min)))
    with files.slabs_of_volumes(paths, (depth, depth, num_levels), affine) as write:
        network_input_slabs(projections.codes, angles, subsets, depth, write, snakemake.threads)
