"""The tables of docs/future_work.md: what was measured, beside what each option builds on."""

import re

import future_work
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

PATIENTS = [f"phantom-{number:03d}" for number in range(1, 9)]


def metrics(method, views, offset):
    """Values that differ between patients; IoU is about 0.3 and the offset."""
    spread = np.linspace(-0.02, 0.02, len(PATIENTS)) * (1 if offset == 0 else 1.3)
    values = {"iou": 0.3 + offset + spread, "cldice": 0.5 + spread, "open_edges": 0 * spread}
    rows = [
        (method, views, 1, patient, metric, value)
        for metric, column in values.items()
        for patient, value in zip(PATIENTS, column, strict=True)
    ]
    return pd.DataFrame(rows, columns=["method", "views", "seed", "patient", "metric", "value"])


@pytest.fixture
def results(tmp_path):
    offsets = {"dae": 0, "dae_silhouettes": -0.1, "dae_both": 0.05}
    for method, offset in offsets.items():
        path = tmp_path / f"metrics/{method}/views-2/seed-1.csv"
        path.parent.mkdir(parents=True)
        metrics(method, 2, offset).to_csv(path, index=False)
    return tmp_path


def row(text, entry, table=0):
    lines = [line for line in text.splitlines() if line.startswith(f"| `{entry}`")]
    return [cell.strip() for cell in lines[table].strip("|").split("|")]


def test_each_entry_has_its_mean_and_its_difference_to_what_it_builds_on(results):
    text = future_work.section(results)
    assert row(text, "dae")[2:4] == ["0.300", ""]
    assert row(text, "dae_silhouettes")[1:3] == ["`dae`", "0.200 ▼"]
    assert row(text, "dae_both")[1:3] == ["`dae_silhouettes`", "0.350 ▲"]
    assert row(text, "dae_both")[3].startswith("+0.150 (")
    assert f"n = {len(PATIENTS)} test" in text


def test_what_was_not_measured_says_so(results):
    text = future_work.section(results)
    assert row(text, "dae_all")[2] == row(text, "dae")[4] == future_work.NOTHING
    assert row(text, "dae_all", table=1)[1] == future_work.NOTHING
    assert row(text, "dae", table=1)[1].startswith("0.500 (")


def test_a_folder_without_metrics_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="no metrics of dae, dae_silhouettes"):
        future_work.section(tmp_path)


def test_the_page_has_the_tables_between_its_marks(results, tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- results -->\nold\n<!-- end -->\nafter\n")
    monkeypatch.setattr(future_work, "PAGE", page)
    future_work.main(results)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n")
    assert "old" not in text and "▲" in text


def test_the_page_names_every_entry_of_the_config():
    text = (ROOT / "docs/future_work.md").read_text()
    assert all(f"`{entry}`" in text for entry in future_work.ENTRIES)
    assert re.search("<!-- results -->.*<!-- end -->", text, re.S)
