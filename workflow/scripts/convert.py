"""Rule convert: one patient's DICOM series to a volume on the study's grid."""

from adapter import job

from angiovox import files, geometry, grid
from angiovox.dicom import reading

with job(snakemake) as log:
    series, placed = reading.read_volume(snakemake.input.dicom)
    log(f"series: {series.shape} voxels of {geometry.voxel_sizes(placed).round(4)} mm")
    volume, affine = grid.to_study_grid(
        series, placed, snakemake.params.shape, snakemake.params.voxel_mm
    )
    log(f"study: {volume.shape} voxels of {geometry.voxel_sizes(affine).round(4)} mm")
    files.save_intensities(snakemake.output[0], volume, affine)
