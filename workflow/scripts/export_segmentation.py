"""Rule export_segmentation: one patient's reconstruction as a DICOM SEG of its source series."""

from angiovox_pipeline.job import job

from angiovox.io import nifti, patient_source
from angiovox.io.dicom import segmentation
from angiovox.metrics import overlap

with job(snakemake) as log:
    probability, affine = nifti.load_volume(snakemake.input.reconstruction)
    source = patient_source.find_series(snakemake.input.dicom, **snakemake.params.choice)
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
