# What beats what: every method of the study on the same test patients.
OTHERS = other_studies(rules.paper_tables.output.per_patient)


rule leaderboard:
    """Compare all methods by all metrics."""
    input:
        per_patient="results/tables/per_patient.csv",
        masks=["results/tables/phantom_masks.csv"] if TEST_PHANTOMS else [],
        calibrations=RUNS.each_calibrated(runs.CALIBRATION),
        others=other_measurements,
    output:
        csv="results/tables/leaderboard.csv",
        beside=["results/tables/leaderboard_beside.csv"] if OTHERS.titles else [],
        calibration="results/tables/calibration.csv",
        md="results/tables/leaderboard.md",
        html=report(
            "results/tables/leaderboard.html",
            caption="../report/leaderboard.rst",
            category="Leaderboard",
            labels={"result": "Every method by number of views, with ties"},
        ),
    log:
        "logs/leaderboard.log",
    benchmark:
        "results/benchmarks/leaderboard.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("leaderboard"),
        runtime=minutes("leaderboard"),
    params:
        code=code_version.of_script("leaderboard"),
        calibrated=RUNS.each_calibrated("{method} {seed}"),
        titles=TITLES,
        note=NOTE_OF_MEANS,
        beside=OTHERS.titles,
    script:
        "../scripts/leaderboard.py"


rule quality_by_views:
    """Plot four metrics by number of views for all methods."""
    input:
        leaderboard="results/tables/leaderboard.csv",
        published=resource_file("published_table1.csv"),
    output:
        png=report(
            "results/figures/quality_by_views.png",
            caption="../report/quality_by_views.rst",
            category="Leaderboard",
            labels={"result": "Quality by number of views, every method"},
        ),
        pdf="results/figures/quality_by_views.pdf",
    log:
        "logs/quality_by_views.log",
    benchmark:
        "results/benchmarks/quality_by_views.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("quality_by_views"),
        runtime=minutes("quality_by_views"),
    params:
        code=code_version.of_script("quality_by_views"),
        methods=SHOWN.labels,
        note=NOTE_OF_MEANS,
    script:
        "../scripts/quality_by_views.py"


rule biplane:
    """Draw what each method makes of the fewest views."""
    input:
        mask=f"results/masks/{EXAMPLE_PATIENT}.nii.gz",
        reconstructions=expand(
            "results/reconstructions/{method}/views-{views}/seed-{seed}/{patient}.nii.gz",
            method=SHOWN_AT_FEWEST.methods,
            views=VIEW_COUNTS[-1],
            seed=SEEDS[0],
            patient=EXAMPLE_PATIENT,
        ),
        metrics=expand(
            "results/metrics/{method}/views-{views}/seed-{seed}.csv",
            method=SHOWN_AT_FEWEST.methods,
            views=VIEW_COUNTS[-1],
            seed=SEEDS[0],
        ),
    output:
        png=report(
            "results/figures/biplane.png",
            caption="../report/biplane.rst",
            category="Leaderboard",
            labels={"result": "One patient from the fewest views, every method"},
        ),
        pdf="results/figures/biplane.pdf",
    log:
        "logs/biplane.log",
    benchmark:
        "results/benchmarks/biplane.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("biplane"),
        runtime=minutes("biplane"),
    params:
        code=code_version.of_script("biplane"),
        patient=EXAMPLE_PATIENT,
        found=[*SHOWN_AT_FEWEST.methods],
        methods=SHOWN.labels,
        note=FEWEST_NOTE,
    script:
        "../scripts/biplane.py"


rule error_profiles:
    """Plot where errors lie: by calibre, by depth, by probability."""
    input:
        profiles=SHOWN_AT_FEWEST.each(
            "results/metrics/{method}/views-{views}/seed-{seed}.profiles.csv"
        ),
    output:
        png=report(
            "results/figures/error_profiles.png",
            caption="../report/error_profiles.rst",
            category="Leaderboard",
            labels={"result": "Where errors sit, every method"},
        ),
        pdf="results/figures/error_profiles.pdf",
    log:
        "logs/error_profiles.log",
    benchmark:
        "results/benchmarks/error_profiles.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("error_profiles"),
        runtime=minutes("error_profiles"),
    params:
        code=code_version.of_script("error_profiles"),
        methods=SHOWN.labels,
        note=f"{VIEW_COUNTS[-1]} views; {NOTE_OF_MEANS}",
    script:
        "../scripts/error_profiles.py"
