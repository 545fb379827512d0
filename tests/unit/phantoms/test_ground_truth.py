"""The truth of a phantom: what is on disk is what was acquired, where the image shows it."""

import json
from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pytest
import pyvista
from angiovox.geometry.affine import LPS_TO_RAS, isotropic_affine
from angiovox.phantoms import ground_truth
from angiovox.phantoms.acquisition import Settings, acquire
from angiovox.phantoms.lesion_placement import Lesion
from angiovox.vessels.graph import Arteries, along
from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

SHAPE, VOXEL = (32, 32, 32), 1.5
LESIONS = {
    "aneurysm": {"share": 1, "size_mm": [6, 10]},
    "stenosis": {"share": 1, "degree": [0.4, 0.8], "length_mm": [3, 8]},
    "malformation": {"share": 1, "size_mm": [8, 10]},
}
a_few_patients = pytest.mark.parametrize("seed", [1, 2])


@cache
def acquired(seed, lesions=True, injection="all", scanner="3dra"):
    settings = Settings(injection, scanner=scanner, lesions=LESIONS if lesions else {})
    return acquire(seed, SHAPE, VOXEL, settings)


def by_hand():
    """A fork of two named arteries: one runs 3 mm, then 4 mm and 12 mm to its two ends."""
    return Arteries(
        points=np.array([[0, 0, 0], [3, 0, 0], [3, 4, 0], [3, 0, 12.0]]),
        radii=np.array([2, 1.5, 1.25, 0.1]),
        contrast=np.array([1, 0.9, 0.8, 0.7]),
        segments=np.array([[0, 1], [1, 2], [1, 3]]),
        artery=np.array([0, 0, 1]),
        names=("left M1", "left M2 superior"),
    )


@pytest.fixture
def graph(tmp_path):
    def write(arteries):
        ground_truth.write_graph(tmp_path / "graph.vtp", arteries)
        return pyvista.read(tmp_path / "graph.vtp")

    return write


def lines(mesh):
    """Each polyline's points, with the name of its artery."""
    names = mesh.cell_data["artery"]
    return [(mesh.get_cell(i).point_ids, str(names[i])) for i in range(mesh.n_cells)]


def length(mesh, name):
    return sum(along(mesh.points[ids])[-1] for ids, artery in lines(mesh) if artery == name)


def test_a_graph_written_by_hand_reads_as_it_was(graph):
    mesh = graph(by_hand())
    assert sorted(([*ids], name) for ids, name in lines(mesh)) == [
        ([0, 1, 2], "left M1"),
        ([1, 3], "left M2 superior"),
    ]
    np.testing.assert_array_equal(mesh.points, by_hand().points)
    assert (length(mesh, "left M1"), length(mesh, "left M2 superior")) == (7, 12)


@a_few_patients
def test_the_graph_has_every_artery_with_its_length_radii_and_contrast(graph, seed):
    arteries = acquired(seed).arteries
    mesh = graph(arteries)
    for number, name in enumerate(arteries.names):
        expected = arteries.lengths[arteries.artery == number].sum()
        assert length(mesh, name) == pytest.approx(expected, rel=1e-9), name
    assert {name for _, name in lines(mesh)} == set(arteries.names)
    np.testing.assert_array_equal(mesh.points, arteries.points)
    np.testing.assert_array_equal(mesh.point_data["radius"], arteries.radii)
    np.testing.assert_array_equal(mesh.point_data["contrast"], arteries.contrast)


@a_few_patients
def test_the_graph_read_again_joins_the_same_points(tmp_path, seed):
    arteries = acquired(seed).arteries
    ground_truth.write_graph(tmp_path / "graph.vtp", arteries)
    again = ground_truth.read_graph(tmp_path / "graph.vtp")
    for name in ("points", "radii", "contrast"):
        np.testing.assert_array_equal(getattr(again, name), getattr(arteries, name))

    def joined(of):
        return {
            (*sorted(pair), of.names[number])
            for pair, number in zip(of.segments.tolist(), of.artery, strict=True)
        }

    assert joined(again) == joined(arteries)
    assert len(again.segments) == len(arteries.segments)


@a_few_patients
def test_lines_run_through_the_arteries_of_the_image(graph, seed):
    """By the way that a DICOM reader goes: LPS millimetres through the series' affine."""
    taken = acquired(seed)
    mesh = graph(taken.arteries)
    thick = mesh.point_data["radius"] > np.sqrt(3) / 2 * VOXEL  # fills the middle of its voxel
    places = np.column_stack([mesh.points[thick], np.ones(thick.sum())])
    index = np.rint(places @ np.linalg.inv(LPS_TO_RAS @ isotropic_affine(SHAPE, VOXEL)).T)[:, :3]
    index = index[((index >= 0) & (index < SHAPE)).all(axis=1)].astype(int)
    assert len(index) > 50
    assert taken.share[tuple(index.T)].min() > 0
    assert taken.share[tuple(np.fliplr(index).T)].min() == 0  # nor by chance


@a_few_patients
def test_lesions_and_variant_come_back_from_json(tmp_path, seed):
    taken = acquired(seed)
    ground_truth.write_lesions(tmp_path / "truth.json", taken)
    told = json.loads((tmp_path / "truth.json").read_text())
    assert told["variant"] == asdict(taken.variant)
    again = [Lesion(**{**own, "position": tuple(own["position"])}) for own in told["lesions"]]
    assert again == taken.lesions
    assert {lesion.kind for lesion in again} == set(LESIONS)


def test_a_patient_without_lesions_or_variant_has_a_truth_too(tmp_path):
    taken = replace(acquired(1, lesions=False), variant=None)
    ground_truth.write_lesions(tmp_path / "truth.json", taken)
    told = json.loads((tmp_path / "truth.json").read_text())
    assert told == {"variant": None, "lesions": []}


def test_truth_that_cannot_be_written_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "truth.json"
    path.write_text("as it was")
    broken = Lesion("stenosis", "left M1", "left M1", (0.0, 0.0, 0.0), {"degree": object()})
    with pytest.raises(TypeError):
        ground_truth.write_lesions(path, replace(acquired(1), lesions=[broken]))
    assert [entry.name for entry in tmp_path.iterdir()] == ["truth.json"]
    assert path.read_text() == "as it was"


def test_a_graph_that_cannot_be_written_leaves_nothing_half_written(tmp_path, monkeypatch):
    class FullDisk(vtkXMLPolyDataWriter):
        def Write(self):
            super().Write()
            with open(self.GetFileName(), "r+b") as file:
                file.truncate(100)
            return 0

    monkeypatch.setattr("angiovox.io.mesh_files.vtkXMLPolyDataWriter", FullDisk)
    with pytest.raises(OSError, match=r"graph\.vtp"):
        ground_truth.write_graph(tmp_path / "graph.vtp", by_hand())
    assert list(tmp_path.iterdir()) == []


# The acquisition that it is the truth of


@pytest.mark.parametrize("scanner", ["3dra", "cta"])
def test_the_same_patient_is_acquired_with_the_same_bytes_and_another_is_another(scanner):
    first = acquired(1, scanner=scanner)
    again = acquire(1, SHAPE, VOXEL, Settings("all", scanner=scanner, lesions=LESIONS))
    assert first.volume.tobytes() == again.volume.tobytes()
    assert first.share.tobytes() == again.share.tobytes()
    assert first.lesions == again.lesions
    assert (first.volume != acquired(2, scanner=scanner).volume).mean() > 0.5


@a_few_patients
def test_lesions_change_the_arteries_where_they_are_and_not_the_patient(seed):
    ill, healthy = acquired(seed), acquired(seed, lesions=False)
    assert ill.variant == healthy.variant and healthy.lesions == []
    places = {lesion.kind: lesion.position for lesion in ill.lesions}
    index = {
        kind: tuple(np.rint(np.array(place) / VOXEL + 15.5).astype(int))
        for kind, place in places.items()
    }
    assert healthy.share[index["aneurysm"]] < ill.share[index["aneurysm"]] == 1
    assert ill.volume[index["aneurysm"]] > healthy.volume[index["aneurysm"]] + 100
    # Elsewhere bone and noise are those of the healthy one, but for the lesions' streaks.
    assert 0 < (ill.share != healthy.share).mean() < 0.05
    assert np.isclose(ill.volume, healthy.volume, atol=40).mean() > 0.95


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(injection="basilar"), "injection 'basilar': .*carotid, vertebral, all"),
        (Settings(centre="nose"), "centre 'nose': .*circle, head"),
        (Settings(scanner="mri"), "scanner 'mri': .*3dra, cta"),
        (
            Settings(lesions={"aneurysm": {"share": 1, "size_mm": [9, 90]}}),
            r"^size_mm: \[9, 90\] .* 48 mm",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings_that_cannot_be_met_are_refused_with_key_and_value(settings, words):
    with pytest.raises(ValueError, match=words):
        acquire(1, SHAPE, VOXEL, settings)
