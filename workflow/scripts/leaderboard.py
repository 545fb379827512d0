"""Rule leaderboard: every method at every number of views, in long and in readable form."""

from angiovox_pipeline.job import job

from angiovox.io import atomic
from angiovox.io.table_files import read_table
from angiovox.reporting import beside_page, beside_table, leaderboard, leaderboard_page
from angiovox.reporting.calibration_table import calibration_table

with job(snakemake):
    out, params = snakemake.output, snakemake.params
    per_patient = read_table(snakemake.input.per_patient)
    masks = [read_table(path) for path in snakemake.input.masks]
    board = leaderboard.leaderboard(per_patient, *masks)
    calibration = calibration_table(snakemake.input.calibrations, params.calibrated)
    others = dict(zip(params.beside, snakemake.input.others, strict=True))
    compared = beside_table.beside_table(per_patient, others)
    beside = beside_page.sections(compared, board, params.titles)
    words = (params.titles, params.note, calibration, beside)
    texts = {
        out.csv: board.to_csv(index=False),
        out.calibration: calibration.to_csv(index=False),
        out.md: leaderboard_page.markdown(board, *words),
        out.html: leaderboard_page.page(board, *words),
        **{path: compared.to_csv(index=False) for path in out.beside},
    }
    for path, text in texts.items():
        with atomic.atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
