"""angiovox reconstruct, with rules in the place of ours that copy what they read."""

import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest
from angiovox.errors import InputError
from angiovox_command import reconstruct as command
from angiovox_command import snakemake_call
from angiovox_command.program import main
from angiovox_command.study_folder import Request, StudyFolder
from conftest import ROOT

SECRET = "Mustermann"
RULES = """
rule angiograms:
    input: "results/angiograms/patient/files"

rule reconstruct_angiograms:
    input: "runs/run-1", "runs/run-2"
    output: "kept.txt"
    log: "logs/reconstruct_angiograms/patient.log"
    shell: '''
        echo "x INFO stage: reading the runs" > {log}
        if grep -q broken {input}; then
            echo "x ERROR patient patient: run-2: no mask is named in it" >> {log}; exit 1
        fi
        if grep -q slow {input}; then sleep 60; fi
        cat {input} > {output}; echo once >> count.txt
    '''

rule present_angiograms:
    input: "kept.txt"
    output: directory("results/angiograms/patient/files")
    params: identify=config["angiograms"]["identify"]
    shell: '''
        mkdir -p {output}/volumes; cp {input} {output}/volumes/a.txt
        echo page > {output}/report.html
        if [ {params.identify} = True ]; then echo named > {output}/named.dcm; fi
        echo '{{"written": [{{"file": "report.html", "content": "the page"}}], \
            "warnings": ["views disagree"]}}' > {output}/manifest.json
    '''
"""


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two runs in a folder that names a patient; Snakemake takes the rules above."""
    (tmp_path / "rules/workflow").mkdir(parents=True)
    (tmp_path / "rules/profiles/default").mkdir(parents=True)
    (tmp_path / "rules/workflow/Snakefile").write_text(RULES)
    (tmp_path / "rules/profiles/default/config.yaml").write_text("rerun-incomplete: true\n")
    monkeypatch.setattr(snakemake_call, "ROOT", tmp_path / "rules")
    (tmp_path / SECRET).mkdir()
    paths = [tmp_path / SECRET / name for name in ("a.dcm", "b.dcm")]
    for path in paths:
        path.write_text(path.name)
    return [str(path) for path in paths]


def run(runs, out, *options):
    return main(["reconstruct", *runs, "--out", str(out), "--cores", "1", *options])


def contents(out):
    return {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_results_lie_in_the_folder_and_nothing_there_names_the_runs(runs, tmp_path, capsys):
    out = tmp_path / "result"
    assert run(runs, out) == 0
    said = capsys.readouterr()
    assert (out / "volumes/a.txt").read_text() == "a.dcmb.dcm"
    assert "report.html" in said.out and "the page" in said.out and "views disagree" in said.out
    assert "reading the runs" in said.err and "Job stats" not in said.out + said.err
    assert not [path for path in out.rglob("*") if path.is_symlink()]
    named = {path for path, text in contents(out).items() if SECRET.encode() in text}
    assert not named

    # Again: nothing to do; then with identity, which goes again.
    assert run(runs, out) == 0
    assert (out / ".angiovox/count.txt").read_text() == "once\n"
    assert run(runs, out, "--identify") == 0 and (out / "named.dcm").is_file()
    assert run(runs, out) == 0 and not (out / "named.dcm").exists()
    assert (out / ".angiovox/count.txt").read_text() == "once\n"


def test_a_job_that_fails_ends_it_in_one_sentence_about_the_users_own_file(runs, tmp_path, capsys):
    (tmp_path / SECRET / "b.dcm").write_text("broken")
    assert run(runs, tmp_path / "result") == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"angiovox: {runs[1]}: no mask is named in it"
    assert {path.name for path in (tmp_path / "result").iterdir()} == {".angiovox"}


def test_a_dry_run_says_what_would_be_done_and_does_nothing(runs, tmp_path, capsys):
    assert run(runs, tmp_path / "result", "--dry-run") == 0
    assert "would reconstruct the arteries and write the files" in capsys.readouterr().out
    assert not (tmp_path / "result/.angiovox/kept.txt").exists()


def test_what_is_stopped_goes_on_with_the_same_command(runs, tmp_path):
    (tmp_path / SECRET / "b.dcm").write_text("slow")
    out = tmp_path / "result"
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from angiovox_command import program, snakemake_call\n"
        f"snakemake_call.ROOT = Path({str(tmp_path / 'rules')!r})\n"
        "sys.exit(program.main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, "reconstruct", *runs, "--out", str(out), "--cores", "1"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts")},
        stderr=subprocess.PIPE,
        text=True,
    )
    log = out / ".angiovox/logs/reconstruct_angiograms/patient.log"
    deadline = time.monotonic() + 120
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command goes on" in said.splitlines()[-1]
    assert not (out / ".angiovox/runs").exists() and not (out / "report.html").exists()
    (tmp_path / SECRET / "b.dcm").write_text("quick")
    assert run(runs, out) == 0 and (out / "report.html").is_file()


# Refused before anything runs


def test_arguments_that_cannot_work_are_refused_in_a_sentence(runs, tmp_path):
    out = str(tmp_path / "result")
    cases = {
        (runs[0],): "one run, and a single direction",
        (runs[0], runs[0]): "given twice",
        (runs[0], f"{tmp_path}/gone.dcm"): r"gone\.dcm: does not exist",
        (runs[0], str(tmp_path)): "--out .*within a run",
    }
    for paths, message in cases.items():
        with pytest.raises(InputError, match=message):
            Request(paths, out).check()
    with pytest.raises(InputError, match=r"--voxel-mm 0\.01: expected 0\.2 to 3"):
        Request(tuple(runs), out, voxel_mm=0.01).check()
    assert not (tmp_path / "result").exists()


def test_one_command_at_a_time_works_in_a_folder(runs, tmp_path):
    folder = StudyFolder(tmp_path / "result")
    request, busy = Request(tuple(runs), str(folder.out)), "another angiovox works in this folder"
    with folder.held(), pytest.raises(InputError, match=busy):
        command.reconstruct(request, 1)
    with folder.held() as lock:
        fcntl.flock(lock, fcntl.LOCK_UN)


def test_a_link_is_as_old_as_its_run(runs, tmp_path):
    os.utime(runs[1], ns=(10**18, 10**18))
    folder = StudyFolder(tmp_path / "result")
    with folder.held(), folder.linked(Request(tuple(runs), str(folder.out))):
        link = folder.work / "runs/run-2"
        assert link.lstat().st_mtime_ns == 10**18 and link.read_text() == "b.dcm"
    assert not (folder.work / "runs").exists()
