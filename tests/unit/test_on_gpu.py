"""The measurements on a GPU, each run on the CPU at a small size."""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pytest
import torch
from angiovox.geometry.parallel_beam import projection_angles, view_indices
from angiovox.masks.otsu import otsu_mask
from angiovox.method import Context
from angiovox.methods.denoising_autoencoder.method import Settings
from angiovox.phantoms.acquisition import acquire
from angiovox.projectors.backprojection import network_inputs
from angiovox.projectors.mip import project_max
from angiovox.training.trainer import Trainer
from conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))

import on_gpu
import on_gpu_parts
import on_gpu_rows
import on_gpu_training

pytestmark = pytest.mark.usefixtures("one_thread", "quick")

EDGE = 32
WITHOUT = (
    "nibabel",
    "tqdm",
    "monai",
    "pandas",
    "pydicom",
    "highdicom",
    "vtkmodules",
    "yaml",
    "tabulate",
)
ROUNDED = 1.01  # numbers have three significant digits


@pytest.fixture
def quick(monkeypatch):
    """Single runs, few patients, and no float16, which takes seconds on a CPU."""
    monkeypatch.setattr(on_gpu_rows, "REPEATS", 1)
    monkeypatch.setattr(on_gpu_parts, "HALVES", ("bfloat16",))
    monkeypatch.setattr(on_gpu_training, "TRAINING_PATIENTS", 1)
    monkeypatch.setattr(on_gpu_training, "VALIDATION_PATIENTS", 1)


def rows_of(part, edge=EDGE, seconds=60.0):
    return on_gpu_parts.rows_of(part, "cpu", edge, time.time() + seconds)


def options(folder, **changes):
    given = {"seconds": 60, "edge": 16, "training_edge": 16, "folder": folder, "device": "cpu"}
    return argparse.Namespace(**given | changes)


def table(folder):
    return list(csv.DictReader((folder / "gpu.csv").open()))


# Parts


def test_projectors_equal_the_numba_kernels_to_rounding(monkeypatch):
    monkeypatch.setattr(on_gpu_parts, "HALVES", ("bfloat16", "float16"))
    steps = {"float32": 2**-19, "uint16": 2**-19, "bfloat16": 2**-8, "float16": 2**-11}
    rows = list(rows_of("projectors"))
    assert [row["dtype"] for row in rows] == 2 * list(steps)
    for row in rows:
        assert 0 <= row["difference"] <= ROUNDED * steps[row["dtype"]], row
        assert row["seconds"] > 0 and row["ratio"] > 0


def test_plain_network_and_ours_agree():
    rows = list(rows_of("network"))
    assert len(rows) == 6
    for plain, ours in zip(rows[::2], rows[1::2], strict=True):
        assert ours["difference"] <= (1e-5 if ours["dtype"] == "float32" else 1e-2), ours
        assert ours["ratio"] == pytest.approx(plain["seconds"] / ours["seconds"], rel=0.02)


def test_unet_is_measured_in_training_and_inference():
    rows = list(rows_of("unet"))
    assert [row["dtype"] for row in rows] == ["bfloat16", "float32", "float32"]
    assert all(row["seconds"] > 0 and "note" not in row for row in rows), rows


def test_training_learns_and_its_curve_goes_forward(monkeypatch):
    monkeypatch.setattr(on_gpu_training, "VALIDATIONS", 120)  # two in a second
    with closing(rows_of("training")) as rows:
        before = 0.0
        for row in rows:
            assert row["seconds"] >= before and 0 <= row["iou"] <= 1, row
            before = row["seconds"]
            if row["iou"] > 0.3:
                return
    pytest.fail(f"IoU of 0.3 was not reached in {before} s")


def test_training_without_time_takes_one_step_and_validates_it():
    rows = list(rows_of("training", seconds=0))
    counts = len(on_gpu_training.VIEW_COUNTS)
    assert len(rows) == 2 * counts
    assert all(row["note"].startswith("step 1; 1 patients to train on") for row in rows)
    assert [row["iou"] for row in rows[:counts]] == [row["iou"] for row in rows[counts:]]


def test_back_projections_and_mask_are_those_of_the_workflow():
    volume, angles = acquire(3, (EDGE,) * 3, 48 / EDGE).volume, projection_angles(90)
    subsets = [view_indices(90, count) for count in on_gpu_training.VIEW_COUNTS]
    sums, minima = network_inputs(project_max(volume, angles), angles, subsets, EDGE)
    patients = on_gpu_training.phantom(3, EDGE, "cpu")
    for (views, mask), chosen, *expected in zip(patients, subsets, sums, minima, strict=True):
        np.testing.assert_array_equal(views.angles, angles[chosen])
        np.testing.assert_array_equal(mask, otsu_mask(volume)[0])
        for kind, codes in zip(("sum", "min"), expected, strict=True):
            apart = views.inputs[kind].astype(int) - codes.astype(int)
            assert abs(apart).max() <= 5  # the workflow rounds each view to 16 bits before


@pytest.mark.parametrize(("dtype", "precision"), [("float32", "fp32"), ("float16", "fp16")])
def test_steps_are_those_of_the_trainer(tmp_path, dtype, precision):
    volume = np.random.default_rng(0).integers(0, 256, (1, 1, 16, 16, 16), dtype=np.uint8)
    batch = on_gpu_rows.to_device("cpu", volume, volume > 250)
    context = Context(0, "cpu", tmp_path / "unused.pt", {}, print)
    settings = Settings(epochs=1, precision=precision)
    trainer = Trainer(on_gpu_parts.denoising(plain=False), [None], settings, context)
    step = on_gpu_training.Step(on_gpu_parts.denoising(plain=False), "cpu", dtype)
    assert [step(batch) for _ in range(3)] == [trainer._step(batch)[0] for _ in range(3)]


# Rows


def test_rows_are_written_as_they_come_and_failures_among_them(tmp_path, monkeypatch):
    def broken(device, edge, deadline):
        yield on_gpu_rows.new_row("network", "first", (edge,), device)
        raise RuntimeError("no such | kernel\nand more")

    def lacking(device, edge, deadline):
        raise ModuleNotFoundError(name="skimage.filters")
        yield

    def whole(device, edge, deadline):
        for number in range(2):
            yield on_gpu_rows.new_row("training", f"point {number}", (edge,), device)

    parts = {"projectors": whole, "network": broken, "unet": lacking, "training": whole}
    monkeypatch.setattr(on_gpu_parts, "PARTS", parts)
    written = []

    def watched(*arguments):
        for row in on_gpu_parts.rows_of(*arguments):
            yield row
            written.append(len(table(tmp_path)))

    on_gpu.measure_all(options(tmp_path), "a machine", watched)
    assert written == [1, 2, 3, 4, 5, 6, 7]
    rows, page = table(tmp_path), (tmp_path / "gpu.md").read_text()
    assert rows[3]["note"] == "failed: RuntimeError: no such | kernel"
    assert rows[4]["note"] == "skipped: scikit-image is not installed"
    assert {row["machine"] for row in rows} == {"a machine"}
    assert "no such / kernel" in page and "a machine" in page
    assert page == on_gpu.page(rows)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gpu.csv", "gpu.md"]


def test_a_plain_network_that_runs_out_of_memory_leaves_ours(monkeypatch):
    def too_large(plain, device, edge, dtype):
        if plain:
            raise torch.cuda.OutOfMemoryError("tried to allocate 40 GB")
        return {"seconds": 1.0, "result": np.zeros(1)}

    plain, ours = on_gpu_parts.plain_and_ours("step", too_large, "cpu", EDGE, "bfloat16")
    assert plain["note"] == "failed: out of GPU memory"
    assert ours["seconds"] == 1 and "ratio" not in ours


def test_a_bare_machine_skips_only_what_needs_more():
    """PyTorch, numba and scikit-image do for all parts but the U-Net's inference in slabs."""
    program = f"""
import sys, time
sys.modules |= dict.fromkeys({WITHOUT})
import on_gpu, on_gpu_rows, on_gpu_parts, on_gpu_training
on_gpu_rows.REPEATS, on_gpu_parts.HALVES = 1, ("bfloat16",)
on_gpu_training.TRAINING_PATIENTS = on_gpu_training.VALIDATION_PATIENTS = 1
for part in on_gpu_parts.PARTS:
    for row in on_gpu_parts.rows_of(part, "cpu", 16, time.time()):
        if "seconds" not in row:
            print(row["what"], row["note"], sep=": ")
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "benchmarks")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "inference in overlapping slabs: skipped: tqdm is not installed\n"


# The command


def test_rows_are_printed_for_the_process_above(capsys):
    on_gpu.main(["--part", "network", "cpu", "8", "0"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["what"] for row in rows[:2]] == ["training step, plain", "training step, ours"]
    assert len(rows) == 6 and all(row["seconds"] > 0 for row in rows)


@pytest.fixture
def rows_of_program(tmp_path, monkeypatch):
    """Rows of a process that runs the given lines in place of a part."""

    def run(lines, seconds):
        program = tmp_path / "program.py"
        program.write_text(f"import sys, time\n{lines}\n")
        monkeypatch.setattr(on_gpu, "__file__", str(program))
        return list(on_gpu.in_own_process("network", "cpu", 8, seconds))

    return run


def test_a_process_that_dies_keeps_its_rows(rows_of_program):
    first, lines = {"part": "network", "what": "first"}, "print('a warning')\nprint('{}')\n"
    lines = lines.format(json.dumps(first))
    assert rows_of_program(lines, 60) == [first]
    failed = {"part": "network", "note": "failed: exit code 3"}
    assert rows_of_program(lines + "sys.exit(3)", 60) == [first, failed]


def test_a_process_is_stopped_when_its_time_is_up(rows_of_program):
    started = time.monotonic()
    (row,) = rows_of_program("time.sleep(60)", 1)
    assert row["note"] == "stopped: its 1 s were up"
    assert time.monotonic() - started < 30


def test_without_a_gpu_it_says_so_and_writes_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks/on_gpu.py", "--folder", tmp_path],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1 and on_gpu.COMMAND in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_page_is_that_of_the_table():
    folder = ROOT / "benchmarks"
    assert (folder / "gpu.md").read_text() == on_gpu.page(table(folder))
