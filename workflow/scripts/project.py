"""Rule project: projections of one patient."""

from angiovox_pipeline.job import job

from angiovox.geometry.imaging import LINE_INTEGRAL, Imaging
from angiovox.io import nifti
from angiovox.projectors.imaging import project

with job(snakemake):
    params = snakemake.params
    imaging = Imaging(**params.imaging)
    volume, affine = nifti.load_quantized(snakemake.input.volume)
    share = None
    if imaging.kind == LINE_INTEGRAL:
        from angiovox.masks.contrast import contrast_share  # half a second, for each patient
        from angiovox.masks.otsu import otsu_mask

        mask, _ = otsu_mask(volume, **params.segmentation)
        share = contrast_share(volume, mask, params.segmentation["window"])
    stored = project(imaging, volume, affine, share, snakemake.threads)
    nifti.save_quantized(snakemake.output[0], stored, affine)
