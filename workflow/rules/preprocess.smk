# DICOM to volumes, Otsu masks, projections and back-projections.
rule preprocess:
    """Make volumes, masks, projections and back-projections, without training."""
    input:
        stored(
            "results/backprojections/views-{views}/{patient}.sum.nii",
            PATIENTS,
            views=STORED_SUM_VIEWS,
        ),
        stored("results/projections/{patient}.nii", PATIENTS),
        "results/tables/mask_quality.csv",


# Made anew whenever it is asked for: no time stamp tells what changed deep in a folder.
rule inventory:
    """List the series of each patient of the sheet, and whether they can be read."""
    output:
        csv="results/tables/inventory.csv",
        md="results/tables/inventory.md",
    log:
        "logs/inventory.log",
    benchmark:
        "results/benchmarks/inventory.tsv"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("inventory"),
        runtime=minutes("inventory"),
    params:
        code=code_version.of_script("inventory"),
        patients=SHEET_PATIENTS,
        paths=[COHORT[name].dicom for name in SHEET_PATIENTS],
        choices=[SERIES_OPTIONS[name] for name in SHEET_PATIENTS],
        num_phantoms=len(PHANTOMS),
        asked_at=NOW,
    script:
        "../scripts/inventory.py"


rule convert:
    """Read a patient's series and bring it to the study's grid."""
    input:
        dicom=dicom_folder,
        within=folders_within,
    output:
        "results/volumes/{patient}.nii",
    log:
        "logs/convert/{patient}.log",
    benchmark:
        "results/benchmarks/convert/{patient}.tsv"
    priority: 1  # what cannot be read is known before the rest is computed
    conda:
        "../../envs/preprocess.yaml"
    threads: SLAB_THREADS
    resources:
        mem_mb=conversion_memory,
        runtime=minutes("convert"),
    params:
        code=code_version.of_script("convert"),
        choice=series_choice,
        shape=config["volume"]["shape"],
        voxel_mm=config["volume"]["voxel_mm"],
    script:
        "../scripts/convert.py"


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
        limits=MASK_LIMITS,
    script:
        "../scripts/mask.py"


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
    """Stop before training if a mask fails the plausibility checks."""
    input:
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
    script:
        "../scripts/check_masks.py"


rule project:
    """Project a volume's maxima at all angles (paper, section 2.1)."""
    input:
        volume="results/volumes/{patient}.nii",
    output:
        "results/projections/{patient}.nii",
    log:
        "logs/project/{patient}.log",
    benchmark:
        "results/benchmarks/project/{patient}.tsv"
    conda:
        "../../envs/preprocess.yaml"
    threads: SLAB_THREADS
    resources:
        mem_mb=memory("project"),
        runtime=minutes("project"),
    params:
        code=code_version.of_script("project"),
        projections=config["projections"],
    script:
        "../scripts/project.py"


rule project_cone_beam:
    """Integrate a volume along the rays of a C-arm, for the methods that ask for it."""
    input:
        volume="results/volumes/{patient}.nii",
    output:
        "results/line_integrals/{patient}.nii",
    log:
        "logs/project_cone_beam/{patient}.log",
    benchmark:
        "results/benchmarks/project_cone_beam/{patient}.tsv"
    conda:
        "../../envs/preprocess.yaml"
    threads: SLAB_THREADS
    resources:
        mem_mb=memory("project_cone_beam"),
        runtime=minutes("project_cone_beam"),
    params:
        code=code_version.of_script("project_cone_beam"),
        projections=config["projections"],
        cone_beam=config["cone_beam"],
    script:
        "../scripts/project_cone_beam.py"


rule back_project:
    """Back-project subsets of the views (paper, section 2.1)."""
    input:
        projections="results/projections/{patient}.nii",
    output:
        sum=expand("results/backprojections/views-{views}/{{patient}}.sum.nii", views=VIEW_COUNTS),
        min=expand(
            "results/backprojections/views-{views}/{{patient}}.min.nii", views=STORED_MIN_VIEWS
        ),
    log:
        "logs/back_project/{patient}.log",
    benchmark:
        "results/benchmarks/back_project/{patient}.tsv"
    conda:
        "../../envs/preprocess.yaml"
    threads: SLAB_THREADS
    resources:
        mem_mb=memory("back_project"),
        runtime=minutes("back_project"),
    params:
        code=code_version.of_script("back_project"),
        view_counts=VIEW_COUNTS,
    script:
        "../scripts/back_project.py"
