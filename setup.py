"""What pyproject.toml cannot say: the workflow's files lie around its packages, and go along."""

from setuptools import find_packages, setup

SCRIPTS, WORKFLOW = "workflow/scripts", "angiovox_workflow"  # as angiovox_pipeline/places.py has it
ENDINGS = ("json", "npz", "pt", "html", "css", "js", "txt", "svg", "md")  # of data beside modules

setup(
    packages=[*find_packages(SCRIPTS), WORKFLOW],
    package_dir={"": SCRIPTS, WORKFLOW: "."},
    package_data={
        "angiovox": [f"**/*.{ending}" for ending in ENDINGS],
        WORKFLOW: [
            "Snakefile",
            "workflow/Snakefile",
            "workflow/rules/*.smk",
            "workflow/schemas/*.yaml",
            "workflow/report/*.rst",
            "workflow/scripts/*.py",
            "config/*",
            "envs/*.yaml",
            "profiles/*/*.yaml",
            "resources/**",
            "tools/report.py",
            "tools/where_to_look.py",
        ],
    },
)
