"""Rule prior_mask: the Otsu mask of a patient's earlier volume, on the grid of the present one."""

from angiovox_pipeline.job import job

from angiovox.geometry import resample
from angiovox.io import inventory, nifti, patient_source
from angiovox.masks import otsu

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    found = patient_source.find(given.scan, **params.choice)
    log(f"{found}: {inventory.described(found.shape, found.voxel_mm)}")
    for note in found.notes:
        log(note)
    volume, placed = found.read(snakemake.threads)
    grid, affine = nifti.load_quantized(given.grid)
    # ASSUME: both volumes are in one coordinate system, as after registration; none is done here.
    earlier = resample.onto_grid(volume, placed, grid.codes.shape, affine)
    mask, threshold = otsu.otsu_mask(earlier, params.window, params.classes)
    log(f"threshold {threshold:.4g}, {mask.mean():.3%} of the voxels")
    nifti.save_volume(snakemake.output[0], mask, affine)
