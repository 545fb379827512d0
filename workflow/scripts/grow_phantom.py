"""Rule phantom: grow one patient and write the DICOM series a scanner would have sent."""

from adapter import job
from angiovox import dicom, geometry, phantom

with job(snakemake):
    params = snakemake.params
    shape = (params.shape,) * 3
    vessels = phantom.grow(params.seed, params.injection)
    volume = phantom.image(vessels, shape, params.voxel_mm, params.seed)
    affine = geometry.isotropic_affine(shape, params.voxel_mm)
    dicom.write_series(volume, affine, snakemake.output[0], snakemake.wildcards.patient)
