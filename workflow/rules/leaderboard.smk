# What beats what: every method of the study on the same test patients.
rule leaderboard:
    input:
        per_patient="results/tables/per_patient.csv",
        code=sources.used_by("make_leaderboard"),
    output:
        csv="results/tables/leaderboard.csv",
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
        resamples=config["evaluation"]["resamples"],
        seed=config["evaluation"]["seed"],
        titles=TITLES,
        note=NOTE,
    script:
        "../scripts/make_leaderboard.py"
