# The study as its config and sheet describe it, checked before any job starts.
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

SCRIPTS = Path(str(workflow.current_basedir)).parent / "scripts"
sys.path.insert(0, str(SCRIPTS))
import ending
import sources
import study
from angiovox import interface
from angiovox.errors import InputError

ending.announce()

try:
    study.check_config(config)
    COHORT = {patient.name: patient for patient in study.read_cohort(config)}
    TRAIN = [name for name, patient in COHORT.items() if patient.split == "train"]
    TEST = [name for name, patient in COHORT.items() if patient.split == "test"]
    SHOWN = study.figure_patient(config, TEST)
except InputError as error:
    raise WorkflowError(str(error)) from None

PATIENTS = list(COHORT)
PHANTOMS = [name for name in PATIENTS if COHORT[name].seed is not None]
GROWN = [name for name in PHANTOMS if COHORT[name].centreline is None]
VIEW_COUNTS = sorted(config["view_counts"], reverse=True)
SETTINGS = {name: given or {} for name, given in config["methods"].items()}
METHODS = list(SETTINGS)
TITLES = {name: interface.load(name).TITLE for name in METHODS}
TRAINED = [name for name in METHODS if interface.load(name).TRAINED]
UNTRAINED = [name for name in METHODS if name not in TRAINED]
SEEDS = config["seeds"]
VOXELS = config["volume"]["shape"] ** 3
SLAB_THREADS = 4 if config["volume"]["shape"] > 128 else 1
PAPER_METHOD = interface.PAPER_METHOD
PACKAGE = sorted(os.path.relpath(path) for path in SCRIPTS.rglob("*.py"))
CAPTIONS = {
    "table1": "The denoising autoencoder by number of views, with figures published on other data.",
    "table2": "Biplane (two-view) reconstruction; published rows are on other data.",
}
# The published morphometry is of 50 patients; fewer of ours than 20 would say little.
FIRST_SEED = 1000 * config["cohort"]["phantoms"]["seed"] + 1
MEASURED_SEEDS = list(range(FIRST_SEED, FIRST_SEED + max(20, len(GROWN))))
PHANTOM_TABLES = ["phantom_morphometry", "phantom_masks"] if PHANTOMS else []
PHANTOM_FIGURES = ["phantoms"] * bool(PHANTOMS) + ["phantom_anatomy"] * bool(GROWN)
NOTHING = "(?!)"  # a pattern that no wildcard matches


wildcard_constraints:
    patient="|".join(map(re.escape, PATIENTS)),
    views="|".join(map(str, VIEW_COUNTS)),
    method="|".join(METHODS),
    seed="|".join(map(str, SEEDS)),


def kinds(names):
    phantoms = sum(name in PHANTOMS for name in names)
    words = {0: "patients", len(names): "phantoms"}
    return words.get(phantoms, "phantoms and patients")


def megabytes(copies, floor=600):
    """Memory for some float32 copies of a volume on top of what the interpreter takes."""
    return floor + int(copies * VOXELS * 4 / 1e6)


def conversion_megabytes(wildcards):
    """By the size of the series, which may be far larger than the study's grid."""
    folder = COHORT[wildcards.patient].dicom
    files = Path(folder).rglob("*") if folder else ()
    return megabytes(6) + int(12e-6 * sum(path.stat().st_size for path in files if path.is_file()))


def seeds_of(method):
    return SEEDS if method in TRAINED else SEEDS[:1]


def dicom_folder(wildcards):
    patient = COHORT[wildcards.patient]
    return patient.dicom or f"results/dicom/{patient.name}"


def phantom_seed(wildcards):
    return COHORT[wildcards.patient].seed


def phantom_centreline(wildcards):
    given = COHORT[wildcards.patient].centreline
    return [given] if given else []


def phantom_centrelines(wildcards):
    return [COHORT[name].centreline for name in PHANTOMS if name not in GROWN]


def training_seed(wildcards):
    return int(wildcards.seed)


def stored(pattern, patients, **wildcards):
    return expand(pattern, patient=patients, **wildcards)


def method_inputs(method, views, patients):
    """Files of what a method asks for, by kind."""
    folder = f"results/backprojections/views-{views}"
    patterns = {
        "projections": "results/projections/{patient}.nii",
        "sum": f"{folder}/{{patient}}.sum.nii",
        "min": f"{folder}/{{patient}}.min.nii",
    }
    return {kind: stored(patterns[kind], patients) for kind in interface.load(method).INPUTS}


def fit_inputs(wildcards):
    files = method_inputs(wildcards.method, wildcards.views, TRAIN)
    code = sources.used_by("fit", f"angiovox.methods.{wildcards.method}")
    return files | {"masks": stored("results/masks/{patient}.nii.gz", TRAIN), "code": code}


def reconstruct_inputs(wildcards):
    files = method_inputs(wildcards.method, wildcards.views, TEST)
    code = sources.used_by("reconstruct", f"angiovox.methods.{wildcards.method}")
    return files | {"grids": stored("results/projections/{patient}.nii", TEST), "code": code}


def settings_of(wildcards):
    return SETTINGS[wildcards.method]


def runs(pattern, methods=METHODS):
    """A file for each method, view count and seed."""
    return [
        path
        for method in methods
        for path in expand(pattern, method=method, views=VIEW_COUNTS, seed=seeds_of(method))
    ]


def missing_patients():
    """Who has no volume or mask after a failed run, and the last line of the log that says why."""
    lines = []
    for patient in PATIENTS:
        for stage, product in (("convert", "volumes/{}.nii"), ("mask", "masks/{}.nii.gz")):
            log = Path(f"logs/{stage}/{patient}.log")
            if not Path("results", product.format(patient)).exists() and log.exists():
                said = [line for line in log.read_text().splitlines() if " INFO " not in line]
                why = said[-1].rpartition(" ERROR ")[2] if said else "no message"
                lines.append(f"  {patient}: {stage}: {why.removeprefix(f'patient {patient}: ')}")
    return "\n".join(["Patients missing from the study:", *lines] if lines else ["See logs/."])


GRID = f"{config['volume']['shape']}³ voxels"
NOTE = f"trained on {kinds(TRAIN)}, tested on {kinds(TEST)}, {GRID}"
