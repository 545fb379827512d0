"""What `benchmarks/opposite_view.py` learns from and how it compares."""

import sys

import numpy as np
import pandas as pd
import pytest
from angiovox.projectors.line_integral import line_integral
from conftest import ROOT

sys.path.append(str(ROOT))

from benchmarks import opposite_view as benchmark
from benchmarks.opposite_view_tables import NETWORK_SETS, SETS, brought, markdown
from benchmarks.opposite_view_unet import named


@pytest.fixture(scope="module")
def scene():
    return benchmark.Scene(0.75)


@pytest.fixture(scope="module")
def volume(scene):
    """A few voxels far from the axis, each as bright as no other."""
    rng = np.random.default_rng(0)
    found = np.zeros(scene.shape, np.float32)
    found[tuple(rng.integers(8, 56, (3, 12)))] = rng.uniform(1, 2, 12)
    return found


def test_a_drawn_pair_is_of_the_phantom_or_of_its_mirror_image(scene, volume):
    views = line_integral(volume, scene.grid, scene.views)
    pairs = benchmark.OppositePairs(scene, views[None])
    volumes, found = (volume, volume[::-1]), set()
    for seed in range(20):
        pair = pairs.drawn(0, np.random.default_rng(seed))
        given, wanted = (float(part.angles[0]) for part in pair)
        assert (wanted - given, abs(given) <= 30) == (180, True)
        for part in pair:
            images = [line_integral(one, scene.grid, part.views) for one in volumes]
            apart = [np.abs(image - part.inputs["projections"]).max() for image in images]
            assert min(apart) < 1e-4 < max(apart)
        found.add((given, int(np.argmin(apart))))
    assert {mirrored for _, mirrored in found} == {0, 1}
    assert len({angle for angle, _ in found}) > 3


def test_an_undrawn_pair_is_frontal(scene, volume):
    views = line_integral(volume, scene.grid, scene.views)
    given, wanted = benchmark.OppositePairs(scene, views[None])[0]
    assert (given.angles.tolist(), wanted.angles.tolist()) == ([0], [180])


def test_the_mirrored_view_is_wrong_in_the_cone_beam_alone(scene, volume):
    phantom = benchmark.Phantom(volume, volume > 0, None, None, None)
    parallel = benchmark.in_parallel_beam(scene)
    _, views = benchmark.parallel_views(parallel, {"one": phantom})["one"]
    exact = benchmark.largest_mm(views["180 mirrored"], views["180"])
    cone = line_integral(volume, scene.grid, scene.views[[benchmark.FRONTAL, benchmark.OPPOSITE]])
    mirrored = benchmark.opposite(scene, "mirror", cone[0], {})
    assert exact < 1e-4 < 0.1 < benchmark.largest_mm(mirrored, cone[1])


def test_a_network_is_given_the_views_of_its_set(scene, volume):
    seen = line_integral(volume, scene.grid, scene.views)
    views = named(scene, seen, ("0", "90", "180 mirrored", "180"), {})
    frontal, lateral, behind = (
        seen[n] for n in (benchmark.FRONTAL, benchmark.LATERAL, benchmark.OPPOSITE)
    )
    for name, image in {"0": frontal, "90": lateral, "180": behind}.items():
        np.testing.assert_array_equal(views[name], image)
    np.testing.assert_allclose(views["180 mirrored"], frontal[::-1], atol=1e-6)
    assert {*NETWORK_SETS} < {*SETS} and ("0",) in NETWORK_SETS and ("0", "90") in NETWORK_SETS


def test_a_table_has_the_mean_of_the_base_and_differences_to_it():
    rng = np.random.default_rng(0)
    base = rng.uniform(0.4, 0.6, 8)
    values = {"0": base, "0 + 180": base + 0.1 + rng.normal(0, 0.01, 8), "0 + 0 again": base}
    rows = pd.DataFrame(
        {"method": "sirt", "views": views, "patient": list("abcdefgh"), "dice": of_set}
        for views, of_set in values.items()
    ).explode(["patient", "dice"], ignore_index=True)
    rows["dice"] = rows["dice"].astype(float)
    found = {row["views"]: row["SIRT"] for row in brought(rows, ("0",), "dice")}
    assert found["0"].startswith(f"{base.mean():.3f} (")
    assert found["0 + 0 again"] == "+0.000"
    gain = (values["0 + 180"] - base).mean()
    assert found["0 + 180"].startswith(f"{gain:+.3f} (")
    assert found["0 + 180"].endswith("▲")
    assert "0 + 180 mirrored" not in found


def test_the_committed_tables_follow_from_the_committed_numbers():
    folder = ROOT / "benchmarks"
    names = "opposite_view", "opposite_view_predictions", "opposite_view_unet"
    files = [folder / f"{name}.csv" for name in names]
    text = (folder / "opposite_view.md").read_text(encoding="utf-8")
    assert text == markdown(*files)
    geometry = (ROOT / "docs" / "geometry.md").read_text(encoding="utf-8")
    own = geometry[geometry.index("## The view at 180 degrees") : geometry.index("## Against")]
    cells = [cell.strip() for line in own.splitlines() for cell in line.split("|")[2:-1]]
    numbers = [cell for cell in cells if cell[-1:] in (")", "▲", "▼")]
    assert len(numbers) == 31
    assert not [cell for cell in numbers if cell not in text]
