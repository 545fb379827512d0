"""What a predictor of views is, what it is given, and what it gives back.

A predictor gives images where a method (`angiovox.method`) gives a volume. Modules with a subclass
of `ViewPredictor` import packages inside functions only, as methods do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from ..errors import InputError
from ..method import Context, Measurement

if TYPE_CHECKING:
    import numpy as np

# Of each patient the views that are given, and others, whose "projections" are the truth.
Examples: TypeAlias = Sequence[tuple[Measurement, Measurement]]


class ViewPredictor(ABC):
    """A predictor of views, with its settings.

    name : in tables. title : in figures and pages. reference : where it comes from. Settings :
    frozen dataclass, with the original's values as defaults; it raises ValueError or TypeError for
    a value it refuses.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    reference: ClassVar[str]
    Settings: ClassVar[type]

    def __init__(self, settings: Any = None):
        self.settings = self.Settings() if settings is None else settings

    @abstractmethod
    def fit(self, examples: Examples, context: Context) -> tuple[dict, list[dict]]:
        """Make a model of the training patients.

        Returns its state, a dict of tensors, numbers and strings, and its history, a row per epoch.
        """

    @abstractmethod
    def predict(
        self, state: dict, given: Measurement, wanted: Measurement, context: Context
    ) -> np.ndarray:
        """Predict views of a patient.

        given : angles, geometry and "projections" of the views that were taken. wanted : angles and
        geometry of those to predict; its inputs are empty.

        Returns (views, i, j) float32, in the units of the given projections.
        """


class UntrainedPredictor(ViewPredictor):
    """A predictor whose views follow from the given ones alone."""

    @dataclass(frozen=True)
    class Settings:
        """There is nothing to set."""

    def fit(self, examples: Examples, context: Context) -> tuple[dict, list[dict]]:
        """Return an empty model."""
        return {}, []


def predict(
    predictor: ViewPredictor,
    patient: str,
    state: dict,
    given: Measurement,
    wanted: Measurement,
    context: Context,
) -> np.ndarray:
    """Predict views of a patient and check the result, (views, i, j) float32.

    The truth is taken off `wanted` before, so that no predictor can look at it.

    Raises InputError, naming the patient, for a wrong shape, NaN or infinity.
    """
    import numpy as np

    found = np.asarray(predictor.predict(state, given, replace(wanted, inputs={}), context))
    expected = (len(wanted.angles), *given.inputs["projections"].shape[1:])
    if found.shape != expected:
        raise InputError(
            f"patient {patient}: {predictor.name} gave views of shape {found.shape}, "
            f"expected {expected}"
        )
    if not np.isfinite(found).all():
        raise InputError(f"patient {patient}: {predictor.name} gave views with NaN or infinity")
    return found.astype(np.float32, copy=False)
