"""Training: it learns, it repeats itself, and it goes on where it was stopped."""

import dataclasses

import numpy as np
import pytest
import torch
from angiovox import files
from angiovox.interface import Context, Views
from angiovox.network import DenoisingAutoencoder
from angiovox.training import Trainer, autocast_dtype
from angiovox.training_settings import Settings

EDGE = 16
COLUMNS = ["epoch", "learning_rate", "loss", "iou", "iou_running_statistics", "seconds"]


class Stop(Exception):
    """What ends a job in the middle."""


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def patient(seed):
    """A bright bar in noise, and its mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((EDGE, EDGE, EDGE), dtype=bool)
    x, y = rng.integers(2, EDGE - 5, 2)
    mask[x : x + 4, y : y + 4] = True
    volume = np.clip(0.6 * mask + rng.uniform(0, 0.4, mask.shape), 0, 1).astype(np.float32)
    return Views(np.array([0.0, 90.0]), {"sum": volume}), mask


PATIENTS = [patient(seed) for seed in range(3)]


def run(folder, patients=PATIENTS, seed=1, stamp="stamp", log=None, **settings):
    """Train a network; return it with its history, the log's lines and the trainer's context."""
    lines = []
    given = {"epochs": 4, "precision": "fp32", "learning_rate": 1e-2} | settings
    context = Context(seed, "cpu", folder / "checkpoint.pt", stamp, log or lines.append)
    torch.manual_seed(seed)
    network = DenoisingAutoencoder()
    history = Trainer(network, patients, Settings(**given), context).run()
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


@pytest.mark.parametrize("schedule", ["constant", "one-cycle"])
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
    context = Context(1, "cpu", tmp_path / "parts" / "checkpoint.pt", "stamp", str)
    settings = Settings(epochs=4, precision="fp32", learning_rate=1e-2)
    Trainer(network, PATIENTS, settings, context).run()
    assert same_weights(whole, network)


def test_a_checkpoint_with_another_stamp_is_refused_and_training_starts_anew(tmp_path):
    fresh, fresh_history, _ = run(tmp_path / "fresh", stamp="new")
    stopped_after(2, tmp_path / "old", stamp="old")
    network, history, lines = run(tmp_path / "old", stamp="new")
    assert "checkpoint.pt refused" in lines[0]
    assert "starting anew" in lines[0]
    assert same_weights(network, fresh)
    assert without_seconds(history) == without_seconds(fresh_history)
    assert files.load_model(tmp_path / "old" / "checkpoint.pt")["stamp"] == "new"


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
    odd = Views(known.angles, {"sum": known.inputs["sum"][:13, :, :10]}), mask[:13, :, :10]
    _, history, _ = run(tmp_path, [odd], epochs=8)
    assert history[-1]["loss"] < history[0]["loss"]


def test_an_empty_mask_does_no_harm(tmp_path):
    known, mask = patient(0)
    _, history, _ = run(tmp_path, [(known, np.zeros_like(mask))], epochs=2)
    assert all(np.isfinite(row["loss"]) for row in history)


def test_nothing_but_the_checkpoint_is_left_in_the_folder(tmp_path):
    stopped_after(1, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)],
)
def test_a_named_precision_is_taken_on_any_device(name, dtype):
    assert autocast_dtype(name, torch.device("cpu")) is dtype
    assert autocast_dtype(name, torch.device("cuda")) is dtype


@pytest.mark.parametrize("supported", [True, False])
def test_auto_takes_bf16_where_the_hardware_has_it(monkeypatch, supported):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: supported)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: supported)
    cpu, cuda = (autocast_dtype("auto", torch.device(kind)) for kind in ("cpu", "cuda"))
    assert cpu is (torch.bfloat16 if supported else torch.float32)
    assert cuda is (torch.bfloat16 if supported else torch.float16)


def test_mixed_precision_is_really_used(tmp_path):
    seen = []
    torch.manual_seed(1)
    network = DenoisingAutoencoder()
    network.layers[0].register_forward_hook(lambda _, __, output: seen.append(output.dtype))
    context = Context(1, "cpu", tmp_path / "checkpoint.pt", "", str)
    Trainer(network, PATIENTS[:1], Settings(epochs=1, precision="bf16"), context).run()
    assert set(seen) == {torch.bfloat16}
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


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
