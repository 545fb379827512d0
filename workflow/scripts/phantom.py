"""Rule phantom: grow a patient, write the DICOM series a scanner would send, and the truth."""

from angiovox_pipeline.job import job

from angiovox.geometry.affine import isotropic_affine
from angiovox.io import nifti
from angiovox.io.dicom import writer
from angiovox.phantoms import acquisition, ground_truth
from angiovox.phantoms.scanner import SCANNERS

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    shape = (params.shape,) * 3
    taken = acquisition.acquire(
        params.seed,
        shape,
        params.voxel_mm,
        acquisition.Settings(
            params.injection,
            params.centre,
            params.scanner,
            params.lesions,
            params.get("earlier"),
        ),
        *snakemake.input.get("centreline", []),
        **params.get("tree", {}),
    )
    affine = isotropic_affine(shape, params.voxel_mm)
    nifti.save_fractions(output.share, taken.share, affine)
    ground_truth.write_graph(output.graph, taken.arteries)
    ground_truth.write_lesions(output.lesions, taken)
    scanner = SCANNERS[params.scanner]
    patient, words = snakemake.wildcards.patient, (scanner.description, scanner.units)
    writer.write_series(taken.volume, affine, output.dicom, patient, *words)
