"""Runs of XA made from line integrals."""

from __future__ import annotations

import numpy as np
from angiovox.geometry.cone_beam import CArm
from angiovox.io.dicom.xa.grey import Grey
from angiovox.io.dicom.xa.run import Run, to_image
from angiovox.io.dicom.xa.subtraction import Subtraction

LOG_RANGE = 6.0  # attenuation that the greys of `expose` span in LOG
OPEN_BEAM = 0.95  # of the highest grey, which what nothing absorbs has


def simulated_run(
    line_integrals: np.ndarray,
    arm: CArm,
    primary: np.ndarray | float,
    secondary: np.ndarray | float = 0.0,
    background: np.ndarray | float = 0.0,
    relationship: str = "LIN",
    bits: int = 12,
    plane: str = "",
    frame_time_s: float = 0.25,
) -> Run:
    """Make a run of what contrast absorbs: mask frames first, then frames with contrast.

    Where angles change, there is a mask for each frame, at its angles; else there is one for all.

    Parameters
    ----------
    line_integrals : (frames, u, v) of contrast, dimensionless.
    arm : the C-arm; its detector has (u, v) pixels.
    primary, secondary : (frames,) degrees, or one for all.
    background : what else absorbs, in every frame; broadcast against `line_integrals`.
    relationship, bits : see `expose`. plane : "A" or "B" of a biplane acquisition.

    Raises
    ------
    ValueError : images of another size than the detector.
    """
    if line_integrals.shape[1:] != tuple(arm.detector):
        raise ValueError(f"images of {line_integrals.shape[1:]} pixels, detector {arm.detector}")
    count = len(line_integrals)
    angles = np.stack([np.broadcast_to(angle, count) for angle in (primary, secondary)], axis=1)
    num_masks = count if bool(np.ptp(angles, axis=0).any()) else 1
    order = np.r_[:num_masks, :count]
    contrast = np.where(np.arange(len(order)) < num_masks, 0, 1)[:, None, None]
    behind = np.broadcast_to(background, line_integrals.shape)[order]
    stored, grey = expose(to_image(behind + contrast * line_integrals[order]), relationship, bits)
    masks = range(num_masks)
    ranges = (
        [(num_masks, num_masks + count - 1)]
        if num_masks == 1
        else [(num_masks + mask, num_masks + mask) for mask in masks]
    )
    return Run(
        name="simulated run",
        frames=stored,
        grey=grey,
        subtractions=tuple(
            Subtraction((mask,), (of,)) for mask, of in zip(masks, ranges, strict=True)
        ),
        angles=angles[order],
        distances=np.tile([arm.source_detector, arm.source_isocentre], (len(order), 1)),
        pixel_mm=(arm.pixel_size[1], arm.pixel_size[0]),
        exposed=np.ones(stored.shape[1:], dtype=bool),
        times=np.arange(len(order)) * frame_time_s,
        table=np.zeros((len(order), 3)),
        offset=arm.offset,
        plane=plane,
    )


def expose(
    line_integrals: np.ndarray, relationship: str = "LIN", bits: int = 12
) -> tuple[np.ndarray, Grey]:
    """Stored numbers of pixels behind a total attenuation, as a detector would write them.

    Parameters
    ----------
    line_integrals : (..., rows, columns), all that absorbs, dimensionless and not negative.
    relationship : "LIN" or "LOG", which gets a table that leads back to intensity.

    Returns
    -------
    stored : uint16 of the same shape. grey : how they follow the beam.
    """
    top = 2**bits - 1
    if relationship == "LIN":
        stored = np.rint(OPEN_BEAM * top * np.exp(-line_integrals))
        return stored.astype(np.uint16), Grey("LIN", bits)
    stored = np.rint(OPEN_BEAM * top * np.clip(1 - line_integrals / LOG_RANGE, 0, 1))
    attenuation = LOG_RANGE * (1 - np.arange(top + 1) / (OPEN_BEAM * top))
    beam = np.exp(-attenuation + attenuation.min())
    return stored.astype(np.uint16), Grey("LOG", bits, table=np.rint(beam * 65535))
