# angiovox: contents page. Rules live in workflow/rules, computation in workflow/scripts/angiovox.
from snakemake.utils import min_version

min_version("9.0")


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/cohort.smk"
include: "workflow/rules/preprocess.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/reconstruction.smk"
include: "workflow/rules/export.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/leaderboard.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/provenance.smk"


localrules:
    all,
    preprocess,
    tables,
    figures,
    meshes,
    segmentations,


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,
        rules.meshes.input,
        rules.provenance.output,


onstart:
    check_before_start()
    scheduling.schedule_locally(workflow)
    FAILURE_REPORT.start(logger)


onerror:
    print(FAILURE_REPORT.summary())
