# The paper's four figures. The captions say what each shows.
rule figure1:
    """Draw Figure 1: volume, projections and back-projections."""
    input:
        volume=f"results/volumes/{EXAMPLE_PATIENT}.nii",
        mask=f"results/masks/{EXAMPLE_PATIENT}.nii.gz",
        projections=f"results/projections/{EXAMPLE_PATIENT}.nii",
        backprojection=f"results/backprojections/views-{VIEW_COUNTS[0]}/{EXAMPLE_PATIENT}.sum.nii",
    output:
        png=report(
            "results/figures/figure1.png",
            caption="../report/figure1.rst",
            category="Figures",
            labels={"result": "Figure 1, pre-processing of one patient"},
        ),
        pdf="results/figures/figure1.pdf",
    log:
        "logs/figure1.log",
    benchmark:
        "results/benchmarks/figure1.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("figure1"),
        runtime=minutes("figure1"),
    params:
        code=code_version.of_script("figure1"),
        imaging=PROJECTION.imaging,
        note=NOTE,
    script:
        "../scripts/figure1.py"


rule figure2:
    """Draw Figure 2: back-projections by number of views."""
    input:
        backprojections=expand(
            "results/backprojections/views-{views}/{patient}.sum.nii",
            views=VIEW_COUNTS,
            patient=EXAMPLE_PATIENT,
        ),
    output:
        png=report(
            "results/figures/figure2.png",
            caption="../report/figure2.rst",
            category="Figures",
            labels={"result": "Figure 2, back-projections by number of views"},
        ),
        pdf="results/figures/figure2.pdf",
    log:
        "logs/figure2.log",
    benchmark:
        "results/benchmarks/figure2.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("figure2"),
        runtime=minutes("figure2"),
    params:
        code=code_version.of_script("figure2"),
        view_counts=VIEW_COUNTS,
        note=NOTE,
    script:
        "../scripts/figure2.py"


rule figure3:
    """Draw Figure 3: the denoising autoencoder."""
    input:
        backprojection=f"results/backprojections/views-{VIEW_COUNTS[0]}/{EXAMPLE_PATIENT}.sum.nii",
        reconstruction=f"results/reconstructions/{PAPER_METHOD}/views-{VIEW_COUNTS[0]}/seed-{SEEDS[0]}/{EXAMPLE_PATIENT}.nii.gz",
        mask=f"results/masks/{EXAMPLE_PATIENT}.nii.gz",
    output:
        png=report(
            "results/figures/figure3.png",
            caption="../report/figure3.rst",
            category="Figures",
            labels={"result": "Figure 3, one patient through the network"},
        ),
        pdf="results/figures/figure3.pdf",
    log:
        "logs/figure3.log",
    benchmark:
        "results/benchmarks/figure3.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("figure3"),
        runtime=minutes("figure3"),
    params:
        code=code_version.of_script("figure3"),
        note=NOTE,
    script:
        "../scripts/figure3.py"


rule figure4:
    """Draw Figure 4: reconstructions by number of views."""
    input:
        volume=f"results/volumes/{EXAMPLE_PATIENT}.nii",
        mask=f"results/masks/{EXAMPLE_PATIENT}.nii.gz",
        reconstructions=expand(
            "results/reconstructions/{method}/views-{views}/seed-{seed}/{patient}.nii.gz",
            method=PAPER_METHOD,
            views=VIEW_COUNTS,
            seed=SEEDS[0],
            patient=EXAMPLE_PATIENT,
        ),
    output:
        png=report(
            "results/figures/figure4.png",
            caption="../report/figure4.rst",
            category="Figures",
            labels={"result": "Figure 4, surfaces by number of views"},
        ),
        pdf="results/figures/figure4.pdf",
    log:
        "logs/figure4.log",
    benchmark:
        "results/benchmarks/figure4.tsv"
    conda:
        "../../envs/figures.yaml"
    resources:
        mem_mb=memory("figure4"),
        runtime=minutes("figure4"),
    params:
        code=code_version.of_script("figure4"),
        view_counts=VIEW_COUNTS,
        note=NOTE,
    script:
        "../scripts/figure4.py"
