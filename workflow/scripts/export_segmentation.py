"""Rule export_segmentation: one patient's reconstruction as a DICOM SEG of its source series."""

from adapter import job

from angiovox import archive, files
from angiovox.dicom import segmentation
from angiovox.metrics import overlap

with job(snakemake) as log:
    probability, affine = files.load_volume(snakemake.input.reconstruction)
    source = archive.find_series(snakemake.input.dicom, **snakemake.params.choice)
    segmentation.write_segmentation(
        overlap.binary(probability),
        affine,
        source.images,
        snakemake.output[0],
        method=snakemake.wildcards.method,
        views=int(snakemake.wildcards.views),
        learned=snakemake.wildcards.method in snakemake.params.learned,
    )
    log(f"refers to {len(source.images)} images of the source series")
