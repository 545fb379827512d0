"""Learning rates over a training, against the rates that their sources state."""

import pytest
import torch
from angiovox.training.schedules import rate_factor, scheduler

STEPS = 70


def rates(schedule, steps=STEPS, rate=0.01, start=None):
    """Rate of each step, and the scheduler's state at the end."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    subject = scheduler(optimizer, schedule, rate, STEPS)
    if start:
        optimizer.load_state_dict(start[0])
        subject.load_state_dict(start[1])
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        subject.step()
    return found, (optimizer.state_dict(), subject.state_dict())


def test_the_constant_rate_stays():
    assert set(rates("constant")[0]) == {0.01}


def test_the_polynomial_rate_is_what_is_left_to_the_power_of_0_9():
    expected = [0.01 * (1 - step / STEPS) ** 0.9 for step in range(STEPS)]
    assert rates("polynomial")[0] == pytest.approx(expected)
    assert rate_factor("polynomial", 1.0) == 0


def test_halving_halves_after_17_22_27_30_and_33_epochs_of_35():
    found, _ = rates("halving")  # two steps an epoch
    changes = [step / 2 for step in range(1, STEPS) if found[step] != found[step - 1]]
    assert changes == [17, 22, 27, 30, 33]
    assert found[-1] == pytest.approx(0.01 / 2**5)


@pytest.mark.parametrize("schedule", ["constant", "one-cycle", "polynomial", "halving"])
def test_a_restored_schedule_goes_on_as_if_never_stopped(schedule):
    first, state = rates(schedule, 40)
    rest, _ = rates(schedule, 30, start=state)
    assert first + rest == rates(schedule)[0]
