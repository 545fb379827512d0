"""Refuse, before training, a patient who stands on both sides of the split under two ids."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from angiovox.errors import InputError

KINDS = {"volume": "the same volume", "series": "the same DICOM series"}


@dataclass(frozen=True)
class Pair:
    """Two ids of one patient; the second is the later one in the study.

    shared : what they have in common, in words.
    """

    first: str
    second: str
    shared: str


def same_patients(splits: Iterable[str], sources: Iterable[str | Path]) -> Iterator[Pair]:
    """Yield each pair of patients whose images are the same.

    splits : the patients' ids. sources : for each, the file of `source_digests`.
    """
    digests = {
        name: json.loads(Path(path).read_text(encoding="utf-8"))
        for name, path in zip(splits, sources, strict=True)
    }
    for kind, shared in KINDS.items():
        holders: dict[str, list[str]] = {}
        for name, own in digests.items():
            if kind in own:
                holders.setdefault(own[kind], []).append(name)
        for names in holders.values():
            yield from (Pair(*pair, shared) for pair in combinations(names, 2))


def check(pairs: Iterable[Pair], splits: Mapping[str, str], leave_out: str) -> list[str]:
    """Refuse pairs on two sides of the split; return a warning for each of the others.

    splits : of each patient. leave_out : the config's key that leaves patients out.

    Raises InputError naming both ids and their sides.
    """
    warnings: dict[tuple[str, str], str] = {}
    for pair in pairs:
        sides = [splits[name] for name in (pair.first, pair.second)]
        if sides[0] != sides[1]:
            raise InputError(
                f"patients {pair.first} ({sides[0]}) and {pair.second} ({sides[1]}) have "
                f"{pair.shared}: one patient on both sides of the split; leave one of them out "
                f"with {leave_out}: {json.dumps([pair.second])}"
            )
        warnings.setdefault(
            (pair.first, pair.second),
            f"patients {pair.first} and {pair.second} (both {sides[0]}) have {pair.shared}: one "
            "patient who counts twice",
        )
    return [*warnings.values()]
