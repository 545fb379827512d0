"""Rule figure4: surfaces of one patient, the truth beside each view count."""

from angiovox_pipeline.job import job

from angiovox.figures.style import save
from angiovox.figures.surfaces import figure4
from angiovox.io import nifti
from angiovox.metrics import overlap

with job(snakemake):
    truth = nifti.load_mask(snakemake.input.mask)
    masks = {
        views: overlap.binary(nifti.load_volume(path)[0])
        for views, path in zip(
            snakemake.params.view_counts, snakemake.input.reconstructions, strict=True
        )
    }
    ious = {views: overlap.ratios(mask, truth)["iou"] for views, mask in masks.items()}
    affine = nifti.load_affine(snakemake.input.mask)
    figure = figure4(truth, masks, affine, ious, snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
