# The study as its config and sheet describe it, and where its jobs find their input.
import os
import re
import sys
import time
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

NOT_A_FOLDER = (
    "no folder on this disk; clone the repository, and give the path of its workflow/Snakefile"
)
SCRIPTS = Path(str(workflow.current_basedir)).parent / "scripts"
if not SCRIPTS.is_dir():
    raise WorkflowError(f"{workflow.current_basedir}: {NOT_A_FOLDER}")
sys.path.insert(0, str(SCRIPTS))
from angiovox.errors import InputError
from angiovox.methods.registry import PAPER_METHOD
from angiovox.reporting import assumptions
from angiovox_pipeline import angiograms, code_version, failure_report, places, products
from angiovox_pipeline import runs, scheduling, simulated_angiograms, terminal, watchdog
from angiovox_pipeline.angiogram_inputs import AngiogramInputs
from angiovox_pipeline.config import fill_in
from angiovox_pipeline.demand import Demand
from angiovox_pipeline.job_inputs import MASKS_CHECKED, JobInputs
from angiovox_pipeline.other_studies import OtherStudies
from angiovox_pipeline.patient_inputs import PatientInputs
from angiovox_pipeline.pool import pool_seeds
from angiovox_pipeline.preflight import disk, start
from angiovox_pipeline.study import Study
from angiovox_pipeline.transfer_inputs import CHECKED, TransferInputs

sys.path.remove(str(SCRIPTS))  # a workflow that uses this one may have a module `evaluate` too

places.prefer_these_packages()
terminal.write_whole_messages()
watchdog.register_parent()  # here: a cluster's jobs parse the workflow, and run no onstart
logger.addFilter(failure_report.LockHint())

try:
    if re.search(r"\s", sys.executable):
        raise InputError(f"{sys.executable}: Snakemake starts no Python in a path with spaces")
    disk.check_takes_files(".")
    fill_in(config)
    STUDY = Study.read(config)
except InputError as error:
    raise WorkflowError(str(error)) from None

warn_once = cache(logger.warning)
DEMAND = Demand(STUDY, workflow)
memory, minutes = DEMAND.memory, DEMAND.minutes
PATIENTS, PHANTOMS, EXAMPLE_PATIENT = STUDY.patients, STUDY.phantoms, STUDY.example_patient
RUNS, FEWEST_VIEWS, PROJECTION = STUDY.runs, STUDY.fewest_views, STUDY.projection
SHOWN, SHOWN_AT_FEWEST = STUDY.shown, STUDY.shown_at_fewest
BESIDE_THE_BEST = STUDY.beside_the_best
SIMULATED_ANGIOGRAMS = STUDY.simulated_angiograms
PATIENT_INPUTS = PatientInputs(STUDY, warn_once)
ANGIOGRAM_INPUTS = AngiogramInputs(STUDY.angiograms, config["angiograms"]["identify"])
JOBS = JobInputs(RUNS, PROJECTION.c_arm, STUDY.torch_threads, config["resources"]["gpu_model"])
TRAIN, TEST = RUNS.train, RUNS.test
SPLITS = {name: patient.split for name, patient in STUDY.cohort.items()}
TRANSFER, TRANSFERRED, TREES = TransferInputs(STUDY), [*STUDY.transferred], STUDY.trees
TEST_PHANTOMS = [name for name in TEST if name in PHANTOMS]
VIEW_COUNTS, SEEDS = STUDY.view_counts, config["seeds"]
TITLES = {name: method.title for name, method in RUNS.methods.items()}
PHANTOM_TABLES = STUDY.phantom_tables
CAPTIONS = {
    "table1": "The denoising autoencoder by number of views, with figures published on other data.",
    "table2": "Biplane (two-view) reconstruction; published rows are on other data.",
}
NOTES = STUDY.notes
GRID, NOTE, NOTE_OF_MEANS = NOTES.grid, NOTES.of_patient, NOTES.of_means
FEWEST_NOTE = f"{VIEW_COUNTS[-1]} views; {NOTE}"
NEVER_MATCH = "(?!)"  # a pattern that no wildcard matches


wildcard_constraints:
    patient="|".join(map(re.escape, PATIENTS)),
    views="|".join(map(str, [*STUDY.every_view_count, runs.EVERY])),
    method="|".join(RUNS.methods),
    seed="|".join(map(str, SEEDS)),


def simulated_angiogram_seed(wildcards):
    return simulated_angiograms.seed(wildcards.patient)


def simulated_angiogram_surface(wildcards):
    """A file of the user's, to which a module's prefix does not apply."""
    return local(config["simulated_angiograms"]["surfaces"][wildcards.patient])


def simulated_angiogram_note(wildcards):
    return f"{wildcards.patient}, {SIMULATED_ANGIOGRAMS[wildcards.patient]}; simulated X-rays"


def batch_seeds(wildcards):
    return pool_seeds(config, wildcards.batch)


def one_of(names):
    """A pattern of a wildcard that has one of these names."""
    return "|".join(map(re.escape, names)) or NEVER_MATCH


def stored(pattern, patients, **wildcards):
    return expand(pattern, patient=patients, **wildcards)


def resource_file(name):
    """A file of resources/, by a relative path so that a study may be moved with its folder."""
    return local(os.path.relpath(SCRIPTS.parents[1] / "resources" / name))


def other_studies(own):
    """Those of leaderboard.beside; own: where this study's measurements lie."""
    try:
        return OtherStudies.read(config, own)
    except InputError as error:
        raise WorkflowError(str(error)) from None


def other_measurements(wildcards):
    """Those of the other studies that are there; a run that wants them hears which are not."""
    for warning in OTHERS.warnings:
        warn_once(warning)
    return [local(path) for path in OTHERS.tables.values()]


def our_rules():
    return products.our_rules(rules)


def benchmark_patterns(wildcards):
    return products.benchmark_patterns(workflow, our_rules())


def traced_products(wildcards):
    """The rule and the parameters of each table and figure."""
    return products.products(workflow, [*rules.tables.input, *rules.figures.input])


def check_before_start():
    """Refuse, before the first job, a run that its disks or its cluster cannot take."""
    try:
        start.check(DEMAND, our_rules(), (RESULTS, LOGS), logger.warning)
    except InputError as error:
        raise WorkflowError(str(error)) from None
