"""Scenes of 3D Slicer: what they load, in which axes, and how they show it."""

from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
from angiovox.io.slicer_scene import SceneModel, SceneVolume, write_scene

VOLUME = SceneVolume("probability of <a>.nii.gz", "probability", 1.0, 0.5)
MODEL = SceneModel("artery.vtp", 'artery & "more"', (0.8, 0.2, 0.1), 0.7, 1.0, "colour")
LINE = SceneModel("line.vtp", "line", (0.0, 0.0, 1.0), 1.0, 3.0)


@pytest.fixture
def scene(tmp_path):
    write_scene(tmp_path / "scene.mrml", [VOLUME], [MODEL, LINE])
    return ElementTree.parse(tmp_path / "scene.mrml").getroot()


def referred(scene, node):
    """Nodes that a node refers to, by role."""
    parts = [part.split(":") for part in node.get("references").split(";") if part]
    return {role: scene.find(f"*[@id='{identifier}']") for role, identifier in parts}


def test_each_node_finds_its_display_and_its_file(scene):
    nodes = [*scene.findall("Volume"), *scene.findall("Model")]
    for node, part in zip(nodes, (VOLUME, MODEL, LINE), strict=True):
        found = referred(scene, node)
        assert node.get("name") == part.name
        assert found["display"].tag.endswith("Display")
        assert unquote(found["storage"].get("fileName")) == part.file


def test_ids_are_unique(scene):
    ids = [node.get("id") for node in scene]
    assert len(ids) == len(set(ids))


def test_models_are_lps(scene):
    storages = scene.findall("ModelStorage")
    assert [node.get("coordinateSystem") for node in storages] == ["LPS", "LPS"]


def test_a_model_has_its_own_colours_or_one(scene):
    mapped, plain = scene.findall("ModelDisplay")
    assert mapped.get("activeScalarName") == "colour"
    assert mapped.get("scalarRangeFlag") == "UseDirectMapping"
    assert plain.get("scalarVisibility") == "false"
    for node, model in ((mapped, MODEL), (plain, LINE)):
        np.testing.assert_allclose(list(map(float, node.get("color").split())), model.colour)
        assert float(node.get("opacity")) == model.opacity


def test_the_volume_is_in_the_slice_views(scene):
    volume = scene.find("Volume").get("id")
    shown = [node.get("backgroundVolumeID") for node in scene.findall("SliceComposite")]
    assert shown == [volume] * 3
