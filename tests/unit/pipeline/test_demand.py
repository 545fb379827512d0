"""What a conversion asks for, by what it reads."""

import gzip
from types import SimpleNamespace

import pytest
from angiovox.errors import InputError
from angiovox_pipeline import demand, resources
from angiovox_pipeline.cohort import Patient
from angiovox_pipeline.demand import Demand
from angiovox_pipeline.preflight import start
from angiovox_pipeline.resources import Scale
from image_files import write_metaimage, write_nrrd

SCALE = Scale(64, 90, 12, 1, 3, 3, 2, 1, 1, 20, 25, 9)
ANNA = SimpleNamespace(patient="anna")


@pytest.fixture
def of(monkeypatch):
    """What the conversion of a path is asked for and checked by, on a cluster."""
    monkeypatch.setattr(demand.scheduling, "within_memory", lambda workflow, asked: asked)

    def create(path):
        patient = Patient("anna", "test", dicom=str(path))
        return Demand(SimpleNamespace(patient=lambda name: patient, scale=SCALE), None)

    return create


def packed_zeros(path, edge):
    return write_nrrd(
        path,
        gzip.compress(bytes(edge**3)),
        sizes=f"{edge} {edge} {edge}",
        type="uchar",
        encoding="gzip",
    )


def test_memory_follows_from_the_voxels_and_not_from_the_packed_file(of, tmp_path):
    path = packed_zeros(tmp_path / "v.nrrd", 256)
    assert path.stat().st_size < 30_000
    of_grid = resources.memory_mb("convert", SCALE)
    asked = of(path).conversion_memory(ANNA, 1) - of_grid
    assert 8 * 256**3 / 1e6 < asked < 16 * 256**3 / 1e6
    again = packed_zeros(tmp_path / "w.nrrd", 128)
    assert (of(again).conversion_memory(ANNA, 1) - of_grid) == pytest.approx(asked / 8, rel=0.05)
    assert of(path).conversion_memory(ANNA, 2) > of(path).conversion_memory(ANNA, 1)


def test_voxels_in_a_file_beside_count(of, tmp_path):
    (tmp_path / "v.raw").write_bytes(bytes(200**3))
    shape = {"DimSize": "200 200 200", "ElementType": "MET_UCHAR"}
    path = write_metaimage(tmp_path / "v.mhd", file="v.raw", **shape)
    more = of(path).conversion_memory(ANNA, 1) - resources.memory_mb("convert", SCALE)
    assert more > 8 * 200**3 / 1e6


def test_a_file_that_is_refused_asks_for_no_more_than_the_grid(of, tmp_path):
    path = write_nrrd(tmp_path / "v.nrrd", sizes="1000 1000 2000")
    assert of(path).conversion_memory(ANNA, 1) == resources.memory_mb("convert", SCALE)


def test_a_volume_that_no_memory_here_holds_is_refused_before_it_starts(of, tmp_path):
    path = packed_zeros(tmp_path / "v.nrrd", 128)
    of(path).check_conversion(ANNA, 20)
    with pytest.raises(InputError, match=r"patient anna: v\.nrrd: 2097152 voxels .* 0\.01 GB"):
        of(path).check_conversion(ANNA, 10)


def test_the_start_of_a_run_checks_the_conversions_that_are_planned(of, tmp_path, monkeypatch):
    path = packed_zeros(tmp_path / "v.nrrd", 128)
    job = SimpleNamespace(rule=SimpleNamespace(name="mine_convert"), output=[], wildcards=ANNA)
    monkeypatch.setattr(start, "planned_jobs", lambda workflow: [job])
    monkeypatch.setattr(start, "executor", lambda workflow: "local")
    monkeypatch.setattr(start.scheduling, "is_local", lambda workflow: True)
    monkeypatch.setattr(start.resources, "check_memory", lambda *_: None)  # of the grid
    monkeypatch.setattr(start.scheduling, "memory_mb", lambda: 10)

    def check():
        folders = tmp_path / "results", tmp_path / "logs"
        start.check(of(path), {"mine_convert": "convert"}, folders, pytest.fail)

    with pytest.raises(InputError, match="patient anna"):
        check()
    monkeypatch.setattr(start.scheduling, "memory_mb", lambda: 20)
    check()
