"""Rule reconstruct_angiograms: a patient's runs to calibrated views and a volume of arteries."""

from angiovox_pipeline.job import job

import json

from angiovox.angiograms import measurement_file
from angiovox.angiograms.calibration import calibrate
from angiovox.angiograms.field import common_field
from angiovox.angiograms.reading import read_angiograms
from angiovox.angiograms.reconstruction import reconstruct
from angiovox.io import nifti
from angiovox.io.atomic import atomic_file
from angiovox_pipeline import stages

with job(snakemake) as log:
    params, output, threads = snakemake.params, snakemake.output, snakemake.threads
    stages.begin(log, "read")
    angiograms = read_angiograms(snakemake.input.runs, params.frames)
    header = angiograms.views
    grid = common_field(angiograms, params.voxel_mm)
    calibration = {"rows": [], "warnings": []}
    if params.calibrate:
        stages.begin(log, "calibrate")
        found = calibrate(angiograms, grid, log, threads)
        angiograms = found.angiograms
        calibration = {"rows": found.rows(), "warnings": list(found.warnings)}
    stages.begin(log, "reconstruct")
    made = reconstruct(angiograms, grid, log=log, threads=threads)
    with atomic_file(output.calibration) as temporary:
        temporary.write_text(json.dumps(calibration, indent=1), encoding="utf-8")
    measurement_file.save(output.measurement, angiograms, header, made.contrast)
    nifti.save_fractions(output.probability, made.probability, made.grid.affine)
