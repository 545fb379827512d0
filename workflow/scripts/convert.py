"""Rule convert: one patient's series to a volume on the study's grid."""

from adapter import job

from angiovox import archive, files, geometry, grid

with job(snakemake) as log:
    found = archive.find(snakemake.input.dicom, **snakemake.params.choice)
    log(f"{found}: {found.shape} voxels of {found.voxel_mm} mm")
    for note in found.notes:
        log(note)
    volume, placed = found.read(snakemake.threads)
    volume, affine = grid.to_study_grid(
        volume, placed, snakemake.params.shape, snakemake.params.voxel_mm
    )
    log(f"study: {volume.shape} voxels of {geometry.voxel_sizes(affine).round(4)} mm")
    files.save_intensities(snakemake.output[0], volume, affine)
