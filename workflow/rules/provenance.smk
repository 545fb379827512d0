# Where every table and figure comes from. The last job of a study.
localrules:
    provenance,


rule provenance:
    """Record revision, seeds, machines and run times; the last job of a study."""
    input:
        rules.tables.input,
        rules.figures.input,
        rules.meshes.input,
    output:
        json="results/provenance.json",
        html=report(
            "results/provenance.html",
            caption="../report/provenance.rst",
            category="Provenance",
            labels={"result": "Where each table and figure comes from"},
        ),
        run_times=report(
            "results/tables/run_times.csv",
            caption="../report/run_times.rst",
            category="Provenance",
            labels={"result": "Time and memory by rule"},
        ),
        cost=report(
            "results/tables/cost.csv",
            caption="../report/cost.rst",
            category="Leaderboard",
            labels={"result": "Seconds and memory per patient"},
        ),
    log:
        "logs/provenance.log",
    benchmark:
        "results/benchmarks/provenance.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("provenance"),
        runtime=minutes("provenance"),
    params:
        code=code_version.of_script("provenance"),
        benchmarks=benchmark_patterns,
        patients=len(TEST),
        products=traced_products,
        seeds=STUDY.seeds,
        config=STUDY.own_config,
    script:
        "../scripts/provenance.py"
