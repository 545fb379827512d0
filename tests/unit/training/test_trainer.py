"""Training: it learns, it repeats itself, and it goes on where it was stopped."""

import dataclasses
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from angiovox.errors import TrainingInterrupted
from angiovox.io import model_files
from angiovox.method import Context, Measurement, never
from angiovox.methods.denoising_autoencoder.learner import Denoising, PlainDenoising
from angiovox.methods.denoising_autoencoder.method import Settings
from angiovox.methods.denoising_autoencoder.network import DenoisingAutoencoder
from angiovox.training.trainer import Trainer, autocast_dtype
from conftest import ROOT

pytestmark = pytest.mark.usefixtures("one_thread")

EDGE = 16
COLUMNS = ["epoch", "learning_rate", "loss", "iou", "iou_running_statistics", "seconds"]


class Stop(Exception):
    """What ends a job in the middle."""


def patient(seed):
    """A bright bar in noise, and its mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((EDGE, EDGE, EDGE), dtype=bool)
    x, y = rng.integers(2, EDGE - 5, 2)
    mask[x : x + 4, y : y + 4] = True
    volume = np.clip(0.6 * mask + rng.uniform(0, 0.4, mask.shape), 0, 1).astype(np.float32)
    return Measurement(np.array([0.0, 90.0]), {"sum": volume}), mask


PATIENTS = [patient(seed) for seed in range(3)]


def learner(network, kind=Denoising):
    return kind(network.to(memory_format=torch.channels_last_3d), 0.5, 0.2)


class Alternating(Denoising):
    """Encoder and decoder take turns, each with an optimiser of its own."""

    def optimizers(self, learning_rate):
        parts = {"encoder": self.network.layers[:12], "decoder": self.network.layers[12:]}
        return {name: self.adam(part, learning_rate) for name, part in parts.items()}

    def step(self, given, dtype, optimizers, scaler):
        for optimizer in optimizers.values():
            loss, hits, union = self.loss(given, dtype)
            self.descend(loss, optimizer, scaler)
        return loss, hits, union


def run(
    folder,
    patients=PATIENTS,
    seed=1,
    stamp="1",
    log=None,
    stopping=never,
    kind=Denoising,
    **settings,
):
    """Train a network; return it with its history, the log's lines and the trainer's context."""
    lines = []
    given = {"epochs": 4, "precision": "fp32", "learning_rate": 1e-2} | settings
    how = ({"seed": stamp}, log or lines.append, stopping)
    context = Context(seed, "cpu", folder / "checkpoint.pt", *how)
    torch.manual_seed(seed)
    network = DenoisingAutoencoder()
    history = Trainer(learner(network, kind), patients, Settings(**given), context).run()
    return network, history, lines


def stopped_after(epochs, folder, **arguments):
    """A run that ends with an error right after some epochs."""
    lines = []

    def log(line):
        lines.append(line)
        if len(lines) == epochs:
            raise Stop

    with pytest.raises(Stop):
        run(folder, log=log, **arguments)


def without_seconds(history):
    return [{key: row[key] for key in row if key != "seconds"} for row in history]


def same_weights(first, second):
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


class Watched(list):
    """Patients that count how often they are read, and may break at one reading."""

    def __init__(self, patients, breaks_at=None):
        super().__init__(patients)
        self.readings, self.breaks_at = 0, breaks_at

    def __getitem__(self, index):
        self.readings += 1
        if self.readings == self.breaks_at:
            raise Stop
        return super().__getitem__(index)


def test_the_loss_falls_and_the_vessel_is_found(tmp_path):
    _, history, _ = run(tmp_path, epochs=25, schedule="one-cycle")
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert history[0]["iou"] < 0.3
    assert history[-1]["iou"] > 0.7
    assert history[-1]["iou_running_statistics"] > 0.6


def test_a_learner_with_optimisers_of_its_own_resumes_bit_for_bit(tmp_path):
    how = {"kind": Alternating, "schedule": "one-cycle"}
    stopped_after(2, tmp_path / "parts", **how)
    resumed, history, lines = run(tmp_path / "parts", **how)
    whole, whole_history, _ = run(tmp_path / "whole", **how)
    together, _, _ = run(tmp_path / "together", schedule="one-cycle")
    assert lines[0] == "resuming after epoch 2"
    assert same_weights(resumed, whole) and not same_weights(whole, together)
    assert without_seconds(history) == without_seconds(whole_history)


@pytest.mark.parametrize("schedule", ["constant", "one-cycle", "linear-decay"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_epochs_and_a_resumed_two_equal_four_bit_for_bit(tmp_path, schedule, precision):
    how = {"schedule": schedule, "precision": precision}
    whole, whole_history, _ = run(tmp_path / "whole", **how)
    stopped_after(2, tmp_path / "parts", **how)
    resumed, history, lines = run(tmp_path / "parts", **how)
    assert lines[0] == "resuming after epoch 2"
    assert same_weights(whole, resumed)
    assert without_seconds(history) == without_seconds(whole_history)


def test_a_run_stopped_within_an_epoch_repeats_that_epoch(tmp_path):
    whole, whole_history, _ = run(tmp_path / "whole", schedule="one-cycle")
    readings = len(PATIENTS) + 1  # an epoch reads each patient once, and the first once more
    broken = Watched(PATIENTS, breaks_at=2 * readings + 2)
    with pytest.raises(Stop):
        run(tmp_path / "parts", broken, schedule="one-cycle")
    resumed, history, lines = run(tmp_path / "parts", schedule="one-cycle")
    assert lines[0] == "resuming after epoch 2"
    assert same_weights(whole, resumed)
    assert without_seconds(history) == without_seconds(whole_history)


def test_a_resumed_run_does_not_depend_on_the_weights_it_was_started_with(tmp_path):
    whole, _, _ = run(tmp_path / "whole")
    stopped_after(2, tmp_path / "parts")
    torch.manual_seed(99)
    network = DenoisingAutoencoder()
    context = Context(1, "cpu", tmp_path / "parts" / "checkpoint.pt", {"seed": "1"}, str)
    settings = Settings(epochs=4, precision="fp32", learning_rate=1e-2)
    Trainer(learner(network), PATIENTS, settings, context).run()
    assert same_weights(whole, network)


def test_a_checkpoint_with_another_stamp_is_refused_and_training_starts_anew(tmp_path):
    fresh, fresh_history, _ = run(tmp_path / "fresh", stamp="new")
    stopped_after(2, tmp_path / "old", stamp="old")
    network, history, lines = run(tmp_path / "old", stamp="new")
    assert lines[0] == "checkpoint.pt refused: written with other seed; starting anew"
    assert same_weights(network, fresh)
    assert without_seconds(history) == without_seconds(fresh_history)
    assert model_files.load_model(tmp_path / "old" / "checkpoint.pt")["stamp"] == {"seed": "new"}


def test_a_run_that_has_finished_does_not_train_again(tmp_path):
    done, history, _ = run(tmp_path)
    watched = Watched(PATIENTS)
    again, again_history, lines = run(tmp_path, watched)
    assert watched.readings == 0
    assert lines == ["resuming after epoch 4"]
    assert same_weights(done, again)
    assert again_history == history


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    first, _, _ = run(tmp_path / "1", epochs=1)
    same, _, _ = run(tmp_path / "2", epochs=1)
    other, _, _ = run(tmp_path / "3", epochs=1, seed=2)
    assert same_weights(first, same)
    assert not same_weights(first, other)


def test_the_seed_orders_the_patients_anew_in_every_epoch(tmp_path):
    """Same first weights, other order: what differs is the shuffling alone."""

    class Named(Watched):
        def __getitem__(self, index):
            orders.append(index)
            return super().__getitem__(index)

    seen = []
    for seed in (1, 1, 2):
        orders = []
        run(tmp_path / str(len(seen)), Named([patient(n) for n in range(4)]), seed=seed)
        seen.append([tuple(orders[start : start + 4]) for start in range(0, 20, 5)])
    assert seen[0] == seen[1] != seen[2]
    assert len(set(seen[0])) > 2
    assert all(sorted(order) == [0, 1, 2, 3] for order in seen[0])


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 3), (2, 2), (3, 1), (7, 1)])
def test_an_epoch_takes_every_patient_once_in_batches(tmp_path, batch_size, steps):
    watched = Watched(PATIENTS)
    network, _, _ = run(tmp_path, watched, epochs=2, batch_size=batch_size, schedule="one-cycle")
    assert watched.readings == 2 * (len(PATIENTS) + 1)
    assert int(network.layers[1].num_batches_tracked) == 2 * steps


def test_two_patients_in_a_batch_train_together(tmp_path):
    _, history, _ = run(tmp_path, epochs=15, batch_size=2)
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]


def test_the_history_has_a_row_per_epoch_and_the_log_a_line(tmp_path):
    _, history, lines = run(tmp_path, epochs=3)
    assert [list(row) for row in history] == [COLUMNS] * 3
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert all(0 <= row["iou"] <= 1 for row in history)
    assert all(0 <= row["iou_running_statistics"] <= 1 for row in history)
    assert [line.split(":")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]


def test_linear_decay_keeps_the_rate_for_half_the_steps_and_ends_at_zero(tmp_path):
    _, history, _ = run(tmp_path, schedule="linear-decay", epochs=8, learning_rate=0.003)
    rates = [row["learning_rate"] for row in history]
    assert rates == pytest.approx([0.003] * 4 + [0.00225, 0.0015, 0.00075, 0.0], abs=1e-9)


def test_the_constant_schedule_keeps_the_rate(tmp_path):
    _, history, _ = run(tmp_path, schedule="constant", learning_rate=0.003)
    assert {row["learning_rate"] for row in history} == {0.003}


def test_one_cycle_rises_to_the_rate_and_ends_near_zero(tmp_path):
    _, history, _ = run(tmp_path, schedule="one-cycle", epochs=10, learning_rate=0.003)
    rates = [row["learning_rate"] for row in history]
    peak = rates.index(max(rates))
    assert 0 < peak < 9
    assert 0.8 * 0.003 < rates[peak] <= 0.003
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] < 1e-4 * 0.003


def test_the_last_rate_depends_on_the_number_of_steps_not_of_patients(tmp_path):
    """The cycle is as long as the training: three patients in batches of two are two steps."""
    _, history, _ = run(tmp_path, schedule="one-cycle", epochs=5, batch_size=2)
    assert history[-1]["learning_rate"] < 1e-4 * 1e-2


def test_volumes_that_are_no_cube_and_no_multiple_of_eight_train(tmp_path):
    known, mask = patient(0)
    odd = Measurement(known.angles, {"sum": known.inputs["sum"][:13, :, :10]}), mask[:13, :, :10]
    _, history, _ = run(tmp_path, [odd], epochs=8)
    assert history[-1]["loss"] < history[0]["loss"]


def test_an_empty_mask_does_no_harm(tmp_path):
    known, mask = patient(0)
    _, history, _ = run(tmp_path, [(known, np.zeros_like(mask))], epochs=2)
    assert all(np.isfinite(row["loss"]) for row in history)


@pytest.mark.parametrize("epochs", [1, 3])
def test_nothing_but_checkpoints_is_left_in_the_folder(tmp_path, epochs):
    stopped_after(epochs, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["checkpoint.previous.pt", "checkpoint.pt"][2 - min(epochs, 2) :]


# Torn checkpoints


def tear(path):
    path.write_bytes(path.read_bytes()[:-5])


def epochs_in(path):
    return len(model_files.load_model(path)["history"])


@pytest.mark.parametrize("links", [True, False])
def test_the_checkpoint_before_the_last_is_kept(tmp_path, monkeypatch, links):
    def refused(*_):
        raise OSError("Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refused)
    stopped_after(3, tmp_path)
    assert epochs_in(tmp_path / "checkpoint.pt") == 3
    assert epochs_in(tmp_path / "checkpoint.previous.pt") == 2


def test_a_torn_checkpoint_falls_back_to_the_one_before(tmp_path):
    whole, whole_history, _ = run(tmp_path / "whole")
    stopped_after(3, tmp_path / "torn")
    tear(tmp_path / "torn/checkpoint.pt")
    network, history, lines = run(tmp_path / "torn")
    assert "checkpoint.pt: cut short or altered" in lines[0]
    assert lines[1:3] == ["going back to checkpoint.previous.pt", "resuming after epoch 2"]
    assert same_weights(network, whole)
    assert without_seconds(history) == without_seconds(whole_history)


def test_a_torn_checkpoint_never_replaces_the_one_before(tmp_path):
    stopped_after(3, tmp_path)
    tear(tmp_path / "checkpoint.pt")
    stopped_after(4, tmp_path)  # three lines on what it goes on from, then an epoch
    assert epochs_in(tmp_path / "checkpoint.pt") == 3
    assert epochs_in(tmp_path / "checkpoint.previous.pt") == 2


def test_two_torn_checkpoints_start_anew(tmp_path):
    whole, whole_history, _ = run(tmp_path / "whole")
    stopped_after(3, tmp_path / "torn")
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        tear(tmp_path / "torn" / name)
    network, history, lines = run(tmp_path / "torn")
    assert all("cut short or altered" in line for line in lines[:2])
    assert lines[2:4] == ["no whole checkpoint is left; starting anew", lines[3]]
    assert lines[3].startswith("epoch 1/4")
    assert same_weights(network, whole)
    assert without_seconds(history) == without_seconds(whole_history)


# Stopping on request


def after(steps):
    """A question that is answered with yes once it was asked before some steps."""
    asked = itertools.count()
    return lambda: next(asked) >= steps


@pytest.mark.parametrize("steps", range(6))
def test_stopped_after_any_step_and_resumed_equals_uninterrupted(tmp_path, steps):
    how = {"epochs": 2, "schedule": "one-cycle", "precision": "bf16"}
    whole, whole_history, _ = run(tmp_path / "whole", **how)
    watched = Watched(PATIENTS)
    with pytest.raises(TrainingInterrupted) as stopped:
        run(tmp_path / "parts", watched, stopping=after(steps), **how)
    epochs, within = divmod(steps, len(PATIENTS))
    ahead = int(steps > 0)  # and the first patient at the end of an epoch
    assert watched.readings == steps + epochs + ahead
    place = f"after epoch {epochs}" + (f" and {within} of 3 steps" if within else "")
    assert str(stopped.value) == f"stopped {place}; a rerun goes on from there"
    rest = Watched(PATIENTS)
    network, history, lines = run(tmp_path / "parts", rest, **how)
    assert lines[0] == f"resuming {place}"
    assert watched.readings + rest.readings == 2 * (len(PATIENTS) + 1) + ahead
    assert same_weights(network, whole)
    assert without_seconds(history) == without_seconds(whole_history)


def test_stopped_at_every_step_it_still_arrives(tmp_path):
    whole, whole_history, _ = run(tmp_path / "whole", epochs=2)
    stops = 0
    while True:
        try:
            network, history, _ = run(tmp_path / "parts", epochs=2, stopping=after(1))
        except TrainingInterrupted:
            stops += 1
        else:
            break
    assert stops == 2 * len(PATIENTS) - 1
    assert same_weights(network, whole)
    assert without_seconds(history) == without_seconds(whole_history)


def test_the_seconds_of_an_epoch_are_those_of_all_its_parts(tmp_path):
    class Slow(Watched):
        def __getitem__(self, index):
            time.sleep(0.1)
            return super().__getitem__(index)

    with pytest.raises(TrainingInterrupted):
        run(tmp_path, Slow(PATIENTS), epochs=1, stopping=after(2))
    _, history, _ = run(tmp_path, Slow(PATIENTS), epochs=1)
    assert history[0]["seconds"] >= 0.1 * (len(PATIENTS) + 1)


def test_a_request_after_the_last_step_is_too_late(tmp_path):
    _, history, _ = run(tmp_path, epochs=2, stopping=after(2 * len(PATIENTS)))
    assert len(history) == 2


def test_chance_within_a_network_goes_on_where_it_was_stopped(tmp_path):
    def trained(folder, stopping=never):
        torch.manual_seed(1)
        network = torch.nn.Sequential(DenoisingAutoencoder(), torch.nn.Dropout3d(0.5))
        context = Context(1, "cpu", folder / "checkpoint.pt", {}, str, stopping)
        plain = learner(network, PlainDenoising)
        Trainer(plain, PATIENTS, Settings(epochs=2, precision="fp32"), context).run()
        return network

    with pytest.raises(TrainingInterrupted):
        trained(tmp_path / "parts", after(4))
    assert same_weights(trained(tmp_path / "parts"), trained(tmp_path / "whole"))


KILLED = """
import os, signal, sys
from pathlib import Path
from test_trainer import PATIENTS, run, torch
torch.set_num_threads(1)
steps = iter(range(int(sys.argv[2])))
def kill():
    if next(steps, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
run(Path(sys.argv[1]), stopping=kill)
"""


@pytest.mark.parametrize(("steps", "epochs"), [(2, 0), (7, 2), (11, 3)])
def test_a_killed_training_loses_no_more_than_its_last_epoch(tmp_path, steps, epochs):
    program = [sys.executable, "-c", KILLED, tmp_path / "killed", steps]
    folders = (ROOT / "workflow/scripts", ROOT / "tests", Path(__file__).parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))}
    killed = subprocess.run(list(map(str, program)), env=environment)
    assert killed.returncode == -signal.SIGKILL
    whole, whole_history, _ = run(tmp_path / "whole")
    network, history, lines = run(tmp_path / "killed")
    assert lines[0].startswith(f"resuming after epoch {epochs}" if epochs else "epoch 1/4")
    assert same_weights(network, whole)
    assert without_seconds(history) == without_seconds(whole_history)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)],
)
def test_a_named_precision_is_taken_on_any_device(name, dtype):
    assert autocast_dtype(name, torch.device("cpu")) is dtype
    assert autocast_dtype(name, torch.device("cuda")) is dtype


@pytest.mark.parametrize("supported", [True, False])
def test_auto_takes_bf16_where_the_hardware_has_it(monkeypatch, supported):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": supported})
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: supported)
    cpu, cuda = (autocast_dtype("auto", torch.device(kind)) for kind in ("cpu", "cuda"))
    assert cpu is (torch.bfloat16 if supported else torch.float32)
    assert cuda is (torch.bfloat16 if supported else torch.float16)


def test_auto_is_full_precision_on_a_processor_of_another_kind(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"architecture": "aarch64"})
    assert autocast_dtype("auto", torch.device("cpu")) is torch.float32


@pytest.mark.parametrize("kind", [Denoising, PlainDenoising])
def test_mixed_precision_is_really_used(tmp_path, monkeypatch, kind):
    """In every step; PyTorch's own layers have its autocast."""
    seen, convolve = [], torch.nn.functional.conv3d

    def watched(volume, *arguments, **named):
        result = convolve(volume, *arguments, **named)
        seen.append(result.dtype)
        return result

    monkeypatch.setattr(torch.nn.functional, "conv3d", watched)
    network = DenoisingAutoencoder()
    context = Context(1, "cpu", tmp_path / "checkpoint.pt", {}, str)
    half = Settings(epochs=1, precision="bf16")
    Trainer(learner(network, kind), PATIENTS[:1], half, context).run()
    assert set(seen) == {torch.bfloat16}
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_the_next_patient_is_read_while_a_step_runs(tmp_path):
    read = threading.Event()

    class Ahead(Watched):
        def __getitem__(self, index):
            if self.readings == 1:
                read.set()
            return super().__getitem__(index)

    free = Ahead(PATIENTS)
    asked = []

    def stopping():
        asked.append(read.wait(10) if free.readings else True)
        return False

    run(tmp_path, free, epochs=1, stopping=stopping)
    assert asked == [True] * 3


@pytest.mark.parametrize(("dtype", "largest"), [(np.uint8, 255), (np.uint16, 65535)])
def test_stored_codes_train_as_their_fractions_do(tmp_path, dtype, largest):
    coded, exact = [], []
    for known, mask in PATIENTS:
        codes = np.round(known.inputs["sum"] * largest).astype(dtype)
        coded.append((Measurement(known.angles, {"sum": codes}), mask))
        exact.append((Measurement(known.angles, {"sum": codes / np.float32(largest)}), mask))
    first, history, _ = run(tmp_path / "coded", coded, epochs=2)
    second, expected, _ = run(tmp_path / "exact", exact, epochs=2)
    assert same_weights(first, second)
    assert without_seconds(history) == without_seconds(expected)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", 0),
        ("epochs", 2.0),
        ("epochs", True),
        ("batch_size", "1"),
        ("learning_rate", 0),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("learning_rate", "1e-3"),
        ("focal_alpha", -1),
        ("focal_gamma", -0.1),
        ("schedule", "cosine"),
        ("precision", "fp64"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name_and_value(key, value):
    with pytest.raises(ValueError, match=key) as refused:
        Settings(**{key: value})
    assert repr(value) in str(refused.value)


def test_the_message_about_gamma_does_not_deny_zero():
    assert Settings(focal_gamma=0).focal_gamma == 0
    with pytest.raises(ValueError, match="focal_gamma") as refused:
        Settings(focal_gamma=-1)
    assert "above 0" not in str(refused.value)


def test_the_defaults_are_the_papers():
    paper = {"learning_rate": 1e-3, "batch_size": 1, "focal_alpha": 0.5, "focal_gamma": 0.2}
    assert paper.items() <= dataclasses.asdict(Settings()).items()
