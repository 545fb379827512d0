"""The grey of XA pixels: how stored numbers follow the intensity of the beam."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from ....errors import InputError
from ..elements import value_of
from .fields import FrameFields, numbers_of, sequence

PROPERTIES = "FramePixelDataPropertiesSequence"
TABLES = "PixelIntensityRelationshipLUTSequence"


@dataclass(frozen=True, eq=False)
class Grey:
    """How stored numbers follow the beam.

    relationship : "LIN", proportional to the intensity, or "LOG", to its logarithm.
    sign : 1 where higher numbers are more beam, -1 where they are less.
    bits : stored. table : beam intensity of each number from `first` on, or None.
    """

    relationship: str
    bits: int
    sign: int = 1
    table: np.ndarray | None = None
    first: int = 0

    @property
    def top(self) -> int:
        """The highest number that the bits hold."""
        return 2**self.bits - 1

    @property
    def scale_is_known(self) -> bool:
        """Whether differences of its logarithms are attenuations, and not in an unknown unit."""
        return self.relationship == "LIN" or self.table is not None

    def beam(self, stored: np.ndarray) -> np.ndarray:
        """Beam intensity in an arbitrary unit, float64, of stored numbers of any shape.

        Of LOG without a table, the logarithm is taken to span all that the bits can tell apart.
        """
        if self.relationship == "LOG" and self.table is not None:
            return self.table[np.clip(stored.astype(int) - self.first, 0, len(self.table) - 1)]
        rising = stored if self.sign > 0 else self.top - stored.astype(np.int64)
        if self.relationship == "LIN":
            return rising.astype(np.float64)
        return np.exp(rising * (math.log(self.top + 1) / self.top))

    def log_beam(self, beam: np.ndarray) -> np.ndarray:
        """Natural logarithm; of no beam at all that of half the smallest number."""
        return np.log(np.maximum(beam, 0.5))

    def saturated(self, stored: np.ndarray) -> np.ndarray:
        """Where a pixel holds the highest number, or in LIN the lowest: no intensity is known."""
        lowest_is_no_beam = self.relationship == "LIN"
        return (stored >= self.top) | ((stored == 0) & lowest_is_no_beam)


def read_grey(frame: FrameFields) -> Grey:
    """How a frame's numbers follow the beam.

    Raises InputError where the file does not say, or says what is for display alone.
    """
    relationship = frame.word("PixelIntensityRelationship", PROPERTIES)
    if relationship not in ("LIN", "LOG"):
        shown = f"PixelIntensityRelationship {relationship}" if relationship == "DISP" else ""
        raise InputError(
            f"{frame.name}: {shown or 'no PixelIntensityRelationship'}, where LIN or LOG would say "
            "how grey follows the beam, which line integrals need; export the run as acquired"
        )
    sign = frame.numbers("PixelIntensityRelationshipSign", PROPERTIES)
    table, first = _table(frame) if relationship == "LOG" else (None, 0)
    bits = frame.image.bits_stored
    return Grey(relationship, bits, -1 if sign and sign[0] < 0 else 1, table, first)


def _table(frame: FrameFields) -> tuple[np.ndarray | None, int]:
    """The look-up table from LOG back to the beam's intensity, as float64, and its first input."""
    linear = [item for item in frame.items(TABLES) if item.get("LUTFunction") == "TO_LINEAR"]
    for item in (*linear, *sequence(frame.header, "ModalityLUTSequence")):
        descriptor = numbers_of(
            value_of(item, "LUTDescriptor", frame.name), "LUTDescriptor", frame.name
        )
        if len(descriptor) != 3:
            raise InputError(f"{frame.name}: LUTDescriptor has {len(descriptor)} numbers, not 3")
        count = int(descriptor[0]) or 2**16
        table = _entries(item, frame.name)
        if len(table) != count:
            raise InputError(f"{frame.name}: a look-up table of {len(table)} numbers, not {count}")
        if np.diff(table).min(initial=0) < 0 < np.diff(table).max(initial=0):
            raise InputError(
                f"{frame.name}: its look-up table rises and falls, so it does not lead from LOG "
                "back to beam intensity"
            )
        return table, int(descriptor[1])
    return None, 0


def _entries(item: Dataset, name: str) -> np.ndarray:
    data: Any = value_of(item, "LUTData", name)
    if isinstance(data, bytes):
        return np.frombuffer(data[: len(data) // 2 * 2], "<u2").astype(np.float64)
    return np.array(numbers_of(data, "LUTData", name))
