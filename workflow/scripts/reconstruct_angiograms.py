"""Rule reconstruct_angiograms: a patient's runs to calibrated views and a volume of arteries."""

from angiovox_pipeline.job import job

import json

from angiovox.angiograms import measurement_file
from angiovox.angiograms.calibration.poses import calibrate
from angiovox.angiograms.field import common_field
from angiovox.angiograms.reading import RunOptions, read_angiograms
from angiovox.angiograms.reconstruction import reconstruct
from angiovox.angiograms.weights import load_weights
from angiovox.io import nifti
from angiovox.io.atomic import atomic_file
from angiovox_pipeline import scheduling, stages

with job(snakemake) as log:
    params, output, threads = snakemake.params, snakemake.output, snakemake.threads
    stages.begin(log, "read")
    angiograms = read_angiograms(snakemake.input.runs, [RunOptions(**one) for one in params.frames])
    header = angiograms.views
    grid = common_field(angiograms, params.voxel_mm, 1e6 * scheduling.memory_mb())
    calibration = {"rows": [], "warnings": []}
    if params.calibrate:
        stages.begin(log, "calibrate")
        found = calibrate(angiograms, grid, log, threads)
        angiograms = found.angiograms
        calibration = {"rows": found.rows(), "warnings": list(found.warnings)}
    stages.begin(log, "reconstruct")
    weights = load_weights(snakemake.input.weights)
    made = reconstruct(angiograms, grid, weights, log, threads)
    calibration["fit"] = made.fit_rows(angiograms.labels)
    with atomic_file(output.calibration) as temporary:
        temporary.write_text(json.dumps(calibration, indent=1), encoding="utf-8")
    measurement_file.save(output.measurement, angiograms, header, made.contrast)
    nifti.save_fractions(output.probability, made.probability, made.grid.affine)
