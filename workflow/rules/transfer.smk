# Models of the study on groups of patients that it neither trains on nor counts (cohort.transfer).
# What is done for the cohort is done for them by the same rules, under other names.
rule transfer:
    """Compare methods on each group of cohort.transfer with the study's test patients."""
    input:
        TRANSFER.products,


use rule phantom as phantom_transfer with:
    input:
        centreline=TRANSFER.tree_file,
    wildcard_constraints:
        patient=one_of(TREES),
    params:
        tree=TRANSFER.tree_options,
        injection="all",
        scanner=TRANSFER.scanner,
        lesions={},


use rule convert as convert_transfer with:
    wildcard_constraints:
        patient=one_of(TRANSFERRED),


use rule mask as mask_transfer with:
    wildcard_constraints:
        patient=one_of(TRANSFERRED),


use rule project as project_transfer with:
    wildcard_constraints:
        patient=one_of(TRANSFERRED),


use rule project_cone_beam as project_cone_beam_transfer with:
    wildcard_constraints:
        patient=one_of(TRANSFERRED),


use rule back_project as back_project_transfer with:
    wildcard_constraints:
        patient=one_of(TRANSFERRED),


use rule mask_quality as mask_quality_transfer with:
    input:
        volumes=TRANSFER.of_group("results/volumes/{patient}.nii"),
        masks=TRANSFER.of_group("results/masks/{patient}.nii.gz"),
        quality=TRANSFER.of_group("results/masks/{patient}.json"),
    output:
        table="results/transfer/{group}/mask_quality.csv",
        png=report(
            "results/transfer/{group}/masks.png",
            caption="../report/masks.rst",
            category="Transfer",
            labels={"result": "Otsu masks, {group}"},
        ),
        pdf="results/transfer/{group}/masks.pdf",
    log:
        "logs/mask_quality_transfer/{group}.log",
    benchmark:
        "results/benchmarks/mask_quality_transfer/{group}.tsv"
    wildcard_constraints:
        group=one_of(STUDY.groups),
    resources:
        mem_mb=memory("mask_quality_transfer"),
        runtime=minutes("mask_quality_transfer"),
    params:
        patients=TRANSFER.group_patients,
        note=TRANSFER.group_note,


use rule check_masks as check_masks_transfer with:
    input:
        sources=TRANSFER.with_study("results/sources/{patient}.json"),
        table="results/transfer/{group}/mask_quality.csv",
        picture="results/transfer/{group}/masks.png",
    output:
        CHECKED,
    log:
        "logs/check_masks_transfer/{group}.log",
    benchmark:
        "results/benchmarks/check_masks_transfer/{group}.tsv"
    wildcard_constraints:
        group=one_of(STUDY.groups),
    params:
        leave_out=TRANSFER.leave_out_key,
        splits=TRANSFER.splits,


use rule reconstruct as reconstruct_transfer with:
    input:
        unpack(TRANSFER.reconstruct_inputs),
    output:
        volumes=expand(
            "results/transfer/reconstructions/{{method}}/views-{{views}}/"
            "seed-{{seed}}/{patient}.nii.gz",
            patient=TRANSFERRED or ["nobody"],  # a rule has outputs
        ),
    log:
        "logs/reconstruct_transfer/{method}/views-{views}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/reconstruct_transfer/{method}/views-{views}/seed-{seed}.tsv"
    resources:
        mem_mb=memory("reconstruct_transfer"),
        runtime=minutes("reconstruct_transfer"),
    params:
        views=TRANSFER.jobs.patients_views,
        patients=TRANSFER.jobs.patients,


use rule reconstruct_patient as reconstruct_patient_transfer with:
    input:
        unpack(TRANSFER.reconstruct_inputs),
    output:
        volumes="results/transfer/reconstructions/{method}/views-{views}/"
        "seed-{seed}/{patient}.nii.gz",
        beside=directory(
            "results/transfer/reconstructions/{method}/views-{views}/seed-{seed}/{patient}"
        ),
    log:
        "logs/reconstruct_patient_transfer/{method}/views-{views}/seed-{seed}/{patient}.log",
    benchmark:
        "results/benchmarks/reconstruct_patient_transfer/{method}/views-{views}/seed-{seed}/{patient}.tsv"
    wildcard_constraints:
        method=one_of(RUNS.one_by_one),
        patient=one_of(TRANSFERRED),
    params:
        views=TRANSFER.jobs.patients_views,
        patients=TRANSFER.jobs.patients,


use rule evaluate as evaluate_transfer with:
    input:
        reconstructions=expand(
            "results/transfer/reconstructions/{{method}}/views-{{views}}/"
            "seed-{{seed}}/{patient}.nii.gz",
            patient=TRANSFERRED,
        ),
        masks=stored("results/masks/{patient}.nii.gz", TRANSFERRED),
        lesions=stored("results/truth/{patient}.json", TREES),
        shares=stored("results/truth/{patient}.nii.gz", TREES),
        checked=TRANSFER.checked,
    output:
        metrics="results/transfer/metrics/{method}/views-{views}/seed-{seed}.csv",
        profiles="results/transfer/metrics/{method}/views-{views}/seed-{seed}.profiles.csv",
    log:
        "logs/evaluate_transfer/{method}/views-{views}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/evaluate_transfer/{method}/views-{views}/seed-{seed}.tsv"
    resources:
        mem_mb=memory("evaluate_transfer"),
        runtime=minutes("evaluate_transfer"),
    params:
        patients=TRANSFERRED,


rule transfer_table:
    """Compare each method's mean on the test patients with that on each group."""
    input:
        metrics=RUNS.each("results/metrics/{method}/views-{views}/seed-{seed}.csv"),
        transferred=RUNS.each("results/transfer/metrics/{method}/views-{views}/seed-{seed}.csv"),
    output:
        csv=report(
            "results/tables/transfer.csv",
            caption="../report/transfer.rst",
            category="Transfer",
            labels={"result": "Every method on patients of other groups"},
        ),
        md="results/tables/transfer.md",
    log:
        "logs/transfer_table.log",
    benchmark:
        "results/benchmarks/transfer_table.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("transfer_table"),
        runtime=minutes("transfer_table"),
    params:
        code=code_version.of_script("transfer_table"),
        groups=STUDY.compared,
        titles=TITLES,
        note=NOTES.of_models,
    script:
        "../scripts/transfer_table.py"


rule transfer_figure:
    """Plot IoU by number of views on the test patients and on each group, by method."""
    input:
        table="results/tables/transfer.csv",
    output:
        png=report(
            "results/figures/transfer.png",
            caption="../report/transfer.rst",
            category="Transfer",
            labels={"result": "IoU on patients of other groups, every method"},
        ),
        pdf="results/figures/transfer.pdf",
    log:
        "logs/transfer_figure.log",
    benchmark:
        "results/benchmarks/transfer_figure.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("transfer_figure"),
        runtime=minutes("transfer_figure"),
    params:
        code=code_version.of_script("transfer_figure"),
        methods=SHOWN.labels,
        groups={name: group["title"] for name, group in STUDY.compared.items()},
        note=NOTES.of_models,
    script:
        "../scripts/transfer_figure.py"
