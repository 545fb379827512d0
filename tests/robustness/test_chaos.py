"""A small run under fire, and that its judges are not blind."""

import random
import subprocess
import sys

import chaos
import pytest
from chaos import Killer, Study, Toll, campaign, finish, judge, unlock

KILLS = 4  # two jobs, Snakemake, a job


@pytest.mark.thorough
def test_a_study_under_fire_ends_with_the_same_tables(clone, study, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(chaos, "GRACE", 60)  # the machine may be slow
    toll = campaign(clone, study, tmp_path, KILLS, seed=1, targets=("tables",))
    assert toll.faults == []
    assert toll.kills.total() >= KILLS and toll.kills["Snakemake"] >= 1
    assert toll.verdict() == (
        f"{toll.kills.total()} kills in {toll.studies} studies: tables equal, no file torn"
    )
    assert capsys.readouterr().out.count("kill ") == toll.kills.total()


def flip(path):
    path.write_bytes(path.read_bytes()[::-1])


DAMAGES = {
    "differs from": lambda top: flip(top / "results/tables/table1.csv"),
    "missing": lambda top: (top / "results/tables/table2.tex").unlink(),
    "figure1.pdf: does not": lambda top: flip(top / "results/figures/figure1.pdf"),
    ".a.csv.1.part.csv: left over": lambda top: (top / "results/.a.csv.1.part.csv").touch(),
    "not of this study": lambda top: (top / "logs/other.log").touch(),
    "still locked": lambda top: (top / ".snakemake/locks/0.input.lock").touch(),
}


def test_damage_is_noticed(study, finished):
    toll = Toll(studies=1)
    judge(Study(finished), study, toll)
    assert toll.faults == []
    (finished / ".snakemake/locks").mkdir(exist_ok=True)
    for damage in DAMAGES.values():
        damage(finished)
    judge(Study(finished), study, toll)
    told = "\n".join(toll.faults)
    assert not [words for words in DAMAGES if words not in told]
    assert toll.verdict().startswith("FAILED")


def test_finished_outputs_are_those_of_snakemakes_records(study):
    finished = Study(study).finished()
    assert {"results/tables/table1.csv", "results/dicom/phantom-001"} <= set(finished)
    assert all((study / name).exists() for name in finished)


def test_a_run_that_fails_unkilled_is_a_fault_with_its_output(study, fresh):
    toll = Toll()
    wrong = Study(fresh, ("results/of-no-rule",))
    assert not finish(wrong, Killer(wrong, study, random.Random(1), toll, kills=0), toll)
    assert "results/of-no-rule" in toll.faults[0]


KILLED = """RuleException:
CalledProcessError in file "workflow/rules/training.smk", line 30:
Command 'python fit.py' died with <Signals.SIGKILL: 9>.
WorkflowError:
At least one job did not complete successfully.
"""
FAILED = KILLED.replace("died with <Signals.SIGKILL: 9>", "returned non-zero exit status 1")
MISSING = KILLED + "MissingOutputException in rule fit:\n"


@pytest.mark.parametrize(("said", "failures"), [(KILLED, 0), (FAILED, 1), (KILLED + MISSING, 1)])
def test_a_failure_beside_a_kill_is_seen(said, failures):
    assert len(chaos.other_failures(said)) == failures


def test_a_lock_without_an_explanation_is_a_fault(finished):
    toll, locked = Toll(), Study(finished)
    (finished / "terminal.txt").write_text("refused")
    unlock(locked, toll)
    assert "not explained" in toll.faults[0]


def test_a_job_that_outlives_its_snakemake_is_a_fault_and_is_ended(study, tmp_path, monkeypatch):
    monkeypatch.setattr(chaos, "GRACE", 0.1)
    script = tmp_path / ".snakemake/scripts/tmp1.fit.py"
    script.parent.mkdir(parents=True)
    script.write_text("import time\n# logs/fit/hull/views-2.log\ntime.sleep(600)\n")
    toll, folder = Toll(), Study(tmp_path.resolve())
    with subprocess.Popen([sys.executable, script], cwd=tmp_path) as job:
        while not folder.jobs():
            assert job.poll() is None
        Killer(folder, study, random.Random(1), toll, kills=0)._expect_no_orphan()
        assert job.wait() < 0
    assert toll.faults[0].startswith("fit/hull/views-2: still running")
