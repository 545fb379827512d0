"""Rule back_project: sum and minimum over views of one patient, for each view count."""

from angiovox_pipeline.job import job

from itertools import chain, zip_longest

from angiovox.geometry.imaging import Imaging
from angiovox.io import nifti
from angiovox.io.quantization import QuantizedVolume
from angiovox.projectors.backprojection import network_input_slabs
from angiovox.projectors.imaging import network_inputs

with job(snakemake):
    params, output, threads = snakemake.params, snakemake.output, snakemake.threads
    imaging = Imaging(**params.imaging)
    projections, affine = nifti.load_quantized(snakemake.input.projections)
    subsets = [imaging.chosen(views) for views in params.view_counts]
    paths = list(zip_longest(output.sum, output.min))  # minima may not be kept
    if imaging.is_papers:
        shape = (imaging.shape,) * 3
        with nifti.slab_writers(list(chain(*paths)), shape, affine) as write:
            codes, angles = projections.codes, imaging.angles
            network_input_slabs(codes, angles, subsets, imaging.shape, write, threads)
    else:
        for pair, chosen in zip(paths, subsets, strict=True):
            found = network_inputs(imaging, projections, affine, [chosen], threads)
            for path, (codes,) in zip(pair, found, strict=True):
                if path:
                    nifti.save_quantized(path, QuantizedVolume(codes), affine)
