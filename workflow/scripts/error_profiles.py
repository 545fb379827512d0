"""Rule error_profiles: errors by calibre, by distance from the middle and by probability."""

from angiovox_pipeline.job import job

from angiovox.figures.error_profiles import error_profiles
from angiovox.figures.style import save
from angiovox.io.table_files import read_tables

with job(snakemake):
    profiles = read_tables(snakemake.input.profiles)
    figure = error_profiles(profiles, snakemake.params.methods, snakemake.params.note)
    save(figure, snakemake.output.png, snakemake.output.pdf)
