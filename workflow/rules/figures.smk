# All figures, and those of several methods. The captions say what each shows.
FIGURES = ["masks", "figure1", "figure2", "figure3", "figure4"]
FIGURES += [*STUDY.method_figures, *STUDY.phantom_figures]


rule figures:
    """Draw every figure."""
    input:
        expand("results/figures/{figure}.{suffix}", figure=FIGURES, suffix=["png", "pdf"]),


rule iou_by_views:
    """Plot IoU by number of views for all methods."""
    input:
        summary="results/tables/summary.csv",
        published=resource_file("published_table1.csv"),
    output:
        png=report(
            "results/figures/iou_by_views.png",
            caption="../report/iou_by_views.rst",
            category="Figures",
            labels={"result": "IoU by number of views, every method"},
        ),
        pdf="results/figures/iou_by_views.pdf",
    log:
        "logs/iou_by_views.log",
    benchmark:
        "results/benchmarks/iou_by_views.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("iou_by_views"),
        runtime=minutes("iou_by_views"),
    params:
        code=code_version.of_script("iou_by_views"),
        methods=SHOWN.labels,
        note=NOTE_OF_MEANS,
    script:
        "../scripts/iou_by_views.py"


rule learning_curves:
    """Plot loss and IoU of each training by epoch."""
    input:
        histories=SHOWN.each_trained(
            "results/models/{method}/views-{views}/seed-{seed}/history.csv"
        ),
    output:
        png=report(
            "results/figures/learning_curves.png",
            caption="../report/learning_curves.rst",
            category="Figures",
            labels={"result": "Learning curves"},
        ),
        pdf="results/figures/learning_curves.pdf",
    log:
        "logs/learning_curves.log",
    benchmark:
        "results/benchmarks/learning_curves.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("learning_curves"),
        runtime=minutes("learning_curves"),
    params:
        code=code_version.of_script("learning_curves"),
        runs=SHOWN.each_trained("{method} {views} {seed}"),
        methods=SHOWN.labels,
        note=NOTE_OF_MEANS,
    script:
        "../scripts/learning_curves.py"


rule metric_agreement:
    """Draw where metrics rank methods differently, and which prefer a loss of vessels."""
    input:
        per_patient="results/tables/per_patient.csv",
        masks=stored("results/masks/{patient}.nii.gz", TEST),
        reconstructions=expand(
            "results/reconstructions/{method}/views-{views}/seed-{seed}/{patient}.nii.gz",
            method=SHOWN_AT_FEWEST.methods,
            views=VIEW_COUNTS[-1],
            seed=SEEDS[0],
            patient=TEST,
        ),
    output:
        png=report(
            "results/figures/metric_agreement.png",
            caption="../report/metric_agreement.rst",
            category="Leaderboard",
            labels={"result": "Which metrics agree, and which would mislead"},
        ),
        pdf="results/figures/metric_agreement.pdf",
        csv="results/tables/metric_agreement.csv",
    log:
        "logs/metric_agreement.log",
    benchmark:
        "results/benchmarks/metric_agreement.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("metric_agreement"),
        runtime=minutes("metric_agreement"),
    params:
        code=code_version.of_script("metric_agreement"),
        patients=TEST,
        shown=[*SHOWN_AT_FEWEST.methods],
        volumes=expand("{method} {patient}", method=SHOWN_AT_FEWEST.methods, patient=TEST),
        views=VIEW_COUNTS[-1],
        seed=SEEDS[0],
        methods=SHOWN.labels,
        note=f"{VIEW_COUNTS[-1]} views; {NOTE_OF_MEANS}",
    script:
        "../scripts/metric_agreement.py"
