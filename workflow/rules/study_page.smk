# The study on one page, which people open first: surfaces, slices, leaderboard and figures.
rule study_page:
    """Write the page of the study, self-contained; needs no network."""
    input:
        volumes=stored("results/volumes/{patient}.nii", TEST),
        masks=stored("results/masks/{patient}.nii.gz", TEST),
        reconstructions=SHOWN.each(
            f"results/reconstructions/{{method}}/views-{{views}}/seed-{SEEDS[0]}/{{patient}}.nii.gz",
            patient=TEST,
        ),
        per_patient="results/tables/per_patient.csv",
        leaderboard="results/tables/leaderboard.csv",
        published=resource_file("published_table1.csv"),
        figures=expand("results/figures/{figure}.png", figure=FIGURES),
        provenance="results/provenance.json",
    output:
        "results/study.html",
    log:
        "logs/study_page.log",
    benchmark:
        "results/benchmarks/study_page.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("study_page"),
        runtime=minutes("study_page"),
    params:
        code=code_version.of_script("study_page"),
        methods=SHOWN.labels,
        runs=SHOWN.each("{method} {views} {patient}", patient=TEST),
        patients=TEST,
        paper=PAPER_METHOD,
        seed=SEEDS[0],
        several_seeds=len(SEEDS) > 1,
        patient_word=NOTES.test_word,
        note=NOTE_OF_MEANS,
    script:
        "../scripts/study_page.py"
