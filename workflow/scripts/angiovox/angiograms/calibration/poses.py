"""Calibration of the views of angiograms by what they measure alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...geometry.grid import Grid
from ..measurement import Angiograms
from . import refinement
from .anchor import anchored
from .concurrence import concurred
from .consistency import Pair, comparable_pairs
from .findings import Inconsistency, disagreements, far_from_header, inconsistency_of
from .observability import PARAMETERS, c_arm_motion, determined_share
from .refinement import REFINED, Prior

HEADER = Prior()
OBSERVED = 0.5  # share of a variance from which on a parameter counts as determined by data


@dataclass(frozen=True, eq=False)
class Calibration:
    """Calibrated views, and how far they can be trusted.

    Attributes
    ----------
    angiograms : the measurement at the calibrated views, with the warnings added to its own.
    poses : (views, 6) from the header, as `Views.moved` takes them.
    motion : (views, 6) the same as changes of `observability.PARAMETERS`, degrees and mm.
    determined : (views, 6) share in [0, 1] of the variance of each change, against the other views,
        that data removed; where it is 0, a pose rests on the header alone.
    residual_before, residual_after : (views,) 1 minus the mean correlation with other views of the
        contrast per plane; 0 is full agreement. NaN where there is no view to compare with.
    pairs : how views agree with each other after calibration.
    warnings : sentences.
    """

    angiograms: Angiograms
    poses: np.ndarray
    motion: np.ndarray
    determined: np.ndarray
    residual_before: np.ndarray
    residual_after: np.ndarray
    pairs: tuple[Inconsistency, ...]
    warnings: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One for each view, for a table: what moved, how far data determined it, residuals."""
        return [self._row(view) for view in range(len(self.angiograms))]

    def _row(self, view: int) -> dict[str, Any]:
        changes = dict(zip(PARAMETERS, self.motion[view].tolist(), strict=True))
        shares = dict(zip(PARAMETERS, self.determined[view].tolist(), strict=True))
        return {
            "view": self.angiograms.labels[view],
            "moved_deg": float(np.degrees(np.linalg.norm(self.poses[view, :3]))),
            "moved_mm": float(np.linalg.norm(self.motion[view, 3:])),
            **{f"moved_{name}": change for name, change in changes.items()},
            **{f"determined_{name}": share for name, share in shares.items()},
            "residual_before": float(self.residual_before[view]),
            "residual_after": float(self.residual_after[view]),
            "unobservable": ", ".join(name for name in shares if shares[name] < OBSERVED),
        }


def calibrate(
    angiograms: Angiograms,
    grid: Grid,
    log: Callable[[str], None] = str,
    threads: int = 1,
    prior: Prior = HEADER,
) -> Calibration:
    """Refine each view's pose, near that of its header.

    Two views leave undetermined how far they are turned against each other about the axis normal to
    both central rays, and hardly see a shift along a ray: there, poses stay near the header. Of
    three views or more, what each two leave open is found from where all of them see contrast.
    Motion of all views together is never seen: what the views show stays where the header has it.

    Parameters
    ----------
    angiograms : views of one injection. grid : the field; its centre and size are used.
    log : writes a line. threads : share the pairs of views; the result does not depend on them.
    prior : standard deviations of the header's error.
    """
    centre = np.asarray(grid.centre, dtype=np.float64)
    pairs, unused = comparable_pairs(angiograms, centre, grid.diagonal / 2)
    count = len(angiograms)
    poses, hessian = _refined(pairs, count, prior, threads)
    if pairs:
        poses, hessian = concurred(angiograms, poses, hessian, prior, grid)
        poses = anchored(angiograms.views, poses, grid)
    before, after = (
        [inconsistency_of(pair, at) for pair in pairs] for at in (np.zeros_like(poses), poses)
    )
    motion = c_arm_motion(angiograms.views, poses, centre)
    labels = angiograms.labels
    warnings = (
        *unused, *disagreements(after, labels), *far_from_header(motion, labels, prior)
    )  # fmt: skip
    moved = angiograms.at(angiograms.views.moved(poses))
    result = Calibration(
        replace(moved, warnings=(*angiograms.warnings, *warnings)),
        poses,
        motion,
        determined_share(angiograms.views, hessian, prior),
        _residuals(before, count),
        _residuals(after, count),
        tuple(after),
        warnings,
    )
    for row in result.rows():
        log(
            f"{row['view']}: moved by {row['moved_deg']:.2f} degrees and {row['moved_mm']:.1f} mm, "
            f"residual {row['residual_before']:.3f} before, {row['residual_after']:.3f} after"
        )
    return result


def _refined(
    pairs: Sequence[Pair], count: int, prior: Prior, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Poses (count, 6), and the Hessian of the data there; the header's where none is better."""
    header = np.zeros((count, 6))
    if not pairs:
        return header, np.zeros((6 * count, 6 * count))
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        estimates = list(pool.map(lambda pair: refinement.search(pair, prior), pairs))
    starts = header, refinement.fused(pairs, estimates, count, prior)
    found = [refinement.gauss_newton(pairs, start, prior, REFINED) for start in starts]
    poses, hessian = min(
        found, key=lambda one: refinement.energy(pairs, one[0], prior, REFINED[-1])
    )
    energies = [refinement.energy(pairs, at, prior, REFINED[-1]) for at in (header, poses)]
    return (poses, hessian) if energies[1] < energies[0] else (header, hessian)


def _residuals(found: Sequence[Inconsistency], count: int) -> np.ndarray:
    """Of each view (count,), 1 minus its mean agreement with others."""
    residuals = np.full(count, np.nan)
    for view in range(count):
        own = [1 - one.agreement for one in found if view in one.views]
        residuals[view] = np.mean(own) if own else np.nan
    return residuals
