"""The report on one page: whole or not at all, and without the folders of a user."""

import resource
import subprocess
import sys
from types import SimpleNamespace

import jinja2
import pytest
import yaml
from conftest import ROOT

SNAKEFILE = """
rule all:
    input: "results/a.txt"
rule made:
    output: report("results/a.txt")
    shell: "echo text > {output}"
"""
FEW_BYTES = 100_000  # a page has more


@pytest.fixture
def finished(tmp_path):
    """A finished run of another, small workflow."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def write_report(folder, most=resource.RLIM_INFINITY):
    """As on a disk that takes files of so many bytes."""
    limits = (most, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    return subprocess.run(
        [sys.executable, ROOT / "tools/report.py", "--cores", "1"],
        cwd=folder,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits),
        capture_output=True,
        text=True,
    )


def test_a_page_that_cannot_be_written_leaves_none_or_the_one_of_before(finished):
    page = finished / "results/report.html"
    before = sorted(page.parent.iterdir())
    failed = write_report(finished, FEW_BYTES)
    assert failed.returncode != 0 and "results/report.html: not written" in failed.stderr
    assert sorted(page.parent.iterdir()) == before

    assert write_report(finished).returncode == 0
    whole = page.read_bytes()
    assert len(whole) > FEW_BYTES and whole.rstrip().endswith(b"</html>")
    assert write_report(finished, FEW_BYTES).returncode != 0
    assert page.read_bytes() == whole and sorted(page.parent.iterdir()) == [*before, page]


def test_the_sheet_is_called_by_its_name_without_its_folders():
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["cohort"]["sheet"] = "/data/Fennick/my patients.tsv"
    words = jinja2.Template((ROOT / "workflow/report/workflow.rst").read_text())
    text = words.render(snakemake=SimpleNamespace(config=config))
    assert "``my patients.tsv``" in text and "Fennick" not in text
