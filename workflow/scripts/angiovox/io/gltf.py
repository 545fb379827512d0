"""Coloured triangle meshes as binary glTF 2.0 (.glb), which browsers and presentations show.

VTK's exporter writes the text form beside a file of numbers, and no single .glb.
Source: Khronos glTF 2.0 specification, sections 3.4 (metres, y up, the front faces +z), 3.7 and 4.4
(container).
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from .atomic import atomic_file

MM_PER_METRE = 1000.0
# LPS has x to the left, y to posterior, z up. glTF has y up, and a model that looks along +z.
FROM_LPS = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
FLOAT, UINT16, UINT32 = 5126, 5123, 5125  # component types
VERTICES, INDICES = 34962, 34963  # targets of buffer views
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
ALIGNMENT = 4  # bytes


def write_glb(
    path: str | Path,
    points: np.ndarray,
    triangles: np.ndarray,
    normals: np.ndarray,
    colours: np.ndarray,
    name: str,
) -> None:
    """Write a surface as .glb, in metres with y up; the file appears whole or not at all.

    Parameters
    ----------
    points : (n, 3) mm in LPS. triangles : (m, 3), outwards by the right-hand rule.
    normals : (n, 3) unit vectors in LPS. colours : (n, 3) uint8 sRGB.
    name : of the mesh, as viewers list it.

    Raises
    ------
    ValueError : no triangle, for glTF has no empty mesh.
    """
    if not len(triangles):
        raise ValueError("a glTF mesh needs a triangle")
    places = (points @ FROM_LPS.T / MM_PER_METRE).astype("<f4")
    parts = [
        _accessor(places, FLOAT, "VEC3", VERTICES)
        | {"min": places.min(axis=0).tolist(), "max": places.max(axis=0).tolist()},
        _accessor((normals @ FROM_LPS.T).astype("<f4"), FLOAT, "VEC3", VERTICES),
        _accessor(_linear(colours), UINT16, "VEC4", VERTICES) | {"normalized": True},
        _accessor(triangles.astype("<u4").ravel(), UINT32, "SCALAR", INDICES),
    ]
    with atomic_file(path) as temporary:
        temporary.write_bytes(_container(parts, name))


def _accessor(array: np.ndarray, component: int, kind: str, target: int) -> dict:
    return {
        "array": array, "componentType": component, "count": len(array), "type": kind,
        "target": target,
    }  # fmt: skip


def _linear(colours: np.ndarray) -> np.ndarray:
    """sRGB (n, 3) uint8 as opaque linear (n, 4) uint16, which is what glTF's vertex colours are."""
    s = colours / 255
    linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    return np.rint(np.pad(linear, ((0, 0), (0, 1)), constant_values=1) * 65535).astype("<u2")


def _container(parts: list[dict], name: str) -> bytes:
    """Header, description and numbers of a .glb file."""
    numbers, views, accessors = b"", [], []
    for index, part in enumerate(parts):
        content = part.pop("array").tobytes()
        view = {"buffer": 0, "byteOffset": len(numbers), "byteLength": len(content)}
        views.append(view | {"target": part.pop("target")})
        accessors.append(part | {"bufferView": index})
        numbers += content
    material = {
        "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.7},
        "doubleSided": True,
    }
    primitive = {
        "attributes": {"POSITION": 0, "NORMAL": 1, "COLOR_0": 2}, "indices": 3, "material": 0,
    }  # fmt: skip
    description = {
        "asset": {"version": "2.0", "generator": "angiovox"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": name}],
        "meshes": [{"name": name, "primitives": [primitive]}],
        "materials": [material],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(numbers)}],
    }
    text = _chunk(JSON_CHUNK, json.dumps(description).encode(), b" ")
    chunks = text + _chunk(BINARY_CHUNK, numbers, b"\0")
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _chunk(kind: int, content: bytes, filler: bytes) -> bytes:
    content += filler * (-len(content) % ALIGNMENT)
    return struct.pack("<II", len(content), kind) + content
