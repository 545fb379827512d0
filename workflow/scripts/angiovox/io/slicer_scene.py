"""Scenes of 3D Slicer (.mrml): volumes and models in files beside the scene, and how to show them.

Node names and attributes are those that Slicer 5 writes. A model's storage says in which axes its
file is; without that, Slicer takes a scene for an old one, whose models are RAS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from .atomic import atomic_file

VERSION = "Slicer 5.6.2"  # whose conventions these are
GREY = "vtkMRMLColorTableNodeGrey"  # of Slicer's own colour tables


@dataclass(frozen=True)
class SceneVolume:
    """A NIfTI volume. file : beside the scene. window, level : of its values."""

    file: str
    name: str
    window: float
    level: float


@dataclass(frozen=True)
class SceneModel:
    """A VTP model in LPS mm.

    file : beside the scene. colour : red, green, blue in [0, 1]. opacity : in [0, 1].
    colour_array : point data of three bytes that colour it instead, or none.
    """

    file: str
    name: str
    colour: tuple[float, float, float]
    opacity: float = 1.0
    line_width: float = 1.0
    colour_array: str = ""


def write_scene(
    path: str | Path, volumes: Sequence[SceneVolume], models: Sequence[SceneModel]
) -> None:
    """Write a scene that loads volumes and models from its own folder.

    The first volume is shown in the three slice views.
    """
    scene = ElementTree.Element("MRML", version=VERSION, userTags="")
    for number, volume in enumerate(volumes, start=1):
        _add_volume(scene, volume, number)
    for number, model in enumerate(models, start=1):
        _add_model(scene, model, number)
    if volumes:
        for colour in ("Red", "Yellow", "Green"):
            _node(
                scene, "SliceComposite", f"vtkMRMLSliceCompositeNode{colour}", colour,
                layoutName=colour, singletonTag=colour,
                backgroundVolumeID="vtkMRMLScalarVolumeNode1",
            )  # fmt: skip
    ElementTree.indent(scene, " ")
    with atomic_file(path) as temporary:
        ElementTree.ElementTree(scene).write(temporary, encoding="UTF-8", xml_declaration=True)


def _add_volume(scene: ElementTree.Element, volume: SceneVolume, number: int) -> None:
    display, storage = (
        f"vtkMRML{kind}Node{number}" for kind in ("ScalarVolumeDisplay", "VolumeArchetypeStorage")
    )
    _node(
        scene, "VolumeDisplay", display, f"{volume.name} display", colorNodeID=GREY,
        window=volume.window, level=volume.level, autoWindowLevel="0", interpolate="1",
        visibility="true",
    )  # fmt: skip
    _node(
        scene, "VolumeArchetypeStorage", storage, f"{volume.name} storage",
        fileName=quote(volume.file), useCompression="1", centerImage="0",
        UseOrientationFromFile="1",
    )  # fmt: skip
    _node(
        scene, "Volume", f"vtkMRMLScalarVolumeNode{number}", volume.name,
        references=f"display:{display};storage:{storage};",
    )  # fmt: skip


def _add_model(scene: ElementTree.Element, model: SceneModel, number: int) -> None:
    display, storage = (f"vtkMRMLModel{kind}Node{number}" for kind in ("Display", "Storage"))
    scalars = {"scalarVisibility": "false"}
    if model.colour_array:
        scalars = {
            "scalarVisibility": "true",
            "activeScalarName": model.colour_array,
            "activeAttributeLocation": "point",
            "scalarRangeFlag": "UseDirectMapping",
        }
    _node(
        scene, "ModelDisplay", display, f"{model.name} display",
        color=" ".join(f"{part:g}" for part in model.colour), opacity=model.opacity,
        lineWidth=model.line_width, visibility="true", visibility2D="true", visibility3D="true",
        backfaceCulling="false", **scalars,
    )  # fmt: skip
    _node(
        scene, "ModelStorage", storage, f"{model.name} storage", fileName=quote(model.file),
        useCompression="1", coordinateSystem="LPS",
    )  # fmt: skip
    _node(
        scene, "Model", f"vtkMRMLModelNode{number}", model.name,
        references=f"display:{display};storage:{storage};",
    )  # fmt: skip


def _node(
    scene: ElementTree.Element, kind: str, identifier: str, name: str, **attributes: object
) -> None:
    values = {key: str(value) for key, value in attributes.items()}
    ElementTree.SubElement(scene, kind, {"id": identifier, "name": name} | values)
