# Otsu masks, and whether they may be learnt from.
rule mask:
    """Segment the vessels by Otsu's threshold (paper, section 2.1)."""
    input:
        volume="results/volumes/{patient}.nii",
    output:
        mask="results/masks/{patient}.nii.gz",
        quality="results/masks/{patient}.json",
    log:
        "logs/mask/{patient}.log",
    benchmark:
        "results/benchmarks/mask/{patient}.tsv"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("mask"),
        runtime=minutes("mask"),
    params:
        code=code_version.of_script("mask"),
        window=config["masks"]["window"],
        classes=config["masks"]["classes"],
        limits=STUDY.mask_limits,
    script:
        "../scripts/mask.py"


# What `nerp` starts from where the sheet names an earlier volume, or phantoms had an earlier scan.
rule prior_mask:
    """Segment a patient's earlier volume on the grid of the present one, as its own mask is."""
    input:
        scan=PATIENT_INPUTS.earlier_dicom,
        within=PATIENT_INPUTS.earlier_folders,
        grid="results/volumes/{patient}.nii",
    output:
        "results/priors/{patient}.nii.gz",
    log:
        "logs/prior_mask/{patient}.log",
    benchmark:
        "results/benchmarks/prior_mask/{patient}.tsv"
    wildcard_constraints:
        patient=one_of(RUNS.with_prior),
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("prior_mask"),
        runtime=minutes("prior_mask"),
    params:
        code=code_version.of_script("prior_mask"),
        choice=PATIENT_INPUTS.earlier_series,
        files=PATIENT_INPUTS.earlier_files,
        window=config["masks"]["window"],
        classes=config["masks"]["classes"],
    script:
        "../scripts/prior_mask.py"


rule mask_quality:
    """Measure all masks, and show them in one picture."""
    input:
        volumes=stored("results/volumes/{patient}.nii", PATIENTS),
        masks=stored("results/masks/{patient}.nii.gz", PATIENTS),
        quality=stored("results/masks/{patient}.json", PATIENTS),
    output:
        table=report(
            "results/tables/mask_quality.csv",
            caption="../report/mask_quality.rst",
            category="Cohort",
            labels={"result": "Otsu masks, figures of each"},
        ),
        png=report(
            "results/figures/masks.png",
            caption="../report/masks.rst",
            category="Cohort",
            labels={"result": "Otsu masks, contact sheet"},
        ),
        pdf="results/figures/masks.pdf",
    log:
        "logs/mask_quality.log",
    benchmark:
        "results/benchmarks/mask_quality.tsv"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("mask_quality"),
        runtime=minutes("mask_quality"),
    params:
        code=code_version.of_script("mask_quality"),
        patients=PATIENTS,
        note=NOTE,
    script:
        "../scripts/mask_quality.py"


# Downstream takes its output as ancient: one made anew reruns nothing, one that fails stops all.
rule check_masks:
    """Stop before training if a mask fails the plausibility checks, or a patient is there twice."""
    input:
        sources=stored("results/sources/{patient}.json", PATIENTS),
        table="results/tables/mask_quality.csv",
        picture="results/figures/masks.png",
    output:
        MASKS_CHECKED,
    log:
        "logs/check_masks.log",
    benchmark:
        "results/benchmarks/check_masks.tsv"
    localrule: True
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("check_masks"),
        runtime=minutes("check_masks"),
    params:
        code=code_version.of_script("check_masks"),
        implausible=config["masks"]["implausible"],
        leave_out="cohort.leave_out",
        splits=SPLITS,
    script:
        "../scripts/check_masks.py"
