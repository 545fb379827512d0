"""Rule back_project: sum and minimum over views of one patient, for each view count."""

from angiovox_pipeline.job import job

from itertools import chain, zip_longest

from angiovox.geometry import parallel_beam
from angiovox.io import nifti
from angiovox.projectors.backprojection import network_input_slabs

with job(snakemake):
    projections, affine = nifti.load_quantized(snakemake.input.projections)
    count, depth, num_levels = projections.codes.shape
    angles = parallel_beam.projection_angles(count)
    subsets = [parallel_beam.view_indices(count, views) for views in snakemake.params.view_counts]
    # Minima may not be kept.
    paths = list(chain(*zip_longest(snakemake.output.sum, snakemake.output.min)))
    with nifti.slab_writers(paths, (depth, depth, num_levels), affine) as write:
        network_input_slabs(projections.codes, angles, subsets, depth, write, snakemake.threads)
