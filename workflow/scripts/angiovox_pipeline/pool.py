"""Phantoms that only train: files of many, and their seeds."""

from __future__ import annotations

from typing import Any

POOL_FILE = "results/pool/{batch}.npz"
POOL_BATCH = 25  # phantoms in a job
FIRST_SEED, MAX_PHANTOMS = 10_000_000, 100_000


def pool_batches(count: int) -> dict[str, range]:
    """Numbers of the phantoms of a pool, by the name of the batch that makes them."""
    return {
        f"{first // POOL_BATCH + 1:04d}": range(first, min(first + POOL_BATCH, count))
        for first in range(0, count, POOL_BATCH)
    }


def pool_seeds(config: dict[str, Any], batch: str) -> list[int]:
    """Seeds of one batch, of which the cohort has none."""
    phantoms = config["cohort"]["phantoms"]
    first = FIRST_SEED + MAX_PHANTOMS * phantoms["seed"]
    return [first + number for number in pool_batches(phantoms["pool"])[batch]]
