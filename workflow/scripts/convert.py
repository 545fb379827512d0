"""Rule convert: one patient's series to a volume on the study's grid."""

from angiovox_pipeline.job import job

import json

from angiovox.geometry import resample
from angiovox.geometry.affine import voxel_sizes
from angiovox.io import atomic, inventory, nifti, patient_source
from angiovox.io.quantization import quantize
from angiovox.io.source_digests import source_digests

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
    stored = quantize(volume)
    nifti.save_quantized(snakemake.output.volume, stored, affine)
    with atomic.atomic_file(snakemake.output.source) as temporary:
        digests = json.dumps(source_digests(found, stored.codes))
        temporary.write_text(f"{digests}\n", encoding="utf-8")
