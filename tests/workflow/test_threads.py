"""Networks follow from the config's number of threads, not from how many cores there are."""

import shutil

import numpy as np
import pytest
import torch
import yaml
from angiovox.geometry.affine import isotropic_affine
from angiovox.io import model_files
from angiovox.io.dicom import writer
from conftest import ONE_TESTED, snakemake
from plans import planned

SHAPE, VOXEL_MM = (16, 16, 16), 2.5
RUN = "dae/views-2/seed-1"
OTHERS = ("unet", "consistent", "cgan", "l1_cgan", "hull", "backprojection", "soft_hull")
CONFIG = {
    "cohort": {"phantoms": {"count": 0}, "sheet": "sheet.tsv"} | ONE_TESTED,
    "volume": {"shape": SHAPE[0], "voxel_mm": VOXEL_MM},
    "masks": {"implausible": "keep"},
    "projections": 4,
    "view_counts": [2],
    "methods": {"dae": {"epochs": 1}} | dict.fromkeys((*OTHERS, "soft_backprojection"), False),
}


@pytest.fixture
def scans(fresh):
    rows = ["patient\tdicom\tsplit"]
    for seed, name in enumerate(("one", "two", "three")):
        volume = np.random.default_rng(seed).normal(10, 3, SHAPE)
        volume[6:9, 5 : 8 + seed, :] = 300
        writer.write_series(volume, isotropic_affine(SHAPE, VOXEL_MM), fresh / name, name)
        rows.append(f"{name}\t{name}\t{'test' if name == 'three' else 'train'}")
    (fresh / "sheet.tsv").write_text("\n".join(rows) + "\n")
    return fresh


def run(folder, threads, *args):
    """The one training of a study; what was printed."""
    config = CONFIG | {"resources": {"torch_threads": threads}}
    (folder / "few.yaml").write_text(yaml.safe_dump(config))
    target = f"results/models/{RUN}/model.pt"
    done = snakemake(folder, target, *args, "--configfile", "few.yaml")
    assert done.returncode == 0, done.stdout
    return done.stdout


def weights(state, name=""):
    """Tensors of a model by name."""
    if torch.is_tensor(state):
        return {name: state}
    if not isinstance(state, dict):
        return {}
    parts = [weights(part, f"{name}.{key}") for key, part in state.items()]
    return {key: tensor for part in parts for key, tensor in part.items()}


def test_the_same_network_on_one_core_and_on_two(scans):
    folder = scans / f"results/models/{RUN}"
    found = []
    for cores in ("2", "1"):
        run(scans, 2, "--cores", cores)
        assert "training on 2 CPU threads" in (scans / f"logs/train/{RUN}.log").read_text()
        found.append(weights(model_files.load_model(folder / "model.pt")))
        shutil.rmtree(folder)
    assert found[0].keys() == found[1].keys() and len(found[0]) > 10
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])

    run(scans, 2, "--cores", "1")
    assert planned(run(scans, 2, "-n", "--cores", "2")) == {}
    assert planned(run(scans, 1, "-n", "--cores", "2")) == {"train": 1}
