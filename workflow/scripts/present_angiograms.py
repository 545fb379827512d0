"""Rule present_angiograms: what is known of a patient's arteries, as files and one page."""

from angiovox_pipeline.job import job

import json
from pathlib import Path

from angiovox.angiograms import measurement_file
from angiovox.angiograms.adviser import advise
from angiovox.angiograms.knowability import assess
from angiovox.angiograms.reconstruction import Reconstruction
from angiovox.geometry.grid import Grid
from angiovox.io import nifti
from angiovox.reporting.angiogram_files import write_all
from angiovox_pipeline import stages

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    angiograms, header, contrast = measurement_file.load(given.measurement)
    calibration = json.loads(Path(given.calibration).read_text(encoding="utf-8"))
    probability, affine = nifti.load_volume(given.probability)
    grid = Grid.from_affine(probability.shape, affine)
    made = Reconstruction(probability=probability, grid=grid, contrast=contrast)
    stages.begin(log, "assess")
    knowledge = assess(angiograms, made)
    stages.begin(log, "advise")
    advice = advise(angiograms, made, knowledge)
    stages.begin(log, "write")
    write_all(
        snakemake.output.files,
        angiograms,
        made,
        knowledge,
        advice,
        header_views=header,
        calibration=calibration,
        identify=given.get("runs", []) if params.identify else [],
    )
