"""Rule present_angiograms: what is known of a patient's arteries, as files and one page."""

from angiovox_pipeline.job import job

import json
from pathlib import Path

from angiovox.angiograms import measurement_file
from angiovox.angiograms.adviser import advise
from angiovox.angiograms.knowability import assess
from angiovox.angiograms.reliability import load_scale
from angiovox.geometry.grid import Grid
from angiovox.io import nifti
from angiovox.io.dicom.xa.reader import find_runs
from angiovox.reporting.angiogram_files import write_all
from angiovox.reporting.angiogram_page.findings import AngleMap, Findings
from angiovox_pipeline import stages

with job(snakemake) as log:
    given, params, threads = snakemake.input, snakemake.params, snakemake.threads
    angiograms, header, contrast = measurement_file.load(given.measurement)
    calibration = json.loads(Path(given.calibration).read_text(encoding="utf-8"))
    probability, affine = nifti.load_volume(given.probability)
    grid = Grid.from_affine(probability.shape, affine)
    made = measurement_file.Reconstructed(probability, grid, contrast)
    stages.begin(log, "assess")
    scale = load_scale(given.scales, len(angiograms))
    knowledge = assess(angiograms, made, scale, threads=threads)
    stages.begin(log, "advise")
    advice = advise(angiograms, made, knowledge, threads=threads)
    stages.begin(log, "write")
    findings = Findings(
        grid,
        probability,
        knowledge.state,
        knowledge.probability,
        angiograms,
        initial=angiograms.at(header) if params.calibrated else None,
        calibration=calibration["rows"],
        fit=calibration["fit"],
        branches=knowledge.branches,
        advice=AngleMap(
            advice.primary, advice.secondary, advice.scores.T, [advice.best], advice.sentence
        ),
        warnings=calibration["warnings"],
        parameters={"voxel size (mm)": grid.voxel_size[0], "code": params.code},
    )
    runs = given.get("runs", [])
    named = find_runs(runs[0])[0].images[0].path if runs else None
    write_all(snakemake.output.files, findings, named, threads)
