"""Rule convert: one patient's series to a volume on the study's grid."""

from angiovox_pipeline.job import job

from angiovox.geometry import resample
from angiovox.geometry.affine import voxel_sizes
from angiovox.io import inventory, nifti, patient_source

with job(snakemake) as log:
    found = patient_source.find(snakemake.input.dicom, **snakemake.params.choice)
    log(f"{found}: {inventory.described(found.shape, found.voxel_mm)}")
    for note in found.notes:
        log(note)
    patient_source.check_field(found, snakemake.params.shape, snakemake.params.voxel_mm)
    volume, placed = found.read(snakemake.threads)
    volume, affine = resample.to_study_grid(
        volume, placed, snakemake.params.shape, snakemake.params.voxel_mm
    )
    log(f"study: {inventory.described(volume.shape, voxel_sizes(affine))}")
    nifti.save_intensities(snakemake.output[0], volume, affine)
