"""Rule study_page: the study on one page, whose surfaces turn and whose leaderboard sorts."""

from angiovox_pipeline.job import job

import json
from pathlib import Path

from angiovox.figures.style import surface_colours
from angiovox.io import atomic
from angiovox.io.table_files import read_table
from angiovox.reporting.study_page.page import Content, page
from angiovox.reporting.study_page.patients import Files, payloads

with job(snakemake):
    given, params = snakemake.input, snakemake.params
    colours = surface_colours(params.methods)
    methods = {name: known | {"colour": colours[name]} for name, known in params.methods.items()}
    found = {name: {} for name in params.patients}
    for run, path in zip(params.runs, given.reconstructions, strict=True):
        method, views, patient = run.split()
        found[patient][method, int(views)] = path
    patients = {
        name: Files(volume, mask, found[name])
        for name, volume, mask in zip(params.patients, given.volumes, given.masks, strict=True)
    }
    content = Content(
        methods=methods,
        runs=[*found[params.patients[0]]],
        patients=params.patients,
        paper=params.paper,
        seed=params.seed,
        several_seeds=params.several_seeds,
        patient_word=params.patient_word,
        note=params.note,
    )
    text = page(
        content,
        payloads(patients, read_table(given.per_patient), params.seed),
        read_table(given.leaderboard),
        read_table(given.published),
        given.figures,
        json.loads(Path(given.provenance).read_text(encoding="utf-8")),
    )
    with atomic.atomic_file(snakemake.output[0]) as temporary:
        temporary.write_text(text, encoding="utf-8")
