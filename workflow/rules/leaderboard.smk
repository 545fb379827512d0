# What beats what: every method of the study on the same test patients.
POSTER_VIEWS = sorted({VIEW_COUNTS[0], VIEW_COUNTS[-1]}, reverse=True)
OF_EXAMPLE = "results/reconstructions/{method}/views-{views}/seed-"
OF_EXAMPLE += f"{SEEDS[0]}/{EXAMPLE_PATIENT}.nii.gz"
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
        volume=f"results/volumes/{EXAMPLE_PATIENT}.nii",
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


rule best_method:
    """Draw surfaces of one patient by the paper's network and by the best method."""
    input:
        volume=f"results/volumes/{EXAMPLE_PATIENT}.nii",
        mask=f"results/masks/{EXAMPLE_PATIENT}.nii.gz",
        reconstructions=BESIDE_THE_BEST.each(OF_EXAMPLE),
        leaderboard="results/tables/leaderboard.csv",
    output:
        png=report(
            "results/figures/best_method.png",
            caption="../report/best_method.rst",
            category="Leaderboard",
            labels={"result": "The paper's network and the best method, by number of views"},
        ),
        pdf="results/figures/best_method.pdf",
    log:
        "logs/best_method.log",
    benchmark:
        "results/benchmarks/best_method.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("best_method"),
        runtime=minutes("best_method"),
    params:
        code=code_version.of_script("best_method"),
        runs=BESIDE_THE_BEST.each("{method} {views}"),
        paper=PAPER_METHOD,
        methods=BESIDE_THE_BEST.labels,
        note=NOTE,
    script:
        "../scripts/best_method.py"


rule poster:
    """Draw the whole study on one sheet."""
    input:
        volume=f"results/volumes/{EXAMPLE_PATIENT}.nii",
        mask=f"results/masks/{EXAMPLE_PATIENT}.nii.gz",
        projections=f"results/projections/{EXAMPLE_PATIENT}.nii",
        backprojections=expand(
            "results/backprojections/views-{views}/{patient}.sum.nii",
            views=POSTER_VIEWS,
            patient=EXAMPLE_PATIENT,
        ),
        reconstructions=BESIDE_THE_BEST.each(OF_EXAMPLE),
        leaderboard="results/tables/leaderboard.csv",
        published=resource_file("published_table1.csv"),
    output:
        png=report(
            "results/figures/poster.png",
            caption="../report/poster.rst",
            category="Figures",
            labels={"result": "The study on one sheet"},
        ),
        pdf="results/figures/poster.pdf",
    log:
        "logs/poster.log",
    benchmark:
        "results/benchmarks/poster.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("poster"),
        runtime=minutes("poster"),
    params:
        code=code_version.of_script("poster"),
        back_projected=POSTER_VIEWS,
        runs=BESIDE_THE_BEST.each("{method} {views}"),
        paper=PAPER_METHOD,
        methods=SHOWN.labels,
        kind=PROJECTION.imaging["kind"],
        note=NOTE_OF_MEANS,
    script:
        "../scripts/poster.py"
