"""What the rules of simulated angiography read of the config."""

from __future__ import annotations

from typing import Any


def protocol(config: dict[str, Any]) -> dict[str, Any]:
    """What a C-arm does, as `angiovox.phantoms.angiography_runs.Protocol` takes it."""
    own = {key: value for key, value in config["angiograms"].items() if key != "phantoms"}
    return own | config["cone_beam"]


def field_mm(config: dict[str, Any]) -> float:
    """Edge of the study's cube; 0 where voxels are each patient's own, without phantoms."""
    return config["volume"]["shape"] * (config["volume"]["voxel_mm"] or 0)
