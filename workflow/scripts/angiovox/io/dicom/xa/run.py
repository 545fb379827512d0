"""A run of X-ray angiography: its frames, where each was seen from, and what is subtracted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce

import numpy as np

from ....errors import InputError
from ....geometry.cone_beam import CArm
from ....geometry.views import Views
from . import subtraction
from .grey import Grey
from .identity import Identity
from .subtraction import Subtraction, operation_of, shifted

FILLED = 0.5  # of the greatest opacification that frames of good filling have at least
DARKEST = 0.01  # share of pixels that arteries are looked for among
STEADY = 0.1  # degrees by which a run's angles may change that stands still


@dataclass(frozen=True, eq=False)
class Run:
    """Frames of one plane. Frames are counted from 0 everywhere, in messages from 1.

    Attributes
    ----------
    name : of its file, for messages.
    frames : (frames, rows, columns) stored numbers, seen from the detector with the head up; rows
        run down. grey : how they follow the beam.
    subtractions : what is subtracted from which frames.
    angles : (frames, 2) primary and secondary in degrees, LAO and cranial positive.
    distances : (frames, 2) mm from the source to the detector and to the isocentre.
    pixel_mm : between rows and between columns, at the detector.
    exposed : (rows, columns) bool, pixels behind no shutter; single frames may be saturated there.
    times : (frames,) s since the first frame, or None where the file does not say.
    table : (frames, 3) mm, position of the table along the patient's axes.
    offset : mm along u and v from where the central ray meets the detector to its centre.
    plane : "A" or "B" of a biplane acquisition, or empty.
    notes : what was done beyond reading, in sentences.
    """

    name: str
    frames: np.ndarray
    grey: Grey
    subtractions: tuple[Subtraction, ...]
    angles: np.ndarray
    distances: np.ndarray
    pixel_mm: tuple[float, float]
    exposed: np.ndarray
    times: np.ndarray | None
    table: np.ndarray
    offset: tuple[float, float] = (0.0, 0.0)
    plane: str = ""
    notes: tuple[str, ...] = ()
    identity: Identity = field(default_factory=Identity, repr=False)

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def is_rotational(self) -> bool:
        """Whether its angles change from frame to frame."""
        return float(np.ptp(self.angles, axis=0).max()) > STEADY

    @cached_property
    def contrast(self) -> list[int]:
        """Frames that a mask is subtracted from."""
        return subtraction.contrast_frames(self.subtractions, len(self))

    @property
    def masks(self) -> list[int]:
        """Frames that are, or are averaged to, a mask."""
        operations = [operation_of(self.subtractions, frame) for frame in self.contrast]
        pairs = zip(self.contrast, operations, strict=True)
        return sorted({mask for frame, one in pairs for mask in one.masks_of(frame)})

    def with_masks(
        self,
        masks: Sequence[int],
        contrast: Sequence[int] | None = None,
        shift: tuple[float, float] = (0.0, 0.0),
    ) -> Run:
        """The same run with chosen masks in place of those that its file names.

        masks : frames that are averaged. contrast : frames that they are subtracted from; None for
        all after the last mask. shift : pixels (down, to the left) by which the mask is moved.

        Raises InputError where no contrast is left, or a mask is later than the contrast.
        """
        if not masks:
            raise InputError(f"{self.name}: no mask frame was chosen")
        after = range(max(masks) + 1, len(self))
        frames = after if contrast is None else contrast
        subtractions = subtraction.chosen(masks, frames, shift)
        if not frames:
            raise InputError(f"{self.name}: no frame with contrast is left behind the masks")
        subtraction.check(subtractions, self.angles, self.name)
        return replace(self, subtractions=subtractions)

    def line_integrals(self, frames: Iterable[int] | None = None) -> np.ndarray:
        """Attenuation by contrast along each pixel's ray, from the logarithms of mask and frame.

        frames : with contrast; None for all of them.

        Returns
        -------
        (frames, u, v) float32, dimensionless, positive where contrast absorbs, 0 in pixels that
        were not measured; in an unknown unit where `grey.scale_is_known` is false. u runs along
        the image's rows, v up, as `views` has them.

        Raises
        ------
        InputError : a frame that nothing is subtracted from.
        """
        return to_detector(np.stack([np.nan_to_num(one) for one in self._subtracted(frames)]))

    def measured(self, frames: Iterable[int] | None = None) -> np.ndarray:
        """Pixels (frames, u, v) bool whose line integral was measured."""
        return to_detector(np.stack([np.isfinite(one) for one in self._subtracted(frames)]))

    def log_mask(self, frame: int) -> np.ndarray:
        """Logarithm (u, v) of the beam of the mask that is subtracted from a frame; 0 in pixels
        that were not measured."""
        operation = operation_of(self.subtractions, frame)
        if operation is None:
            raise InputError(f"{self.name}: no mask is subtracted from frame {frame + 1}")
        mask = self._log_beam(operation.masks_of(frame))
        return to_detector(np.nan_to_num(shifted(mask, operation.shift_of(frame))))

    def _subtracted(self, frames: Iterable[int] | None) -> list[np.ndarray]:
        numbers = self.contrast if frames is None else [int(frame) for frame in frames]
        return [self._subtract(number) for number in numbers]

    def _subtract(self, frame: int) -> np.ndarray:
        """Line integrals of a frame (rows, columns) float32; NaN where none was measured."""
        operation = operation_of(self.subtractions, frame)
        if operation is None or frame not in self.contrast:
            raise InputError(f"{self.name}: no mask is subtracted from frame {frame + 1}")
        averaged = range(frame, frame + operation.averaged)
        mask, filled = (self._log_beam(one) for one in (operation.masks_of(frame), averaged))
        difference = shifted(mask, operation.shift_of(frame)) - filled
        return difference.astype(np.float32)

    def _log_beam(self, frames: Sequence[int]) -> np.ndarray:
        """Logarithm of the mean beam of frames; NaN where a shutter closed or one is saturated."""
        stored = [self.frames[frame] for frame in frames]
        known = self.exposed & ~np.any([self.grey.saturated(one) for one in stored], axis=0)
        mean = np.mean([self.grey.beam(one) for one in stored], axis=0)
        return np.where(known, self.grey.log_beam(mean), np.nan)

    def views(
        self, frames: Iterable[int] | None = None, table_origin: np.ndarray | None = None
    ) -> Views:
        """Source and detector of frames, in the order of `line_integrals`.

        frames : None for all with contrast. table_origin : (3,) position of the table that has the
        patient's origin in the isocentre; None for that of the first frame.
        """
        numbers = self.contrast if frames is None else list(frames)
        origin = self.table[0] if table_origin is None else table_origin
        rows, columns = self.frames.shape[1:]
        views = []
        for frame in numbers:
            arm = CArm(
                *map(float, self.distances[frame]),
                (columns, rows),
                (self.pixel_mm[1], self.pixel_mm[0]),
                self.offset,
            )
            views.append(arm.views(*self.angles[frame], self.table[frame] - origin))
        return Views.join(views)

    @cached_property
    def opacification(self) -> np.ndarray:
        """Attenuation (contrast frames,) by contrast, above each frame's median, as of no vessel.

        A mean over the most absorbing pixels, or, where a run stands still, over those that change
        most with time, so that what moved between mask and contrast has no part in it.
        """
        frames = self.contrast
        if self.is_rotational or len(frames) < 2:
            return np.array([_of_darkest(self._centred(frame)) for frame in frames])
        low, high = (reduce(fold, map(self._centred, frames)) for fold in (np.fmin, np.fmax))
        change = np.nan_to_num(high - low)
        arteries = change >= np.quantile(change, 1 - DARKEST)
        return np.array([float(np.nanmean(self._centred(frame)[arteries])) for frame in frames])

    def _centred(self, frame: int) -> np.ndarray:
        seen = self._subtract(frame)
        return seen - (np.nanmedian(seen) if np.isfinite(seen).any() else 0)

    def fill_frames(self) -> list[int]:
        """Frames in which at least half as much contrast is seen as in the fullest."""
        enough = self.opacification >= FILLED * self.opacification.max()
        return [frame for frame, filled in zip(self.contrast, enough, strict=True) if filled]

    def best_filled(self) -> int:
        """The frame in which most contrast is seen."""
        return self.contrast[int(self.opacification.argmax())]

    def maximum_opacification(self) -> np.ndarray:
        """The greatest line integral (u, v) of each pixel over time, float32.

        Raises InputError for a rotational run, whose frames see different things.
        """
        if self.is_rotational:
            raise InputError(
                f"{self.name}: a rotational run; the maximum over its frames would mix directions"
            )
        greatest = self._subtract(self.contrast[0])
        for frame in self.contrast[1:]:
            greatest = np.fmax(greatest, self._subtract(frame))
        return to_detector(np.nan_to_num(greatest))


def _of_darkest(image: np.ndarray) -> float:
    """Mean of the most absorbing pixels."""
    measured = image[np.isfinite(image)]
    if not measured.size:
        return 0.0
    return float(measured[measured >= np.quantile(measured, 1 - DARKEST)].mean())


def to_detector(images: np.ndarray) -> np.ndarray:
    """Images (..., rows, columns) to (..., u, v): columns along u, rows against v."""
    return np.ascontiguousarray(np.swapaxes(images[..., ::-1, :], -1, -2))


def to_image(detector: np.ndarray) -> np.ndarray:
    """The inverse of `to_detector`."""
    return np.ascontiguousarray(np.swapaxes(detector, -1, -2)[..., ::-1, :])
