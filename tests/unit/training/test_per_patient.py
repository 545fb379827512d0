"""The optimisation for one patient: it goes on where it was stopped, bit for bit."""

import pytest
import torch
from angiovox.errors import TrainingInterrupted
from angiovox.method import Context, never
from angiovox.training import per_patient

pytestmark = pytest.mark.usefixtures("one_thread")
STEPS = 12
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def run(checkpoint, stopping=never, seed="1", device="cpu"):
    """Fit a line to noise; the weights, and the lines of the log."""
    lines = []
    torch.manual_seed(1)
    layer = torch.nn.Linear(3, 1).to(device)
    optimizer = torch.optim.Adam(layer.parameters(), 0.1)

    def step(number):
        noise = torch.randn(8, 3, device=device)
        loss = (layer(noise) - number / STEPS).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    parts = {"layer": layer, "optimizer": optimizer}
    how = {"checkpoint": checkpoint, "stamp": {"seed": seed}, "log": lines.append, "device": device}
    per_patient.optimise(parts, step, STEPS, Context(stopping=stopping, **how))
    return layer.weight.detach().clone(), lines


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("after", [0, 1, 7, STEPS - 1])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, after, device):
    asked = iter(range(STEPS))
    with pytest.raises(TrainingInterrupted, match=rf"^stopped after {after} of 12 steps"):
        run(tmp_path / "c.pt", stopping=lambda: next(asked) >= after, device=device)
    resumed, lines = run(tmp_path / "c.pt", device=device)
    assert torch.equal(resumed, run(tmp_path / "other.pt", device=device)[0])
    assert (lines[0] == f"resuming after {after} of 12 steps") == bool(after)


def test_what_is_finished_is_not_done_again(tmp_path):
    whole, _ = run(tmp_path / "c.pt")
    again, lines = run(tmp_path / "c.pt")
    assert torch.equal(again, whole) and lines == ["resuming after 12 of 12 steps"]


def test_a_checkpoint_is_written_now_and_then(tmp_path, monkeypatch):
    """A job that is killed loses no more than what came after it."""
    monkeypatch.setattr(per_patient, "SAVE_EVERY_S", 0.0)
    whole, _ = run(tmp_path / "whole.pt")

    def kill():
        raise KeyboardInterrupt

    steps = iter(range(STEPS))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "c.pt", stopping=lambda: next(steps) == 5 and kill())
    resumed, lines = run(tmp_path / "c.pt")
    assert lines[0] == "resuming after 4 of 12 steps"
    assert torch.equal(resumed, whole)


def test_the_checkpoint_of_another_run_is_refused(tmp_path):
    run(tmp_path / "c.pt", seed="2")
    weights, lines = run(tmp_path / "c.pt")
    assert lines[0] == "c.pt refused: written with other seed; starting anew"
    assert torch.equal(weights, run(tmp_path / "other.pt")[0])


def test_without_a_checkpoint_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert torch.equal(run(None)[0], run(tmp_path / "c.pt")[0])
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]
