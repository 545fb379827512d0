"""The judges of the chaos run see what they shall see."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import wholeness
from angiovox.geometry.affine import isotropic_affine
from angiovox.io import atomic, centreline_files, model_files, nifti, surface_files
from angiovox.io.dicom import writer
from angiovox.masks import surfaces

SHAPE = (8, 8, 8)
AFFINE = isotropic_affine(SHAPE, 1.0)
TEXTS = {
    "a.csv": "patient,iou\nphantom-001,0.5\nphantom-002,0.25\n",
    "a.tsv": "s\tmax_rss\n1.5\t100.0\n",
    "a.json": json.dumps({"fraction": 0.01}, indent=1) + "\n",
    "a.md": "| views |\n|---|\n| 2 |\n",
    "a.txt": "The masks may be used.\n",
    "a.tex": "\\begin{table}\n\\caption{IoU}\n\\end{table}\n",
    "a.html": "<html><body>report</body></html>\n",
}
KINDS = [
    *TEXTS,
    "a.nii",
    "a.nii.gz",
    "a.pt",
    "a.stl",
    "a.vtp",
    "series/slice-0001.dcm",
    "a.png",
    "a.pdf",
    "surface.npz",
    "centreline.npz",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A file of each kind, as the workflow writes them."""
    folder = tmp_path_factory.mktemp("whole")
    noise = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    nifti.save_volume(folder / "a.nii", noise, AFFINE)
    nifti.save_volume(folder / "a.nii.gz", noise, AFFINE)
    model_files.save_model(folder / "a.pt", {"threshold": 0.5})
    surfaces.write_surface(noise > 0, AFFINE, folder / "a.stl", folder / "a.vtp")
    surface_files.save_surface(folder, np.eye(3), np.array([[0, 1, 2]]))
    centreline_files.save_centreline(folder, np.eye(3), np.ones(3), np.array([[0, 1]]))
    writer.write_series(noise[:, :, :1], AFFINE, folder / "series", "phantom-001")
    figure = plt.figure(figsize=(1, 1))
    for suffix in ("png", "pdf"):
        figure.savefig(folder / f"a.{suffix}")
    plt.close(figure)
    return folder


def test_whole_files_are_whole(whole):
    assert {str(p.relative_to(whole)) for p in whole.rglob("*") if p.is_file()} == set(KINDS)
    assert wholeness.torn(whole) == []
    assert wholeness.leftovers(whole) == []


def test_every_kind_of_a_real_study_has_a_reader_and_is_tried_here():
    assert {"".join(Path(name).suffixes) for name in KINDS} | {".log"} == set(wholeness.READERS)


@pytest.mark.parametrize("kept", ["nothing", "half", "all but the end"])
@pytest.mark.parametrize("name", KINDS)
def test_a_truncated_file_is_noticed(whole, tmp_path, name, kept):
    data = (whole / name).read_bytes()
    size = {"nothing": 0, "half": len(data) // 2, "all but the end": len(data.rstrip()) - 1}[kept]
    cut = tmp_path / "deeper" / name
    cut.parent.mkdir(parents=True)
    cut.write_bytes(data[:size])
    (told,) = wholeness.torn(tmp_path)
    path, _, why = told.partition(": ")
    assert path == str(cut) and why


@pytest.mark.parametrize("text", ["a,b\n1,2\n3\n", "a,b\n1,2\n3,4,5\n", "a,b\n"])
def test_a_table_of_uneven_or_no_rows_is_noticed(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    assert len(wholeness.torn(tmp_path)) == 1


def test_a_file_that_nobody_can_read_is_not_passed_over(tmp_path):
    (tmp_path / "a.unheard-of").write_text("text")
    assert "no reader" in wholeness.torn(tmp_path)[0]


def test_leftovers_are_found_and_results_and_snakemakes_own_are_not(tmp_path):
    kept = [
        "a.csv",
        "m/checkpoint.pt",
        "particles.csv",
        ".snakemake/locks/0.input.lock",
        "d/.snakemake_timestamp",
    ]
    left = [
        ".a.nii.1.part.nii",
        "m/checkpoint.previous.pt",
        "x.part",
        ".t/b.stl",
    ]
    for name in kept + left:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {str(Path(path).relative_to(tmp_path)) for path in wholeness.leftovers(tmp_path)}
    assert found == {name.replace("/b.stl", "") for name in left}


def test_an_interrupted_write_is_a_leftover(tmp_path):
    with atomic.atomic_file(tmp_path / "a.csv") as temporary:
        pd.DataFrame({"a": [1]}).to_csv(temporary)
        assert wholeness.leftovers(tmp_path) == [str(temporary)]
    assert wholeness.leftovers(tmp_path) == []
