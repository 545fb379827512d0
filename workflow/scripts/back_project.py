"""Rule back_project: sum and minimum over views of one patient, for each view count."""

from adapter import job

from contextlib import ExitStack
from itertools import zip_longest

from angiovox import files, geometry
from angiovox.backprojection import network_input_slabs

with job(snakemake), ExitStack() as open_files:
    projections, affine = files.load_codes(snakemake.input.projections)
    count, depth, num_levels = projections.codes.shape
    angles = geometry.projection_angles(count)
    subsets = [geometry.view_indices(count, views) for views in snakemake.params.view_counts]
    pairs = zip_longest(snakemake.output.sum, snakemake.output.min)  # minima may not be kept
    shape = (projections.codes.shape[1], depth, num_levels)
    writers = [
        path and open_files.enter_context(files.slabs_of_codes(path, shape, affine))
        for pair in pairs
        for path in pair
    ]

    def receive(z_start, slab):
        for write, codes in zip(writers, slab, strict=True):
            if write:
                write(z_start, codes)

    network_input_slabs(projections.codes, angles, subsets, depth, receive, snakemake.threads)
