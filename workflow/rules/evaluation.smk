# Metrics of the test patients, and the tables made from them.
rule tables:
    """Make every table."""
    input:
        "results/tables/table1.csv",
        "results/tables/leaderboard.csv",
        "results/tables/mask_quality.csv",
        "results/tables/assumptions.csv",
        expand("results/tables/{table}.csv", table=PHANTOM_TABLES + STUDY.method_tables),


rule evaluate:
    """Measure reconstructions against the masks."""
    input:
        reconstructions=expand(
            "results/reconstructions/{{method}}/views-{{views}}/seed-{{seed}}/{patient}.nii.gz",
            patient=TEST,
        ),
        masks=stored("results/masks/{patient}.nii.gz", TEST),
        lesions=stored("results/truth/{patient}.json", TEST_PHANTOMS),
        shares=stored("results/truth/{patient}.nii.gz", TEST_PHANTOMS),
        checked=ancient(MASKS_CHECKED),
    output:
        metrics="results/metrics/{method}/views-{views}/seed-{seed}.csv",
        profiles="results/metrics/{method}/views-{views}/seed-{seed}.profiles.csv",
    log:
        "logs/evaluate/{method}/views-{views}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/evaluate/{method}/views-{views}/seed-{seed}.tsv"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=memory("evaluate"),
        runtime=minutes("evaluate"),
    params:
        code=code_version.of_script("evaluate"),
        patients=TEST,
        imaging=PROJECTION.imaging,
    script:
        "../scripts/evaluate.py"


rule paper_tables:
    """Make Tables 1 and 2 of the paper, and the tables of all metrics."""
    input:
        metrics=RUNS.each("results/metrics/{method}/views-{views}/seed-{seed}.csv"),
        published1=resource_file("published_table1.csv"),
        published2=resource_file("published_table2.csv"),
    output:
        per_patient=report(
            "results/tables/per_patient.csv",
            caption="../report/per_patient.rst",
            category="Tables",
            labels={"result": "Every metric of every patient"},
        ),
        summary="results/tables/summary.csv",
        overview=report(
            "results/tables/iou_by_method.csv",
            caption="../report/iou_by_method.rst",
            category="Tables",
            labels={"result": "IoU of every method"},
        ),
        overview_md="results/tables/iou_by_method.md",
        table1=report(
            "results/tables/table1.csv",
            caption="../report/table1.rst",
            category="Tables",
            labels={"result": "Table 1, the network by number of views"},
        ),
        table1_md="results/tables/table1.md",
        table1_tex="results/tables/table1.tex",
        table2=report(
            "results/tables/table2.csv",
            caption="../report/table2.rst",
            category="Tables",
            labels={"result": "Table 2, biplane reconstruction"},
        ),
        table2_md="results/tables/table2.md",
        table2_tex="results/tables/table2.tex",
    log:
        "logs/paper_tables.log",
    benchmark:
        "results/benchmarks/paper_tables.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("paper_tables"),
        runtime=minutes("paper_tables"),
    params:
        code=code_version.of_script("paper_tables"),
        titles=TITLES,
        captions=CAPTIONS,
    script:
        "../scripts/paper_tables.py"


rule assumptions:
    """List the choices that the paper leaves open."""
    output:
        report(
            "results/tables/assumptions.csv",
            caption="../report/assumptions.rst",
            category="Assumptions",
            labels={"result": "What the paper leaves open"},
        ),
    log:
        "logs/assumptions.log",
    benchmark:
        "results/benchmarks/assumptions.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("assumptions"),
        runtime=minutes("assumptions"),
    params:
        code=code_version.of_script("assumptions"),
        assumptions=assumptions.assumptions(places.PACKAGES, places.OUR_FILES),
    script:
        "../scripts/assumptions.py"
