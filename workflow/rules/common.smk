# The study as its config and sheet describe it, checked before any job starts.
import os
import re
import sys
import time
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import contains_wildcard
from snakemake.logging import logger

SCRIPTS = Path(str(workflow.current_basedir)).parent / "scripts"
sys.path.insert(0, str(SCRIPTS))
from angiovox.errors import InputError
from angiovox.io.dicom import discovery
from angiovox.methods import registry
from angiovox.reporting import assumptions
from angiovox_pipeline import cohort, code_version, failure_report, resources, runs
from angiovox_pipeline import scheduling, watchdog
from angiovox_pipeline.config import check_config
from angiovox_pipeline.preflight import disk, slurm

NOW = time.time()
# The inventory lists patients whose folders are missing or hold nothing; all else refuses to begin.
INVENTORY = re.compile(r"inventory:?|results/tables/inventory\.(csv|md)")
INVENTORY_ONLY = any(map(INVENTORY.fullmatch, sys.argv))

watchdog.register_parent()
FAILURE_REPORT = failure_report.FailureReport("logs/failures.txt")
logger.addFilter(failure_report.LockHint())

try:
    if re.search(r"\s", sys.executable):
        raise InputError(f"{sys.executable}: Snakemake starts no Python in a path with spaces")
    disk.check_writable(".snakemake" if Path(".snakemake").exists() else ".")
    check_config(config)
    COHORT = {patient.name: patient for patient in cohort.read_cohort(config, not INVENTORY_ONLY)}
    TRAIN = [name for name, patient in COHORT.items() if patient.split == "train"]
    TEST = [name for name, patient in COHORT.items() if patient.split == "test"]
    EXAMPLE_PATIENT = cohort.figure_patient(config, TEST)
except InputError as error:
    raise WorkflowError(str(error)) from None

PATIENTS = list(COHORT)
PHANTOMS = [name for name in PATIENTS if COHORT[name].seed is not None]
TEST_PHANTOMS = [name for name in TEST if name in PHANTOMS]
GENERATED_PHANTOMS = [name for name in PHANTOMS if COHORT[name].centreline is None]
VIEW_COUNTS = sorted(config["view_counts"], reverse=True)
SEEDS = config["seeds"]
STORED_BACK_PROJECTIONS = config["storage"]["back_projections"]
RUNS = runs.Runs(runs.methods(config), SEEDS, TRAIN, TEST, STORED_BACK_PROJECTIONS)
FEWEST_VIEWS = RUNS.at(VIEW_COUNTS[-1])
SHOWN = RUNS.only(config["figures"]["methods"])  # in figures; tables have all methods
SHOWN_AT_FEWEST = SHOWN.at(VIEW_COUNTS[-1])
METHOD_FIGURES = [
    *["iou_by_views", "quality_by_views"],
    *["learning_curves"] * bool(SHOWN.trained),
    *["biplane", "error_profiles"] * bool(SHOWN_AT_FEWEST.methods),
]
TITLES = {name: method.title for name, method in RUNS.methods.items()}
TRAINED = RUNS.trained
NUM_LONG_JOBS = len(RUNS.each_long_job("{method} {views} {seed}"))
ADAPTED = RUNS.adapted
ONE_BY_ONE = RUNS.one_by_one
TOGETHER = [name for name in RUNS.methods if name not in ONE_BY_ONE]
UNTRAINED = [name for name in RUNS.methods if name not in RUNS.learned]
RECOMPUTED = sorted({"sum", "min"} - set(STORED_BACK_PROJECTIONS))
STORED_SUM_VIEWS = VIEW_COUNTS if "sum" in STORED_BACK_PROJECTIONS else []
STORED_MIN_VIEWS = VIEW_COUNTS if "min" in STORED_BACK_PROJECTIONS else []
SLAB_THREADS = 4 if config["volume"]["shape"] > 128 else 1
PAPER_METHOD = registry.PAPER_METHOD
CAPTIONS = {
    "table1": "The denoising autoencoder by number of views, with figures published on other data.",
    "table2": "Biplane (two-view) reconstruction; published rows are on other data.",
}
# The published morphometry is of 50 patients; fewer of ours than 20 would say little.
FIRST_SEED = 1000 * config["cohort"]["phantoms"]["seed"] + 1
MEASURED_SEEDS = list(range(FIRST_SEED, FIRST_SEED + max(20, len(GENERATED_PHANTOMS))))
PHANTOM_TABLES = ["phantom_morphometry", "phantom_masks"] if PHANTOMS else []
SCALE = resources.Scale(
    shape=config["volume"]["shape"],
    projections=config["projections"],
    training_hours=config["resources"]["training_hours"],
    views=len(VIEW_COUNTS),
    patients=len(PATIENTS),
    phantoms=len(PHANTOMS),
    train=len(TRAIN),
    test=len(TEST),
    trees=len(MEASURED_SEEDS),
    methods=len(SHOWN_AT_FEWEST.methods),
)
PHANTOM_FIGURES = ["phantoms"] * bool(PHANTOMS) + ["phantom_anatomy"] * bool(GENERATED_PHANTOMS)
ALL_SEEDS = {
    "phantoms": {name: COHORT[name].seed for name in PHANTOMS},
    "split": config["cohort"]["split_seed"],
    "training": SEEDS,
    "bootstrap": config["evaluation"]["seed"],
}
SERIES_OPTIONS = {
    name: {"series": patient.series, **config["dicom"]} if patient.dicom else {}
    for name, patient in COHORT.items()
}
SHEET_PATIENTS = [name for name in PATIENTS if name not in PHANTOMS]
MASK_LIMITS = {
    key: config["masks"][key]
    for key in ("min_fraction", "max_fraction", "min_largest_component", "max_border")
}
MASKS_CHECKED = "results/masks/checked.txt"  # there once masks may be learnt from
NEVER_MATCH = "(?!)"  # a pattern that no wildcard matches


wildcard_constraints:
    patient="|".join(map(re.escape, PATIENTS)),
    views="|".join(map(str, [*VIEW_COUNTS, runs.EVERY])),
    method="|".join(RUNS.methods),
    seed="|".join(map(str, SEEDS)),


def kinds(names):
    phantoms = sum(name in PHANTOMS for name in names)
    words = {0: "patients", len(names): "phantoms"}
    return words.get(phantoms, "phantoms and patients")


def memory(rule):
    """Megabytes that a rule's jobs ask for, by the shape of the volumes; more at each attempt."""

    def ask(wildcards, attempt):
        asked = resources.memory_mb(measured_as(rule, wildcards), SCALE, attempt)
        return scheduling.within_memory(workflow, asked)

    return ask


def minutes(rule):
    """Run time that a rule's jobs ask for, likewise."""

    def ask(wildcards, attempt):
        return resources.minutes(measured_as(rule, wildcards), SCALE, attempt)

    return ask


def measured_as(rule, wildcards):
    """A network's reconstruction takes far more than that of a method which is not trained, a
    training on a CPU less than the libraries of a GPU."""
    is_network = rule == "reconstruct" and wildcards.method in RUNS.learned
    is_long = rule in ("train", "reconstruct_patient")
    is_on_cpu = is_long and scheduling.trains_on_cpu(workflow)
    return "train_cpu" if is_on_cpu else "reconstruct_trained" if is_network else rule


def conversion_memory(wildcards, attempt):
    """By the size of the series too, which may be far larger than the study's grid."""
    given = COHORT[wildcards.patient].dicom
    series_mb = disk.largest_folder_mb(given) if given else 0
    asked = resources.memory_mb("convert", SCALE, attempt, series_mb)
    return scheduling.within_memory(workflow, asked)


def check_before_start():
    """Refuse, before the first job, a run that its disks or its cluster cannot take."""
    jobs = list(workflow.dag.needrun_jobs())
    outputs = {path: resources.stored_mb(path, SCALE) for job in jobs for path in job.output}
    try:
        if workflow.executor_plugin.name == "slurm":
            slurm.check(workflow, logger.warning)
        for folder in ("results", "logs"):
            disk.check_writable(folder)
        disk.check_free_space(outputs)
        if scheduling.is_local(workflow):
            kinds_of_jobs = {measured_as(job.rule.name, job.wildcards) for job in jobs}
            kinds_of_jobs &= set(resources.MEASURED_USAGE)
            resources.check_memory(kinds_of_jobs, SCALE, scheduling.memory_mb())
    except InputError as error:
        raise WorkflowError(str(error)) from None


def resource_file(name):
    """A file of resources/, wherever Snakemake was started; by a relative path in a clone, so that
    a study may be moved with its folder."""
    return os.path.relpath(SCRIPTS.parents[1] / "resources" / name)


def dicom_folder(wildcards):
    patient = COHORT[wildcards.patient]
    return patient.dicom or f"results/dicom/{patient.name}"


def folders_within(wildcards):
    """Those below a patient's folder: what is added, taken away or replaced makes its own newer.
    Snakemake takes {name} for a wildcard, also in the name of a folder."""
    given = COHORT[wildcards.patient].dicom
    below = (
        [folder for folder, _ in discovery.folders(given.removeprefix("./"))][1:] if given else []
    )
    return [folder for folder in below if not contains_wildcard(folder)]


def series_choice(wildcards):
    """Which series of a folder is read, and how wide its gaps may be."""
    return SERIES_OPTIONS[wildcards.patient]


def phantom_seed(wildcards):
    return COHORT[wildcards.patient].seed


def phantom_centreline(wildcards):
    given = COHORT[wildcards.patient].centreline
    return [given] if given else []


def phantom_centrelines(wildcards):
    return [COHORT[name].centreline for name in PHANTOMS if name not in GENERATED_PHANTOMS]


def training_seed(wildcards):
    return int(wildcards.seed)


def stored(pattern, patients, **wildcards):
    return expand(pattern, patient=patients, **wildcards)


def fit_inputs(wildcards):
    checked = {"checked": ancient(MASKS_CHECKED)}
    return RUNS.fit_inputs(wildcards.method, wildcards.views, wildcards.seed) | checked


def fit_code(wildcards):
    return code_version.of_script("fit", RUNS.methods[wildcards.method].module)


def reconstruct_code(wildcards):
    return code_version.of_script("reconstruct", RUNS.methods[wildcards.method].module)


def reconstructed(wildcards):
    """The patients of a job that reconstructs: one, or all test patients."""
    return [wildcards.patient] if "patient" in wildcards.keys() else TEST


def reconstruct_inputs(wildcards):
    method, views, seed = wildcards.method, wildcards.views, wildcards.seed
    return RUNS.reconstruct_inputs(method, views, seed, reconstructed(wildcards))


def reconstructed_views(wildcards):
    return [int(wildcards.views)] * len(reconstructed(wildcards))


def own_surfaces(wildcards):
    """Folders that may hold a surface of the method's own."""
    if wildcards.method not in ONE_BY_ONE:
        return []
    pattern = "results/reconstructions/{method}/views-{views}/seed-{seed}/{patient}"
    return expand(pattern, seed=SEEDS[0], patient=TEST, **wildcards)


def example_views(wildcards):
    return RUNS.examples(wildcards.method, wildcards.views)


def training_threads(wildcards):
    """Of GPU and CPU, see `scheduling`."""
    wanted = RUNS.methods[wildcards.method].needs.threads
    return scheduling.training_threads(workflow, wanted, NUM_LONG_JOBS)


def settings_of(wildcards):
    return RUNS.methods[wildcards.method].settings


def benchmark_patterns(wildcards):
    """By rule, the benchmark files of this study; others may lie beside them."""
    timed = (rule for rule in workflow.rules if rule.benchmark and rule.name != "provenance")
    return {rule.name: rule.benchmark.regex().pattern for rule in timed}


def products(wildcards):
    """The rule and the parameters of each table and figure."""
    wanted = {*rules.tables.input, *rules.figures.input}
    return {
        str(path): {"rule": rule.name, "params": dict(rule.params.items())}
        for rule in workflow.rules
        if wanted & {*map(str, rule.output)}
        for path in rule.output
    }


GRID = f"{config['volume']['shape']}³ voxels"
NOTE = f"trained on {kinds(TRAIN)}, tested on {kinds(TEST)}, {GRID}"
FEWEST_NOTE = f"{VIEW_COUNTS[-1]} views; {NOTE}"
