"""Rule export_probability_map: one patient's probabilities as a DICOM Parametric Map."""

from angiovox_pipeline.job import job

from angiovox.io import nifti, patient_source
from angiovox.io.dicom import probability_map

with job(snakemake) as log:
    probability, affine = nifti.load_volume(snakemake.input.reconstruction)
    source = patient_source.find_series(snakemake.input.dicom, **snakemake.params.choice)
    is_calibrated = snakemake.wildcards.method in snakemake.params.calibrated
    probability_map.write_probability_map(
        probability,
        affine,
        source.images,
        snakemake.output[0],
        method=snakemake.wildcards.method,
        views=int(snakemake.wildcards.views),
        is_calibrated=is_calibrated,
    )
    log(f"refers to {len(source.images)} images of the source series; calibrated: {is_calibrated}")
