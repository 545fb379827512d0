"""Rule phantom: grow a patient, write the DICOM series a scanner would send, and the truth."""

from adapter import job

from angiovox import files, geometry
from angiovox.dicom import writing
from angiovox.phantom import acquisition, truth
from angiovox.phantom.imaging import SCANNERS

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    shape = (params.shape,) * 3
    taken = acquisition.acquire(
        params.seed,
        shape,
        params.voxel_mm,
        acquisition.Settings(params.injection, params.centre, params.scanner, params.lesions),
        *snakemake.input.get("centreline", []),
    )
    affine = geometry.isotropic_affine(shape, params.voxel_mm)
    files.save_fractions(output.share, taken.share, affine)
    truth.write_graph(output.graph, taken.arteries)
    truth.write_lesions(output.lesions, taken)
    scanner = SCANNERS[params.scanner]
    patient, words = snakemake.wildcards.patient, (scanner.description, scanner.units)
    writing.write_series(taken.volume, affine, output.dicom, patient, *words)
