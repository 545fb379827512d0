"""The line of progress: what it says, and how long it expects the rest to take."""

import io
from itertools import pairwise

import pytest
from angiovox_command.progress import CLEAR, Progress
from angiovox_pipeline.stages import STAGES, begin, begun


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock():
    """A clock that is set by hand."""
    now = [0.0]

    def read():
        return now[0]

    read.now = now
    return read


def log_stage(path, stage):
    with path.open("a") as file:
        begin(lambda line: file.write(f"2026-01-01 00:00:00,000 INFO {line}\n"), stage)


def test_what_is_logged_at_a_stage_is_recognised_and_nothing_else():
    lines = []
    for stage in STAGES:
        begin(lines.append, stage)
    assert [begun(f"2026-01-01 INFO {line}") for line in lines] == [*STAGES]
    assert begun("2026-01-01 INFO network: part 1 of 8") is None
    assert begun("stage: another") is None


def test_elsewhere_than_on_a_terminal_each_stage_has_one_line(tmp_path, clock):
    out, log = io.StringIO(), tmp_path / "log"
    progress = Progress(out, clock)
    progress.follow([log, tmp_path / "missing"])
    for stage in STAGES:
        log_stage(log, stage)
        for _ in range(3):
            clock.now[0] += 1
            progress.follow([log])
    progress.close()
    lines = out.getvalue().splitlines()
    assert [line.split("] ")[1].split(";")[0] for line in lines] == [w for w, _ in STAGES.values()]
    assert lines[0].startswith("[1/") and "\r" not in out.getvalue()


def test_a_terminal_has_one_line_that_is_taken_away(tmp_path, clock):
    out = Terminal()
    progress = Progress(out, clock)
    log_stage(tmp_path / "log", "read")
    progress.follow([tmp_path / "log"])
    progress.close()
    assert "\n" not in out.getvalue() and out.getvalue().endswith(CLEAR)


@pytest.mark.parametrize("pace", [0.5, 1.0, 4.0])
def test_the_time_left_follows_the_pace_of_this_machine(tmp_path, clock, pace):
    progress, log, stages = Progress(io.StringIO(), clock), tmp_path / "log", [*STAGES]
    clock.now[0] = 4.0 * pace
    log_stage(log, stages[0])
    progress.follow([log])
    for before, after in pairwise(stages):
        clock.now[0] += pace * STAGES[before][1]
        log_stage(log, after)
        progress.follow([log])
        rest = pace * sum(STAGES[name][1] for name in stages[stages.index(after) :])
        assert progress.seconds_left() == pytest.approx(rest)
    left = progress.seconds_left()
    clock.now[0] += pace
    assert progress.seconds_left() < left
    clock.now[0] += 1000
    assert progress.seconds_left() > 0
