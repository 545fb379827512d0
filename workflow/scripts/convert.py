"""Rule convert: one patient's series to a volume on the study's grid."""

from adapter import job

from angiovox import archive, files, geometry, grid

with job(snakemake) as log:
    found = archive.find(snakemake.input.dicom, **snakemake.params.choice)
    log(f"{found}: {archive.described(found.shape, found.voxel_mm)}")
    for note in found.notes:
        log(note)
    volume, placed = found.read(snakemake.threads)
    volume, affine = grid.to_study_grid(
        volume, placed, snakemake.params.shape, snakemake.params.voxel_mm
    )
    log(f"study: {archive.described(volume.shape, geometry.voxel_sizes(affine))}")
    files.save_intensities(snakemake.output[0], volume, affine)
