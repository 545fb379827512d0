"""Rule figure4: surfaces of one patient, the truth beside each view count."""

from adapter import job

from angiovox import files
from angiovox.figures.style import save
from angiovox.figures.surfaces import figure4
from angiovox.metrics import overlap

with job(snakemake):
    truth = files.load_mask(snakemake.input.mask)
    masks = {
        views: overlap.binary(files.load_volume(path)[0])
        for views, path in zip(
            snakemake.params.view_counts, snakemake.input.reconstructions, strict=True
        )
    }
    ious = {views: overlap.ratios(mask, truth)["iou"] for views, mask in masks.items()}
    affine = files.load_affine(snakemake.input.mask)
    figure = figure4(truth, masks, affine, ious, snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
